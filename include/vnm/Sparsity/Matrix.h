// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares element types and non-owning views of dense matrices.

#ifndef VNM_SPARSITY_MATRIX_H
#define VNM_SPARSITY_MATRIX_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vnm::sparsity {

/// Element types a weight may have. f16 is IEEE binary16, bf16 is bfloat16.
enum class ElementType : uint8_t { F16, BF16, F32, I8 };

/// Bytes of one element.
int64_t byteWidth(ElementType type);
/// "f16", "bf16", "f32" or "i8".
llvm::StringRef toString(ElementType type);
/// The inverse of toString.
llvm::Expected<ElementType> parseElementType(llvm::StringRef text);

/// Conversions of one value; rounding is to nearest even, NaN stays NaN.
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloat16ToFloat(uint16_t bits);
uint16_t floatToBfloat16(float value);

/// A row-major `rows x cols` matrix somebody else owns. Element (r, c) is at
/// `data + (r * rowStride + c * colStride) * byteWidth(type)`; a transposed
/// weight is a view with the strides swapped.
struct MatrixView {
  const void *data = nullptr;
  ElementType type = ElementType::F32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t rowStride = 0;
  int64_t colStride = 1;

  static MatrixView rowMajor(const void *data, ElementType type, int64_t rows,
                             int64_t cols) {
    return {data, type, rows, cols, cols, 1};
  }
  /// The same memory read as its transpose.
  MatrixView transposed() const {
    return {data, type, cols, rows, colStride, rowStride};
  }
  /// Address of element (row, col).
  const char *address(int64_t row, int64_t col) const {
    return static_cast<const char *>(data) +
           (row * rowStride + col * colStride) * byteWidth(type);
  }
  /// Element (row, col) as a float; exact for every element type.
  float at(int64_t row, int64_t col) const;
};

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_MATRIX_H
