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

/// Bits after the binary point of the largest addend that take part in a sum;
/// measured on Hopper (sm_90). See docs/emulation-numerics.md.
inline constexpr int kSumFractionBits = 25;

/// The smallest exponent to which addends are aligned; likewise.
inline constexpr int kSmallestSumExponent = -133;

/// c + sum a[i] * b[i] as a tensor core adds one instruction's products. These
/// are exact. They and the accumulator are aligned to the largest exponent
/// among them (of a product: the sum of its factors' exponents; zeros do not
/// count), but at least to kSmallestSumExponent, cut off towards zero below
/// kSumFractionBits bits, and added exactly; the sum is rounded to the
/// accumulator's type, for F32 towards zero, for F16 to nearest even. A sum of
/// zero is +0 and every NaN the one with all bits but the sign set. `a` and `b`
/// hold the bits of elements of `type` (f16, bf16, tf32) and have equal sizes,
/// at most 32; `c` and the result the bits of `accumulator`.
uint32_t computeDotProduct(ElementType type, ElementType accumulator,
                           llvm::ArrayRef<uint32_t> a,
                           llvm::ArrayRef<uint32_t> b, uint32_t c);

/// c + sum a[i] * b[i] for integers, s8 or u8 each: exact, then wrapped or
/// saturated to 32 bits.
int32_t computeIntegerDotProduct(ElementType typeA, ElementType typeB,
                                 bool saturate, llvm::ArrayRef<uint32_t> a,
                                 llvm::ArrayRef<uint32_t> b, int32_t c);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_DOTPRODUCT_H
