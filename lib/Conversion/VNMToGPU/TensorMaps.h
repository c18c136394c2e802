// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares tensor maps: what a kernel's tensor copies must know of an
// array in global memory (PTX ISA 5.5, "Tensors"). The host encodes a map and
// passes it by value, as a parameter of 128 bytes; tensor copies take its
// address.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_TENSORMAPS_H
#define VNM_LIB_CONVERSION_VNMTOGPU_TENSORMAPS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// A map of an array of f16 or bf16, for boxes with the 128-byte swizzle.
/// Dimension 0 is contiguous. Elements out of bounds are zeros.
struct TensorMap {
  mlir::Type element;
  llvm::SmallVector<int64_t> sizes;
  /// Bytes from one index to the next in dimensions 1 and up.
  llvm::SmallVector<int64_t> strides;
  /// Elements of what one copy takes.
  llvm::SmallVector<int64_t> box;

  int64_t getRank() const { return static_cast<int64_t>(sizes.size()); }
};

/// Why no map like `map` can be encoded, as "requires X, but Y"; empty if one
/// can (CUDA driver API, cuTensorMapEncodeTiled).
std::string explainMapRefusal(const TensorMap &map);

/// Bytes to whose multiple the address of an encoded map is aligned.
inline constexpr int64_t kTensorMapAlignment = 64;

/// The type of an encoded map, as a kernel's parameter and in the host's code:
/// 128 bytes by value.
mlir::Type getTensorMapType(mlir::MLIRContext *context);

/// Emits host code that encodes `map` for the array at `buffer`, a memref in
/// GPU memory, by a call of mgpuTensorMapEncodeTiled; returns the encoded map.
mlir::Value emitEncodeTensorMap(mlir::ImplicitLocOpBuilder &b,
                                const TensorMap &map, mlir::Value buffer);

/// Emits, in a kernel, the address of the map that is its argument `argument`:
/// a conversion, which the pass vnm-place-tensor-maps takes away.
mlir::Value emitTensorMapAddress(mlir::ImplicitLocOpBuilder &b,
                                 mlir::Value argument);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_TENSORMAPS_H
