// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-vnm-to-gpu.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "HostLaunch.h"
#include "KernelDescription.h"
#include "SkinnyKernel.h"
#include "SpmmKernel.h"
#include "WgmmaKernel.h"
#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/FormatVariadic.h"

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

static KernelLaunch getLaunch(const SpmmProblem &problem, KernelFamily family,
                              const LaunchShape &shape) {
  KernelLaunch launch;
  launch.family = toString(family);
  launch.rowTiles = llvm::divideCeil(problem.numRows, shape.rowTile);
  launch.tokenTile = shape.tokenTile;
  launch.numThreads = shape.numThreads;
  launch.sharedMemoryBytes = shape.dynamicSharedBytes;
  launch.maxBlocks = shape.maxBlocks;
  launch.dependentLaunch = shape.dependentLaunch;
  return launch;
}

/// The options of the choice.
struct FamilyOptions {
  StringRef family;
  int64_t tokenTile;
  const ChipInfo &chip;
};

static void lowerToLaunch(SpmmOp op, gpu::GPUModuleOp kernels, int64_t number,
                          KernelFamily family, const FamilyOptions &options) {
  SpmmProblem problem(op);
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  std::string symbol = "spmm_" + std::to_string(number);
  gpu::GPUFuncOp kernel;
  LaunchShape shape;
  if (family == KernelFamily::WgmmaSp) {
    WgmmaSchedule schedule(problem, *options.chip.limits, options.tokenTile);
    kernel = buildWgmmaKernel(builder, op, symbol, problem, schedule);
    shape = schedule.getLaunchShape();
  } else if (family == KernelFamily::Skinny) {
    SkinnySchedule schedule(problem, options.chip);
    kernel = buildSkinnyKernel(builder, op, symbol, problem, schedule);
    shape = schedule.getLaunchShape();
  } else {
    SpmmSchedule schedule(problem);
    kernel = buildSpmmKernel(builder, op, symbol, problem, schedule);
    shape = schedule.getLaunchShape();
  }
  kernel->setAttr(kKernelAttrName,
                  describeKernel(op, getLaunch(problem, family, shape)));
  auto name = SymbolRefAttr::get(kernels.getNameAttr(),
                                 {FlatSymbolRefAttr::get(kernel)});
  builder.setInsertionPoint(op);
  emitHostLaunch(builder, op, name, problem, shape);
  op.erase();
}

/// Tiles of wgmma_sp have 64 tokens or more.
static constexpr int64_t kFewTokens = 64;

/// Up to how many tokens skinny is taken.
static constexpr int64_t kSkinnyTokens = 16;

/// The family for `op`, given the option's text, or nothing after an error at
/// the op.
static std::optional<KernelFamily> chooseFamily(SpmmOp op,
                                                const FamilyOptions &options) {
  if (failed(checkSupported(op)))
    return std::nullopt;
  if (options.family == toString(KernelFamily::MmaSp))
    return KernelFamily::MmaSp;
  SpmmProblem problem(op);
  bool onlySkinny = options.family == toString(KernelFamily::Skinny);
  if (onlySkinny ||
      (options.family == "auto" && !ShapedType::isDynamic(problem.numTokens) &&
       problem.numTokens <= kSkinnyTokens)) {
    std::string refusal = explainSkinnyRefusal(problem, options.chip);
    if (refusal.empty())
      return KernelFamily::Skinny;
    if (onlySkinny) {
      op.emitOpError(refusal) << " (family skinny)";
      return std::nullopt;
    }
  }
  std::string refusal =
      explainWgmmaRefusal(problem, options.chip, options.tokenTile);
  if (options.family == toString(KernelFamily::WgmmaSp)) {
    if (refusal.empty())
      return KernelFamily::WgmmaSp;
    op.emitOpError(refusal) << " (family wgmma_sp)";
    return std::nullopt;
  }
  if (refusal.empty() && problem.numTokens < kFewTokens)
    refusal = llvm::formatv("requires at least {0} tokens to be faster, but "
                            "there are {1}",
                            kFewTokens, problem.numTokens);
  if (refusal.empty())
    return KernelFamily::WgmmaSp;
  if (llvm::is_contained(options.chip.families, KernelFamily::WgmmaSp))
    remark::missed(op.getLoc(),
                   remark::RemarkOpts::name("family").category("vnm-gpu"))
        << remark::add("mma_sp is taken instead of wgmma_sp")
        << remark::reason("{0}", refusal);
  return KernelFamily::MmaSp;
}

static LogicalResult checkFamilyOption(Location loc, StringRef option) {
  if (option == "auto" || option == toString(KernelFamily::MmaSp) ||
      option == toString(KernelFamily::WgmmaSp) ||
      option == toString(KernelFamily::Skinny))
    return success();
  return emitError(loc) << "requires family to be auto, mma_sp, wgmma_sp or "
                           "skinny, but it is '"
                        << option << "'";
}

namespace {
struct ConvertVNMToGPU final : vnm::impl::ConvertVNMToGPUBase<ConvertVNMToGPU> {
  using ConvertVNMToGPUBase::ConvertVNMToGPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::string features = checkTarget(module.getLoc(), chip, ptx);
    if (features.empty() || failed(checkFamilyOption(module.getLoc(), family)))
      return signalPassFailure();
    FamilyOptions options = {family, tokenTile, *lookupChip(chip)};
    SmallVector<std::pair<SpmmOp, KernelFamily>> ops;
    WalkResult result = module.walk([&](SpmmOp op) {
      std::optional<KernelFamily> choice = chooseFamily(op, options);
      if (!choice)
        return WalkResult::interrupt();
      ops.emplace_back(op, *choice);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    if (ops.empty())
      return;
    gpu::GPUModuleOp kernels = createKernelModule(module, chip, features);
    for (auto [number, item] : llvm::enumerate(ops))
      lowerToLaunch(item.first, kernels, number, item.second, options);
    numKernels += ops.size();
  }
};
} // namespace
