// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the product that mma and wgmma share, on matrices that
// have left their registers or shared memory.

#ifndef VNM_EMULATOR_INSTRUCTIONS_MATRIXPRODUCT_H
#define VNM_EMULATOR_INSTRUCTIONS_MATRIXPRODUCT_H

#include "vnm/Emulator/Instructions/Fragment.h"
#include "llvm/ADT/SmallVector.h"

namespace vnm::emulator {

/// Operands of a product, one element per word.
struct MatrixProduct {
  ElementType typeA = ElementType::F16, typeB = ElementType::F16;
  ElementType accumulator = ElementType::F32;
  bool saturate = false;
  /// Columns of A as stored, and rows of B.
  unsigned stored = 0, k = 0;
  /// A, rows x stored, and B, transposed: columns x k.
  llvm::SmallVector<uint32_t, 0> a, b;
  /// If A is sparse: the column of each stored element, rows x stored.
  llvm::SmallVector<uint8_t, 0> columns;

  /// Element (row, col) of A * B + c, as bits of the accumulator's type.
  uint32_t computeElement(unsigned row, unsigned col, uint32_t c) const;

  /// D = A * B + C with fragments of C and D, which may be the same. Without
  /// lanes, `c` is zero.
  void compute(ConstFragmentRef c, FragmentRef d) const;
};

/// Element `element` of a register.
inline uint32_t extractElement(ElementType type, uint32_t word,
                               unsigned element) {
  unsigned width = getBitWidth(type);
  return width == 32 ? word : word >> (element * width) & ((1u << width) - 1);
}

/// `bits` with the sign of a floating-point element flipped.
inline uint32_t negateElement(ElementType type, uint32_t bits) {
  return bits ^ (1u << (getBitWidth(type) - 1));
}

/// The matrix of `rows` x `stored` elements that the registers of A hold.
llvm::SmallVector<uint32_t, 0> gatherA(ElementType type, ConstFragmentRef a,
                                       unsigned rows, unsigned stored);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_MATRIXPRODUCT_H
