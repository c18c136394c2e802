// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file registers the named pass pipelines.

#include "vnm/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;

/// As PassPipelineRegistration, except that what is wrong with options is a
/// part of the error; upstream's prints it.
template <typename Options>
static void registerPipeline(StringRef argument, StringRef description,
                             void (*build)(OpPassManager &, const Options &)) {
  registerPassPipeline(
      argument, description,
      [build](OpPassManager &pm, StringRef text,
              function_ref<LogicalResult(const Twine &)> emitError) {
        Options options;
        std::string message;
        llvm::raw_string_ostream stream(message);
        if (failed(options.parseFromString(text, stream)))
          return emitError(StringRef(message).trim());
        build(pm, options);
        return success();
      },
      [](function_ref<void(const detail::PassOptions &)> handle) {
        handle(Options());
      });
}

void vnm::registerPipelines() {
  registerPipeline<LowerToCPUOptions>(
      "vnm-lower-to-cpu",
      "Lowers a module to the LLVM dialect for this machine's processor",
      buildLowerToCPUPipeline);
  registerPipeline<LowerToEmulationOptions>(
      "vnm-lower-to-emulation",
      "Lowers a module as vnm-lower-to-nvvm does, with kernels for the "
      "emulator",
      buildLowerToEmulationPipeline);
  PassPipelineRegistration<>(
      "vnm-lower-emulation-host",
      "Lowers the host of kernels that convert-nvvm-to-emulation converted",
      buildHostOfEmulationPipeline);
  registerPipeline<SparsifyModelOptions>(
      "vnm-sparsify-model",
      "Makes the weights of a model in linalg V:N:M-sparse and packs them",
      [](OpPassManager &pm, const SparsifyModelOptions &options) {
        buildSparsifyModelPipeline(pm, options.getSettings());
      });
  registerPipeline<LowerToNVVMOptions>(
      "vnm-lower-to-nvvm",
      "Lowers a module to GPU code of its sparse products and a host that "
      "launches them",
      buildLowerToNVVMPipeline);
}
