// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the rounding model of tensor cores.

#ifndef VNM_EMULATOR_INSTRUCTIONS_DOTPRODUCT_H
#define VNM_EMULATOR_INSTRUCTIONS_DOTPRODUCT_H

#include "vnm/Emulator/Instructions/ElementType.h"
#include "llvm/ADT/ArrayRef.h"

namespace vnm::emulator {

/// How a tensor core adds a dot product to its accumulator. Products are exact.
/// Blocks of `blockSize` products are added one after another to the
/// accumulator. In each block, accumulator and products are aligned to the
/// largest exponent among them and cut off (towards zero) below `fractionBits`
/// bits after the binary point; the exact sum of these is rounded to the
/// accumulator's type. See docs/emulation-numerics.md.
struct DotProductModel {
  unsigned blockSize = 16;
  unsigned fractionBits = 25;
};

/// The model of Hopper (sm_90) for elements of `type`.
DotProductModel getDotProductModel(ElementType type);

/// c + sum a[i] * b[i] by `model`; `a` and `b` hold the bits of elements of
/// `type` (f16, bf16, tf32) and have equal sizes, `c` and the result the bits
/// of `accumulator` (F32 or F16).
uint32_t computeDotProduct(const DotProductModel &model, ElementType type,
                           ElementType accumulator, llvm::ArrayRef<uint32_t> a,
                           llvm::ArrayRef<uint32_t> b, uint32_t c);

/// c + sum a[i] * b[i] for integers, s8 or u8 each: exact, then wrapped or
/// saturated to 32 bits.
int32_t computeIntegerDotProduct(ElementType typeA, ElementType typeB,
                                 bool saturate, llvm::ArrayRef<uint32_t> a,
                                 llvm::ArrayRef<uint32_t> b, int32_t c);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_DOTPRODUCT_H
