// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the rounding model of tensor cores.

#include "vnm/Emulator/Instructions/DotProduct.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <limits>

using namespace vnm::emulator;

namespace {
/// Layout of a floating-point type's bits.
struct Format {
  int exponentBits, mantissaBits;
  /// Low bits that the hardware does not read.
  int ignoredBits = 0;

  int bias() const { return (1 << (exponentBits - 1)) - 1; }
  uint32_t exponentMask() const { return (1u << exponentBits) - 1; }
  uint32_t signBit() const { return 1u << (exponentBits + mantissaBits); }
};

/// (negative ? -1 : 1) * significand * 2^(exponent - precision): significands
/// of normal numbers are at least 2^precision. Infinite if `infinite`.
struct Number {
  uint64_t significand = 0;
  int exponent = 0;
  bool negative = false, infinite = false, nan = false;
};
} // namespace

static constexpr uint32_t kNaN = 0x7FFFFFFF;
static constexpr uint32_t kHalfNaN = 0x7FFF;

static Format getFormat(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return {5, 10};
  case ElementType::BF16:
    return {8, 7};
  case ElementType::TF32:
    return {8, 10, 13};
  case ElementType::F32:
    return {8, 23};
  default:
    llvm_unreachable("not a floating-point type");
  }
}

static Number decode(Format format, uint32_t bits) {
  bits >>= format.ignoredBits;
  uint32_t mantissa = bits & ((1u << format.mantissaBits) - 1);
  uint32_t field = bits >> format.mantissaBits & format.exponentMask();
  Number number;
  number.negative = bits & format.signBit();
  number.infinite = field == format.exponentMask() && mantissa == 0;
  number.nan = field == format.exponentMask() && mantissa != 0;
  number.significand = mantissa | (field ? 1u << format.mantissaBits : 0);
  number.exponent = int(std::max(field, 1u)) - format.bias();
  return number;
}

static Number multiply(const Number &a, const Number &b) {
  Number product;
  product.negative = a.negative != b.negative;
  bool zero = !a.significand || !b.significand;
  product.infinite = a.infinite || b.infinite;
  product.nan = a.nan || b.nan || (product.infinite && zero);
  product.significand = a.significand * b.significand;
  product.exponent = a.exponent + b.exponent;
  return product;
}

/// sum * 2^scale as the bits of a number of `format`, rounded towards zero or,
/// with `nearest`, to the nearest, ties to even. Too large becomes infinite.
static uint32_t encode(Format format, int64_t sum, int scale, bool nearest) {
  if (!sum)
    return 0;
  uint32_t sign = sum < 0 ? format.signBit() : 0;
  uint64_t magnitude = sum < 0 ? uint64_t(-sum) : uint64_t(sum);
  int exponent =
      std::max(int(llvm::Log2_64(magnitude)) + scale, 1 - format.bias());
  // Bits of the sum below the last one that the format has.
  int drop = exponent - format.mantissaBits - scale;
  uint64_t kept = drop > 63   ? 0
                  : drop >= 0 ? magnitude >> drop
                              : magnitude << -drop;
  if (nearest && drop > 0 && drop <= 63) {
    uint64_t rest = magnitude & llvm::maskTrailingOnes<uint64_t>(drop);
    uint64_t half = uint64_t(1) << (drop - 1);
    kept += rest > half || (rest == half && (kept & 1));
  }
  if (!kept)
    return 0;
  // A carry moves on into the exponent, as does the leading one of a normal.
  uint64_t biased = uint64_t(exponent + format.bias() - 1)
                    << format.mantissaBits;
  uint64_t infinity = uint64_t(format.exponentMask()) << format.mantissaBits;
  return sign | uint32_t(std::min(biased + kept, infinity));
}

/// `number` in units of 2^unit, cut off towards zero.
static int64_t align(const Number &number, int precision, int unit) {
  // A zero may lie far above the unit.
  if (!number.significand)
    return 0;
  int shift = number.exponent - precision - unit;
  uint64_t magnitude = 0;
  if (shift >= 0)
    magnitude = number.significand << shift;
  else if (shift > -64)
    magnitude = number.significand >> -shift;
  return number.negative ? -int64_t(magnitude) : int64_t(magnitude);
}

namespace {
/// The addends of a sum, and what is not finite among them.
struct Addends {
  static constexpr size_t kMaxProducts = 32;

  Number start;
  Number products[kMaxProducts];
  int largestExponent = kSmallestSumExponent;
  bool nan = false, up = false, down = false;

  void note(const Number &number) {
    nan |= number.nan;
    up |= number.infinite && !number.negative;
    down |= number.infinite && number.negative;
    if (number.significand)
      largestExponent = std::max(largestExponent, number.exponent);
  }
};
} // namespace

uint32_t vnm::emulator::computeDotProduct(ElementType type,
                                          ElementType accumulator,
                                          llvm::ArrayRef<uint32_t> a,
                                          llvm::ArrayRef<uint32_t> b,
                                          uint32_t c) {
  assert(a.size() == b.size() && a.size() <= Addends::kMaxProducts &&
         "requires as many elements of A as of B, at most 32");
  Format format = getFormat(type), sumFormat = getFormat(accumulator);
  bool narrow = accumulator == ElementType::F16;
  Addends addends;
  addends.start = decode(sumFormat, c);
  addends.note(addends.start);
  for (size_t i = 0; i < a.size(); ++i) {
    addends.products[i] = multiply(decode(format, a[i]), decode(format, b[i]));
    addends.note(addends.products[i]);
  }
  if (addends.nan || (addends.up && addends.down))
    return narrow ? kHalfNaN : kNaN;
  if (addends.up || addends.down) {
    uint32_t infinity = sumFormat.exponentMask() << sumFormat.mantissaBits;
    return addends.up ? infinity : infinity | sumFormat.signBit();
  }
  int unit = addends.largestExponent - kSumFractionBits;
  int64_t sum = align(addends.start, sumFormat.mantissaBits, unit);
  for (size_t i = 0; i < a.size(); ++i)
    sum += align(addends.products[i], 2 * format.mantissaBits, unit);
  return encode(sumFormat, sum, unit, /*nearest=*/narrow);
}

int32_t vnm::emulator::computeIntegerDotProduct(
    ElementType typeA, ElementType typeB, bool saturate,
    llvm::ArrayRef<uint32_t> a, llvm::ArrayRef<uint32_t> b, int32_t c) {
  auto extend = [](ElementType type, uint32_t bits) {
    return type == ElementType::S8 ? int64_t(int8_t(bits))
                                   : int64_t(uint8_t(bits));
  };
  int64_t sum = c;
  for (size_t i = 0; i < a.size(); ++i)
    sum += extend(typeA, a[i]) * extend(typeB, b[i]);
  if (saturate)
    sum = std::clamp<int64_t>(sum, std::numeric_limits<int32_t>::min(),
                              std::numeric_limits<int32_t>::max());
  return int32_t(uint32_t(uint64_t(sum)));
}
