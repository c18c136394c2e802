// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file builds vnm-lower-to-nvvm: from tensors to GPU code and a host that
// launches it.

#include "HostLowering.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Conversion/VNMNVVMToLLVM/VNMNVVMToLLVM.h"
#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"
#include "vnm/Pipelines/Pipelines.h"

using namespace mlir;
using namespace vnm;

void vnm::addKernelLowering(OpPassManager &pm) {
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createExpandKernelMath());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createConvertNVGPUToNVVMPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertGpuOpsToNVVMOps());
  kernels.addPass(createPlaceTensorMaps());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
}

void vnm::buildLowerToNVVMPipeline(OpPassManager &pm,
                                   const LowerToNVVMOptions &options) {
  addFrontHalf(pm, options.getSettings());
  // Deallocations first: their pass would free GPU buffers with the host's
  // allocator.
  addBufferization(pm);
  addKernelEmission(pm, options);
  if (options.format == GPUCodeFormat::MLIR)
    return;
  addKernelLowering(pm);
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createConvertVNMNVVMToLLVM());
  // Barriers' waits are inline PTX.
  kernels.addPass(createConvertNVVMToLLVMPass());
  SerializeKernelsOptions serialize;
  serialize.format = options.format == GPUCodeFormat::ISA ? "isa" : "bin";
  serialize.toolkit = options.toolkit;
  pm.addPass(createSerializeKernels(serialize));
  addLoops(pm, LowerToCPUOptions());
  addLLVM(pm, /*hasLaunches=*/true);
}
