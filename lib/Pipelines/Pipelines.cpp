// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file registers the named pass pipelines.

#include "vnm/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;

void vnm::registerPipelines() {
  PassPipelineRegistration<LowerToCPUOptions>(
      "vnm-lower-to-cpu",
      "Lowers a module to the LLVM dialect for this machine's processor",
      buildLowerToCPUPipeline);
  PassPipelineRegistration<LowerToEmulationOptions>(
      "vnm-lower-to-emulation",
      "Lowers a module as vnm-lower-to-nvvm does, with kernels for the "
      "emulator",
      buildLowerToEmulationPipeline);
  PassPipelineRegistration<>(
      "vnm-lower-emulation-host",
      "Lowers the host of kernels that convert-nvvm-to-emulation converted",
      buildHostOfEmulationPipeline);
  PassPipelineRegistration<SparsifyModelOptions>(
      "vnm-sparsify-model",
      "Makes the weights of a model in linalg V:N:M-sparse and packs them",
      [](OpPassManager &pm, const SparsifyModelOptions &options) {
        buildSparsifyModelPipeline(pm, options.getSettings());
      });
  PassPipelineRegistration<LowerToNVVMOptions>(
      "vnm-lower-to-nvvm",
      "Lowers a module to GPU code of its sparse products and a host that "
      "launches them",
      buildLowerToNVVMPipeline);
}
