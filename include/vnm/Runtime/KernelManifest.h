// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares manifests of compiled kernels (docs/aot.md): what each
// kernel computes, and how it is launched. Nothing here needs a GPU.

#ifndef VNM_RUNTIME_KERNELMANIFEST_H
#define VNM_RUNTIME_KERNELMANIFEST_H

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vnm::runtime {

/// A size: a number, or the name of one that the caller knows ("tokens").
using KernelSize = std::variant<int64_t, std::string>;

/// The sizes that a kernel leaves open, by name.
using KernelSizes = llvm::StringMap<int64_t>;

/// Memory on the GPU.
struct KernelBuffer {
  uint64_t pointer = 0; ///< CUdeviceptr of the first element.
  int64_t numElements = 0;
};

/// The buffers of one launch, by the names of the arguments.
using KernelBuffers = llvm::StringMap<KernelBuffer>;

/// What the driver is told to encode a tensor map; see docs/aot.md.
struct KernelTensorMap {
  std::string buffer;           ///< The argument whose array it maps.
  std::vector<int64_t> sizes;   ///< 1 to 5, the contiguous dimension first.
  std::vector<int64_t> strides; ///< In bytes, of all dimensions but the first.
  std::vector<int64_t> box;     ///< As many as sizes.
};

/// One argument, in the order of the kernel's parameters.
struct KernelArgument {
  enum class Kind : uint8_t {
    MemRef,   ///< Five parameters: pointer twice, offset 0, elements, stride 1.
    Size,     ///< One parameter: the size of this name.
    TensorMap ///< One parameter of 128 bytes: an encoded tensor map.
  };
  std::string name;
  Kind kind = Kind::MemRef;
  std::string type; ///< Of an element, as in MLIR: "f16".
  /// Row-major and contiguous; only for MemRef.
  std::vector<KernelSize> shape;
  KernelTensorMap map; ///< Only for TensorMap.

  /// Parameters, and words of 8 bytes that they have together.
  size_t getNumParameters() const { return kind == Kind::MemRef ? 5 : 1; }
  size_t getNumWords() const {
    return kind == Kind::TensorMap ? 16 : getNumParameters();
  }
};

/// One kernel of a manifest. See docs/aot.md for the fields.
struct KernelEntry {
  std::string name;
  std::string code; ///< File, relative to the manifest.
  std::string family;
  std::string pattern; ///< V:2:M
  int64_t rows = 0;    ///< R
  int64_t cols = 0;    ///< K
  KernelSize tokens;   ///< T
  std::vector<KernelSize> batch;
  int64_t rowTiles = 0;
  int64_t tokenTile = 0;
  int64_t maxBlocks = 0; ///< 0 if there is no limit.
  int64_t threads = 0;
  int64_t sharedMemory = 0; ///< Dynamic, in bytes.
  /// Whether it may start before the kernel before it has ended.
  bool dependentLaunch = false;
  std::vector<KernelArgument> arguments;

  /// CTAs of a launch, all in x; 0 if there is nothing to do, and then nothing
  /// may be launched. Error: a size that is missing or negative, or too many
  /// CTAs for the driver.
  llvm::Expected<int64_t> numBlocks(const KernelSizes &sizes) const;

  /// The words of the kernel's parameters, in order; those of tensor maps are
  /// zero, for the caller to encode. Error: a buffer that is missing or has
  /// other than the number of elements of its shape, or a size that is missing.
  llvm::Expected<std::vector<uint64_t>>
  packParameters(const KernelBuffers &buffers, const KernelSizes &sizes) const;
};

/// Reads a manifest. Errors name the kernel and the field.
llvm::Expected<std::vector<KernelEntry>> parseManifest(llvm::StringRef json);

} // namespace vnm::runtime

#endif // VNM_RUNTIME_KERNELMANIFEST_H
