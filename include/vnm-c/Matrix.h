// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares element types and views of dense matrices.

#ifndef VNM_C_MATRIX_H
#define VNM_C_MATRIX_H

#include "vnm-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Element types of weights.
typedef int32_t VnmElementType;
enum {
  VnmElementTypeF16 = 0,  ///< IEEE binary16
  VnmElementTypeBF16 = 1, ///< bfloat16
  VnmElementTypeF32 = 2,  ///< IEEE binary32
  VnmElementTypeI8 = 3    ///< two's complement, 8 bits
};

/// Bytes of one element; 0 for a number that is no element type.
VNM_CAPI_EXPORTED int64_t vnmElementTypeGetSize(VnmElementType type);
/// "f16", "bf16", "f32" or "i8"; empty for a number that is no element type.
VNM_CAPI_EXPORTED VnmString vnmElementTypeGetName(VnmElementType type);
/// The inverse of vnmElementTypeGetName. Error: another text.
VNM_CAPI_EXPORTED VnmError *vnmElementTypeParse(VnmString text,
                                                VnmElementType *type);

/// A `rows x cols` matrix that the caller owns. Element (r, c) is
/// `r * rowStride + c * colStride` elements behind `data`, which need not be
/// aligned. Strides may be 0 or negative.
typedef struct VnmMatrix {
  const void *data;
  VnmElementType type;
  int64_t rows, cols;
  int64_t rowStride, colStride;
} VnmMatrix;

/// A row-major matrix without gaps.
static inline VnmMatrix vnmMatrixRowMajor(const void *data, VnmElementType type,
                                          int64_t rows, int64_t cols) {
  VnmMatrix matrix;
  matrix.data = data;
  matrix.type = type;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.rowStride = cols;
  matrix.colStride = 1;
  return matrix;
}

#ifdef __cplusplus
}
#endif

#endif // VNM_C_MATRIX_H
