// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements element types, their conversions and matrix views.

#include "vnm/Sparsity/Matrix.h"
#include "Detail.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

using namespace vnm::sparsity;

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

int64_t vnm::sparsity::byteWidth(ElementType type) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return 2;
  case ElementType::F32:
    return 4;
  case ElementType::I8:
    return 1;
  }
  llvm_unreachable("unknown element type");
}

llvm::StringRef vnm::sparsity::toString(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "f16";
  case ElementType::BF16:
    return "bf16";
  case ElementType::F32:
    return "f32";
  case ElementType::I8:
    return "i8";
  }
  llvm_unreachable("unknown element type");
}

llvm::Expected<ElementType>
vnm::sparsity::parseElementType(llvm::StringRef text) {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::I8})
    if (text == toString(type))
      return type;
  return detail::makeError(
      "requires an element type of f16, bf16, f32 or i8, but found '" + text +
      "'");
}

//===----------------------------------------------------------------------===//
// Conversions of one value
//===----------------------------------------------------------------------===//

float vnm::sparsity::halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1F;
  uint32_t mantissa = bits & 0x3FF;
  if (exponent == 0) {
    // Zeros and subnormals: an integer times 2^-24, exact in binary32.
    float magnitude = float(mantissa) * 0x1p-24f;
    return llvm::bit_cast<float>(sign | llvm::bit_cast<uint32_t>(magnitude));
  }
  if (exponent == 0x1F)
    return llvm::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  return llvm::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t vnm::sparsity::floatToHalf(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  // A NaN keeps the upper payload and becomes quiet, so that it stays a NaN.
  if (magnitude > 0x7F800000)
    return uint16_t(sign | 0x7E00 | ((magnitude >> 13) & 0x3FF));
  // 65520 is halfway between the largest finite half and 2^16: to infinity.
  if (magnitude >= 0x477FF000)
    return uint16_t(sign | 0x7C00);
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24, the spacing of binary32 in
    // [0.5, 1): the addition rounds to that grid, ties to even.
    float shifted = llvm::bit_cast<float>(magnitude) + 0.5f;
    return uint16_t(sign | (llvm::bit_cast<uint32_t>(shifted) - 0x3F000000));
  }
  magnitude += 0xFFF + ((magnitude >> 13) & 1);
  return uint16_t(sign | ((magnitude - 0x38000000) >> 13));
}

float vnm::sparsity::bfloat16ToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(uint32_t(bits) << 16);
}

uint16_t vnm::sparsity::floatToBfloat16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  // Truncating a NaN could clear its payload and make it an infinity.
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

//===----------------------------------------------------------------------===//
// Matrix views
//===----------------------------------------------------------------------===//

llvm::Error detail::checkShape(int64_t rows, int64_t cols) {
  constexpr int64_t kMaxDim = std::numeric_limits<int32_t>::max();
  if (rows >= 1 && cols >= 1 && rows <= kMaxDim && cols <= kMaxDim)
    return llvm::Error::success();
  return makeError("requires R and K to be in [1, " + llvm::Twine(kMaxDim) +
                   "], but they are " + llvm::Twine(rows) + " and " +
                   llvm::Twine(cols));
}

template <typename T>
static T readAs(const char *address) {
  T value;
  std::memcpy(&value, address, sizeof(T));
  return value;
}

float MatrixView::at(int64_t row, int64_t col) const {
  const char *element = address(row, col);
  switch (type) {
  case ElementType::F16:
    return halfToFloat(readAs<uint16_t>(element));
  case ElementType::BF16:
    return bfloat16ToFloat(readAs<uint16_t>(element));
  case ElementType::F32:
    return readAs<float>(element);
  case ElementType::I8:
    return float(readAs<int8_t>(element));
  }
  llvm_unreachable("unknown element type");
}

template <typename T, typename Convert>
static void convertRow(const char *in, int64_t stride, int64_t count,
                       float *out, Convert convert) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = convert(readAs<T>(in + i * stride));
}

void detail::loadRow(const MatrixView &matrix, int64_t row, int64_t col,
                     int64_t count, float *out) {
  const char *in = matrix.address(row, col);
  int64_t stride = matrix.colStride * byteWidth(matrix.type);
  switch (matrix.type) {
  case ElementType::F16:
    return convertRow<uint16_t>(in, stride, count, out, halfToFloat);
  case ElementType::BF16:
    return convertRow<uint16_t>(in, stride, count, out, bfloat16ToFloat);
  case ElementType::F32:
    return convertRow<float>(in, stride, count, out, [](float x) { return x; });
  case ElementType::I8:
    return convertRow<int8_t>(in, stride, count, out,
                              [](int8_t x) { return float(x); });
  }
}

/// Whether any of `count` elements has all exponent bits set.
template <typename T>
static bool anyNonFinite(const char *in, int64_t stride, int64_t count,
                         T exponentMask) {
  bool any = false;
  if (stride == int64_t(sizeof(T))) {
    for (int64_t i = 0; i < count; ++i)
      any |= (readAs<T>(in + i * int64_t(sizeof(T))) & exponentMask) ==
             exponentMask;
    return any;
  }
  for (int64_t i = 0; i < count; ++i)
    any |= (readAs<T>(in + i * stride) & exponentMask) == exponentMask;
  return any;
}

/// Whether line `line` of `matrix` holds a NaN or an infinity; lines run along
/// the dimension of the smaller stride.
static bool lineHasNonFinite(const MatrixView &matrix, int64_t line) {
  const char *in = matrix.address(line, 0);
  int64_t stride = matrix.colStride * byteWidth(matrix.type);
  switch (matrix.type) {
  case ElementType::F16:
    return anyNonFinite<uint16_t>(in, stride, matrix.cols, 0x7C00);
  case ElementType::BF16:
    return anyNonFinite<uint16_t>(in, stride, matrix.cols, 0x7F80);
  case ElementType::F32:
    return anyNonFinite<uint32_t>(in, stride, matrix.cols, 0x7F800000);
  case ElementType::I8:
    return false;
  }
  llvm_unreachable("unknown element type");
}

llvm::Error detail::checkFinite(const MatrixView &matrix, unsigned threads) {
  if (matrix.type == ElementType::I8)
    return llvm::Error::success();
  bool rowsAreLines = std::abs(matrix.colStride) <= std::abs(matrix.rowStride);
  MatrixView lines = rowsAreLines ? matrix : matrix.transposed();
  constexpr int64_t kLinesPerTask = 16;
  int64_t numTasks = (lines.rows + kLinesPerTask - 1) / kLinesPerTask;
  std::vector<char> found(numTasks, 0);
  parallelFor(threads, numTasks, kLinesPerTask * lines.cols, [&](int64_t task) {
    int64_t end = std::min(lines.rows, (task + 1) * kLinesPerTask);
    for (int64_t line = task * kLinesPerTask; line < end; ++line)
      found[task] |= char(lineHasNonFinite(lines, line));
  });
  if (std::find(found.begin(), found.end(), 1) == found.end())
    return llvm::Error::success();
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t col = 0; col < matrix.cols; ++col)
      if (float value = matrix.at(row, col); !std::isfinite(value))
        return makeError("requires finite weights, but element (" +
                         llvm::Twine(row) + ", " + llvm::Twine(col) + ") is " +
                         (std::isnan(value) ? "nan"
                          : value > 0       ? "inf"
                                            : "-inf"));
  return llvm::Error::success();
}
