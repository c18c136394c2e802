// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the parts that the pipelines of every target share.

#ifndef VNM_LIB_PIPELINES_HOSTLOWERING_H
#define VNM_LIB_PIPELINES_HOSTLOWERING_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"
#include "vnm/Pipelines/Pipelines.h"

namespace vnm {

/// vnm-sparsify-model if a pattern is given; else, constant weights that are
/// sparse already are checked and packed.
void addFrontHalf(mlir::OpPassManager &pm, const SparsifySettings &settings);

/// Constant weights are packed, and the report is written if it is asked for.
void addFoldAndReport(mlir::OpPassManager &pm,
                      const SparsifySettings &settings);

/// Encoded tensors to storage, what is left of elementwise tensor ops to
/// linalg, tensors to memrefs with deallocations.
void addBufferization(mlir::OpPassManager &pm);

/// Kernel modules of GPU and NVGPU ops to LLVM and NVVM ops: what PTX is made
/// from.
void addKernelLowering(mlir::OpPassManager &pm);

/// Memrefs to parallel loops over vectors, those to OpenMP.
void addLoops(mlir::OpPassManager &pm, const LowerToCPUOptions &options);

/// Everything to the LLVM dialect; `hasLaunches` says whether there may be
/// launches of GPU kernels.
void addLLVM(mlir::OpPassManager &pm, bool hasLaunches);

/// vnm.spmm to kernels and launches, by the options that the pipelines to GPU
/// code and to the emulator have in common.
template <typename Options>
void addKernelEmission(mlir::OpPassManager &pm, const Options &options) {
  StageLayoutsOptions stage;
  stage.chip = options.chip;
  stage.family = options.family;
  stage.tokenTile = options.kernelTokenTile;
  pm.addPass(createStageLayouts(stage));
  ChooseScheduleOptions choose;
  choose.chip = options.chip;
  choose.costTable = options.costTable;
  choose.family = options.family;
  choose.tokenTile = options.kernelTokenTile;
  pm.addPass(createChooseSchedule(choose));
  ConvertVNMToGPUOptions toGPU;
  toGPU.chip = options.chip;
  toGPU.ptx = options.ptx;
  toGPU.family = options.family;
  toGPU.tokenTile = options.kernelTokenTile;
  pm.addPass(createConvertVNMToGPU(toGPU));
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
}

} // namespace vnm

#endif // VNM_LIB_PIPELINES_HOSTLOWERING_H
