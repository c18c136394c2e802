// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the named pass pipelines.

#ifndef VNM_PIPELINES_PIPELINES_H
#define VNM_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "vnm/Pipelines/SparsifyOptions.h"

#include <string>

namespace vnm {

/// Options of vnm-lower-to-cpu: those of vnm-sparsify-model, which runs first
/// if `pattern` is given, and its own.
struct LowerToCPUOptions : SparsifyOptions<LowerToCPUOptions> {
  Option<int64_t> tokenTile{
      *this, "token-tile",
      llvm::cl::desc("Tokens a thread computes at a time, a power of two "
                     "in [16, 512]"),
      llvm::cl::init(128)};
  Option<int64_t> groupsPerBlock{
      *this, "groups-per-block",
      llvm::cl::desc("Groups whose activations are gathered at a time, a "
                     "multiple of 4 in [4, 256]"),
      llvm::cl::init(16)};
};

/// Adds the passes that take a module of linalg, tensors and vnm ops to the
/// LLVM dialect, for execution in the process: expand storage, bufferize, emit
/// parallel loops over vectors, lower them to OpenMP and LLVM. Functions get C
/// wrappers. The result needs libomp and, if it packs weights at run time,
/// libvnm_runtime.
void buildLowerToCPUPipeline(mlir::OpPassManager &pm,
                             const LowerToCPUOptions &options);

/// Options of vnm-sparsify-model.
struct SparsifyModelOptions : SparsifyOptions<SparsifyModelOptions> {
  SparsifyModelOptions() : SparsifyOptions("64:2:8") {}
};

/// Adds the front half: contractions with a weight, in linalg, become sparse
/// products with packed weights. Anchored on the module.
void buildSparsifyModelPipeline(mlir::OpPassManager &pm,
                                const SparsifySettings &settings);

/// What vnm-lower-to-nvvm makes of the kernels.
enum class GPUCodeFormat {
  MLIR, ///< Stops after convert-vnm-to-gpu, to look at the kernels.
  ISA,  ///< PTX text, which the driver compiles; needs no toolkit.
  Bin   ///< A cubin, from the toolkit's ptxas.
};

/// Options of vnm-lower-to-nvvm: those of vnm-sparsify-model, which runs first
/// if `pattern` is given, and its own.
struct LowerToNVVMOptions : SparsifyOptions<LowerToNVVMOptions> {
  Option<std::string> chip{
      *this, "chip",
      llvm::cl::desc("NVIDIA chip to build for, e.g. sm_90a (default sm_80)"),
      llvm::cl::init("sm_80")};
  Option<unsigned> ptx{
      *this, "ptx",
      llvm::cl::desc("PTX ISA version times ten; 0 for the chip's oldest"),
      llvm::cl::init(0)};
  Option<std::string> family{
      *this, "family",
      llvm::cl::desc("Kernel family: auto (default), mma_sp, wgmma_sp or "
                     "skinny"),
      llvm::cl::init("auto")};
  Option<int64_t> kernelTokenTile{
      *this, "kernel-token-tile",
      llvm::cl::desc(
          "Tokens of a tile of wgmma_sp: 64, 128, 192 or 256; 0, the "
          "default, chooses"),
      llvm::cl::init(0)};
  Option<GPUCodeFormat> format{
      *this, "format", llvm::cl::desc("What becomes of the kernels"),
      llvm::cl::init(GPUCodeFormat::ISA),
      llvm::cl::values(
          clEnumValN(GPUCodeFormat::MLIR, "mlir", "stop after their emission"),
          clEnumValN(GPUCodeFormat::ISA, "isa", "PTX, compiled by the driver"),
          clEnumValN(GPUCodeFormat::Bin, "bin", "a cubin; needs ptxas"))};
  Option<std::string> toolkit{
      *this, "toolkit",
      llvm::cl::desc("CUDA toolkit whose ptxas format=bin runs; by default the "
                     "one in PATH, in /usr/local/cuda or in /opt/cuda")};
};

/// Adds the passes that take a module of linalg, tensors and vnm ops to a
/// gpu.binary of the sparse products and to LLVM host code that launches them.
/// Everything else runs on the host, lowered as by vnm-lower-to-cpu. The result
/// needs libvnm_cuda_runtime and what vnm-lower-to-cpu's needs.
void buildLowerToNVVMPipeline(mlir::OpPassManager &pm,
                              const LowerToNVVMOptions &options);

/// Options of vnm-lower-to-emulation: those of vnm-lower-to-nvvm that decide
/// what the kernels are.
struct LowerToEmulationOptions : SparsifyOptions<LowerToEmulationOptions> {
  Option<bool> keepKernels{
      *this, "keep-kernels",
      llvm::cl::desc("Stop before convert-nvvm-to-emulation, to look at the "
                     "kernels or change them"),
      llvm::cl::init(false)};
  Option<std::string> chip{
      *this, "chip",
      llvm::cl::desc("NVIDIA chip to build for, e.g. sm_90a (default sm_80)"),
      llvm::cl::init("sm_80")};
  Option<unsigned> ptx{
      *this, "ptx",
      llvm::cl::desc("PTX ISA version times ten; 0 for the chip's oldest"),
      llvm::cl::init(0)};
  Option<std::string> family{
      *this, "family",
      llvm::cl::desc("Kernel family: auto (default), mma_sp, wgmma_sp or "
                     "skinny"),
      llvm::cl::init("auto")};
  Option<int64_t> kernelTokenTile{
      *this, "kernel-token-tile",
      llvm::cl::desc(
          "Tokens of a tile of wgmma_sp: 64, 128, 192 or 256; 0, the "
          "default, chooses"),
      llvm::cl::init(0)};
};

/// Adds the passes of vnm-lower-to-nvvm, except that the kernels become host
/// code that the emulator runs. The result needs libvnm_emulator and what
/// vnm-lower-to-cpu's needs.
void buildLowerToEmulationPipeline(mlir::OpPassManager &pm,
                                   const LowerToEmulationOptions &options);

/// Adds what vnm-lower-to-emulation does after convert-nvvm-to-emulation: the
/// host to LLVM, with launches of emulated kernels.
void buildHostOfEmulationPipeline(mlir::OpPassManager &pm);

/// Registers every pipeline of the project, so that textual pipelines may name
/// them.
void registerPipelines();

} // namespace vnm

#endif // VNM_PIPELINES_PIPELINES_H
