// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the address maps of tensor copies in tiled mode.

#ifndef VNM_EMULATOR_INSTRUCTIONS_TENSORCOPY_H
#define VNM_EMULATOR_INSTRUCTIONS_TENSORCOPY_H

#include "vnm/Emulator/Instructions/MatrixDescriptor.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace vnm::emulator {

/// What a tensor map says of a tensor in global memory and of the box that one
/// `cp.async.bulk.tensor.{1,2,3,4,5}d` copies (PTX ISA 5.5, "Tensors"; CUDA
/// driver API, cuTensorMapEncodeTiled). Element strides are 1, there is no
/// interleave, and elements out of bounds are read as zeros. Dimension 0 is
/// contiguous.
struct TensorMap {
  /// Bytes of an element: 1, 2, 4 or 8.
  unsigned elementBytes = 2;
  /// Address of the tensor in global memory, a multiple of 16.
  uint64_t globalAddress = 0;
  /// Elements per dimension: 1 to 5 of them, each below 2^32.
  llvm::SmallVector<uint64_t, 5> sizes;
  /// Bytes from one index to the next in dimensions 1 and up: multiples of 16,
  /// below 2^40.
  llvm::SmallVector<uint64_t, 4> strides;
  /// Elements of the box per dimension, 1 to 256 each.
  llvm::SmallVector<uint32_t, 5> box;
  Swizzle swizzle = Swizzle::None;

  /// Bytes of the box, what an mbarrier's transaction count receives.
  uint64_t getBoxBytes() const;
};

/// Checks the limits above and that the box' inner dimension is a multiple of
/// 16 bytes and within the swizzle's row.
llvm::Error verify(const TensorMap &map);

/// Which way a tensor copy goes.
enum class TensorCopyDirection { Load, Store };

/// A piece of a tensor copy, contiguous on both sides.
struct TensorCopyPiece {
  uint32_t sharedAddress = 0;
  uint64_t globalAddress = 0;
  /// Bytes, at most 16. A load zeroes them in shared memory and a store skips
  /// them if out of bounds.
  unsigned bytes = 0;
  bool outOfBounds = false;
};

/// Calls `visit` for each piece of the copy between the box at `coordinates`
/// (dimension 0 first) and shared memory from `sharedAddress` on, until one
/// returns an error, which is passed on. Errors: those of verify, another
/// number of coordinates, a shared address not aligned to 128 bytes, or a
/// swizzled one not aligned to the pattern (256, 512 or 1024 bytes). As
/// seen on an H200, where it is an illegal instruction, it is an error too if
/// the box begins at no multiple of 16 bytes in dimension 0 or, when stored, at
/// a negative coordinate.
llvm::Error
forEachTensorCopyPiece(const TensorMap &map, TensorCopyDirection direction,
                       llvm::ArrayRef<int32_t> coordinates,
                       uint32_t sharedAddress,
                       llvm::function_ref<llvm::Error(TensorCopyPiece)> visit);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_TENSORCOPY_H
