// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-vnm-to-gpu.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "HostLaunch.h"
#include "KernelDescription.h"
#include "SpmmKernel.h"
#include "vnm/Conversion/VNMToGPU/ChipTable.h"

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

static KernelLaunch getLaunch(const SpmmProblem &problem,
                              const SpmmSchedule &schedule) {
  KernelLaunch launch;
  launch.family = toString(KernelFamily::MmaSp);
  launch.rowTiles = llvm::divideCeil(problem.numRows, schedule.rowTile);
  launch.tokenTile = schedule.tokenTile;
  launch.numThreads = schedule.numThreads();
  return launch;
}

static void lowerToLaunch(SpmmOp op, gpu::GPUModuleOp kernels, int64_t number) {
  SpmmProblem problem(op);
  SpmmSchedule schedule(problem);
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  gpu::GPUFuncOp kernel = buildSpmmKernel(
      builder, op, "spmm_" + std::to_string(number), problem, schedule);
  kernel->setAttr(kKernelAttrName,
                  describeKernel(op, getLaunch(problem, schedule)));
  auto name = SymbolRefAttr::get(kernels.getNameAttr(),
                                 {FlatSymbolRefAttr::get(kernel)});
  builder.setInsertionPoint(op);
  emitHostLaunch(builder, op, name, problem, schedule);
  op.erase();
}

namespace {
struct ConvertVNMToGPU final : vnm::impl::ConvertVNMToGPUBase<ConvertVNMToGPU> {
  using ConvertVNMToGPUBase::ConvertVNMToGPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::string features = checkTarget(module.getLoc(), chip, ptx);
    if (features.empty())
      return signalPassFailure();
    SmallVector<SpmmOp> ops;
    WalkResult result = module.walk([&](SpmmOp op) {
      ops.push_back(op);
      return WalkResult(checkSupported(op));
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    if (ops.empty())
      return;
    gpu::GPUModuleOp kernels = createKernelModule(module, chip, features);
    for (auto [number, op] : llvm::enumerate(ops))
      lowerToLaunch(op, kernels, number);
    numKernels += ops.size();
  }
};
} // namespace
