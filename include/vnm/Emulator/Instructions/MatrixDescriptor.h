// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the shared-memory descriptors of wgmma.

#ifndef VNM_EMULATOR_INSTRUCTIONS_MATRIXDESCRIPTOR_H
#define VNM_EMULATOR_INSTRUCTIONS_MATRIXDESCRIPTOR_H

#include "vnm/Emulator/Instructions/ElementType.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vnm::emulator {

/// How 16-byte pieces are permuted within rows of shared memory; the values are
/// those of bits 62-63 of a descriptor.
enum class Swizzle : uint8_t { None = 0, B128 = 1, B64 = 2, B32 = 3 };

/// Bytes of a row of the swizzled pattern: 16 (none), 32, 64 or 128.
unsigned getSwizzleBytes(Swizzle swizzle);

/// `address` with its 16-byte pieces permuted: bits 4.. are combined by
/// exclusive or with bits 7.. (1, 2 or 3 bits for 32, 64 and 128 bytes).
/// `phase` (0 .. 7) is the 128-byte row at which the pattern starts.
uint32_t swizzleAddress(Swizzle swizzle, uint32_t address, unsigned phase = 0);

/// Which of a matrix' two dimensions is contiguous in shared memory.
enum class Major { K, MN };

/// A matrix in shared memory as wgmma finds it (PTX ISA 9.7.15.5.1, "Matrix
/// descriptor format" and "Strides").
struct MatrixDescriptor {
  /// Byte address of the matrix, a multiple of 16, below 2^18.
  uint32_t address = 0;
  /// Leading and stride dimension byte offsets, multiples of 16, below 2^18.
  uint32_t leadingOffset = 0, strideOffset = 0;
  /// 128-byte row at which the swizzle pattern starts, 0 .. 7.
  unsigned baseOffset = 0;
  Swizzle swizzle = Swizzle::None;

  /// Decodes the 64 bits. Errors: a bit that PTX leaves undefined is set.
  static llvm::Expected<MatrixDescriptor> decode(uint64_t bits);

  /// The 64 bits.
  uint64_t encode() const;

  /// Checks that a matrix of `mn` x `k` elements of `type` can be described:
  /// MN-major needs 16-bit elements, a swizzled K-major row must lie within the
  /// pattern, the base offset must be 0 without a swizzle.
  llvm::Error verify(ElementType type, Major major, unsigned mn,
                     unsigned k) const;

  /// Byte address of element (mn, k), the swizzle applied.
  uint32_t getElementAddress(ElementType type, Major major, unsigned mn,
                             unsigned k) const;
};

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_MATRIXDESCRIPTOR_H
