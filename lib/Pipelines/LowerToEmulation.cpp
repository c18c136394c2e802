// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file builds vnm-lower-to-emulation: as vnm-lower-to-nvvm, but the
// kernels become host code for the emulator.

#include "HostLowering.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Conversion/NVVMToEmulation/NVVMToEmulation.h"
#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"
#include "vnm/Pipelines/Pipelines.h"

using namespace mlir;

void vnm::buildHostOfEmulationPipeline(OpPassManager &pm) {
  addLoops(pm, LowerToCPUOptions());
  addLLVM(pm, /*hasLaunches=*/true);
  pm.addPass(createConvertLaunchesToEmulation());
}

void vnm::buildLowerToEmulationPipeline(
    OpPassManager &pm, const LowerToEmulationOptions &options) {
  addFrontHalf(pm, options.getSettings());
  addBufferization(pm);
  addKernelEmission(pm, options);
  addKernelLowering(pm);
  if (options.keepKernels)
    return;
  // Before gpu-to-llvm, which makes inline PTX of some NVVM ops.
  pm.addPass(createConvertNVVMToEmulation());
  buildHostOfEmulationPipeline(pm);
}
