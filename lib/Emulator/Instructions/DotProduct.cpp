// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the rounding model of tensor cores.

#include "vnm/Emulator/Instructions/DotProduct.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
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
  number.negative = bits >> (format.mantissaBits + format.exponentBits) & 1;
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
  uint32_t sign =
      sum < 0 ? 1u << (format.exponentBits + format.mantissaBits) : 0;
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
  // A carry moves on into the exponent, as does the leading one of a normal.
  uint64_t biased = uint64_t(exponent + format.bias() - 1)
                    << format.mantissaBits;
  uint64_t infinity = uint64_t(format.exponentMask()) << format.mantissaBits;
  return sign | uint32_t(std::min(biased + kept, infinity));
}

DotProductModel vnm::emulator::getDotProductModel(ElementType type) {
  if (type == ElementType::TF32)
    return {8, 25};
  return {16, 25};
}

/// `number` in units of 2^unit, cut off towards zero.
static int64_t align(const Number &number, int precision, int unit) {
  int shift = number.exponent - precision - unit;
  uint64_t magnitude = 0;
  if (shift >= 0)
    magnitude = number.significand << shift;
  else if (shift > -64)
    magnitude = number.significand >> -shift;
  return number.negative ? -int64_t(magnitude) : int64_t(magnitude);
}

/// Adds one block of products to the accumulator's bits.
static uint32_t addBlock(const DotProductModel &model, ElementType type,
                         ElementType accumulator, llvm::ArrayRef<uint32_t> a,
                         llvm::ArrayRef<uint32_t> b, uint32_t c) {
  Format format = getFormat(type), sumFormat = getFormat(accumulator);
  bool narrow = accumulator == ElementType::F16;
  constexpr unsigned kMaxBlock = 32;
  Number products[kMaxBlock];
  Number start = decode(sumFormat, c);
  bool nan = start.nan, up = start.infinite && !start.negative,
       down = start.infinite && start.negative;
  int largest = std::numeric_limits<int>::min();
  if (start.significand)
    largest = start.exponent;
  for (size_t i = 0; i < a.size(); ++i) {
    Number &product = products[i] =
        multiply(decode(format, a[i]), decode(format, b[i]));
    nan |= product.nan;
    up |= product.infinite && !product.negative;
    down |= product.infinite && product.negative;
    if (product.significand)
      largest = std::max(largest, product.exponent);
  }
  if (nan || (up && down))
    return narrow ? kHalfNaN : kNaN;
  uint32_t infinity = sumFormat.exponentMask() << sumFormat.mantissaBits;
  if (up)
    return infinity;
  if (down)
    return infinity | 1u << (sumFormat.exponentBits + sumFormat.mantissaBits);
  if (largest == std::numeric_limits<int>::min())
    return 0;
  int unit = largest - int(model.fractionBits);
  int64_t sum = align(start, sumFormat.mantissaBits, unit);
  for (size_t i = 0; i < a.size(); ++i)
    sum += align(products[i], 2 * format.mantissaBits, unit);
  return encode(sumFormat, sum, unit, /*nearest=*/narrow);
}

uint32_t vnm::emulator::computeDotProduct(
    const DotProductModel &model, ElementType type, ElementType accumulator,
    llvm::ArrayRef<uint32_t> a, llvm::ArrayRef<uint32_t> b, uint32_t c) {
  for (size_t i = 0; i < a.size(); i += model.blockSize) {
    size_t count = std::min<size_t>(model.blockSize, a.size() - i);
    c = addBlock(model, type, accumulator, a.slice(i, count), b.slice(i, count),
                 c);
  }
  return c;
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
