// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-vnm-to-gpu.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "HostLaunch.h"
#include "KernelDescription.h"
#include "LowerTransposes.h"
#include "ScheduleRule.h"
#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/Pass.h"

namespace vnm {
#define GEN_PASS_DEF_CONVERTVNMTOGPU
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

/// An empty gpu.module of the module's, with the target attached.
static gpu::GPUModuleOp createKernelModule(ModuleOp module, StringRef chip,
                                           StringRef features) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto target =
      NVVM::NVVMTargetAttr::get(module.getContext(), /*optLevel=*/3,
                                "nvptx64-nvidia-cuda", chip, features);
  auto kernels = gpu::GPUModuleOp::create(
      builder, module.getLoc(), "vnm_kernels", ArrayRef<Attribute>{target});
  SymbolTable(module).insert(kernels);
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  builder.getUnitAttr());
  return kernels;
}

static void lowerToLaunch(SpmmOp op, gpu::GPUModuleOp kernels, int64_t number,
                          ScheduleAttr schedule, const ChipInfo &chip) {
  SpmmProblem problem(op);
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  std::string symbol = "spmm_" + std::to_string(number);
  LaunchShape shape;
  gpu::GPUFuncOp kernel =
      lookUpFamily(schedule.getFamily())
          ->build(builder, op, symbol, problem, chip, schedule, shape);
  KernelLaunch launch;
  launch.schedule = schedule;
  launch.rowTiles = llvm::divideCeil(problem.numRows, shape.rowTile);
  launch.tokenTile = shape.tokenTile;
  launch.numThreads = shape.numThreads;
  launch.sharedMemoryBytes = shape.dynamicSharedBytes;
  launch.maxBlocks = shape.maxBlocks;
  launch.dependentLaunch = shape.dependentLaunch;
  launch.xMap = shape.xMap;
  kernel->setAttr(kKernelAttrName, describeKernel(op, launch));
  auto name = SymbolRefAttr::get(kernels.getNameAttr(),
                                 {FlatSymbolRefAttr::get(kernel)});
  builder.setInsertionPoint(op);
  emitHostLaunch(builder, op, name, problem, shape);
  op.erase();
}

/// The schedule, with all fields, of an op that has one; null after an error at
/// the op.
static ScheduleAttr completeSchedule(SpmmOp op, const SpmmProblem &problem,
                                     const ChipInfo &chip) {
  ScheduleAttr schedule = op.getScheduleAttr();
  std::string refusal = explainRefusal(problem, chip, schedule);
  if (refusal.empty())
    return lookUpFamily(schedule.getFamily())
        ->complete(problem, chip, schedule);
  op.emitOpError(refusal) << " (schedule " << schedule << ")";
  return {};
}

/// The schedule for `op`, with all fields; null after an error at the op.
static ScheduleAttr getSchedule(SpmmOp op, const ScheduleOptions &options) {
  if (failed(checkSupported(op)))
    return {};
  SpmmProblem problem(op);
  if (op.getScheduleAttr())
    return completeSchedule(op, problem, options.chip);
  RuleChoice choice = chooseByRule(op.getContext(), problem, options);
  if (!choice.schedule)
    op.emitOpError(choice.reason)
        << " (family " << toString(choice.passedOver->family) << ")";
  remarkOnPassedOver(op, choice);
  return choice.schedule;
}

namespace {
struct ConvertVNMToGPU final : vnm::impl::ConvertVNMToGPUBase<ConvertVNMToGPU> {
  using ConvertVNMToGPUBase::ConvertVNMToGPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::string features = checkTarget(module.getLoc(), chip, ptx);
    if (features.empty() || failed(checkFamilyOption(module.getLoc(), family)))
      return signalPassFailure();
    ScheduleOptions options = {family, tokenTile, *lookupChip(chip)};
    SmallVector<std::pair<SpmmOp, ScheduleAttr>> ops;
    WalkResult result = module.walk([&](SpmmOp op) {
      ScheduleAttr schedule = getSchedule(op, options);
      if (!schedule)
        return WalkResult::interrupt();
      ops.emplace_back(op, schedule);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    SmallVector<linalg::TransposeOp> transposes = findStagedTransposes(module);
    if (ops.empty() && transposes.empty())
      return;
    gpu::GPUModuleOp kernels = createKernelModule(module, chip, features);
    for (auto [number, item] : llvm::enumerate(ops))
      lowerToLaunch(item.first, kernels, number, item.second, options.chip);
    numKernels += ops.size();
    lowerTransposes(transposes, kernels);
  }
};
} // namespace
