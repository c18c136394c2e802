// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements element types, matrices and patterns of the C interface.

#include "vnm-c/Pattern.h"
#include "Detail.h"
#include "llvm/Support/MathExtras.h"

using namespace vnm::capi;
using vnm::sparsity::ElementType;
using vnm::sparsity::MatrixView;
using vnm::sparsity::Pattern;

llvm::Expected<MatrixView> vnm::capi::toMatrix(const VnmMatrix &matrix) {
  if (!matrix.data)
    return makeError("requires the matrix to have data, but its pointer is "
                     "null");
  llvm::Expected<ElementType> type = toElementType(matrix.type);
  if (!type)
    return type.takeError();
  int64_t width = byteWidth(*type);
  llvm::Expected<int64_t> count =
      countElements(matrix.rows, matrix.cols, width);
  if (!count)
    return count.takeError();
  int64_t down, right, span;
  if (llvm::MulOverflow(matrix.rows - 1, matrix.rowStride, down) ||
      llvm::MulOverflow(matrix.cols - 1, matrix.colStride, right) ||
      llvm::AddOverflow(down, right, span) ||
      llvm::MulOverflow(down, width, down) ||
      llvm::MulOverflow(right, width, right) ||
      llvm::MulOverflow(span, width, span))
    return makeError("requires strides whose span fits 63 bits, but they are " +
                     llvm::Twine(matrix.rowStride) + " and " +
                     llvm::Twine(matrix.colStride));
  return MatrixView{matrix.data,      *type,           matrix.rows, matrix.cols,
                    matrix.rowStride, matrix.colStride};
}

extern "C" {

int64_t vnmElementTypeGetSize(VnmElementType type) {
  llvm::Expected<ElementType> result = toElementType(type);
  if (result)
    return byteWidth(*result);
  llvm::consumeError(result.takeError());
  return 0;
}

VnmString vnmElementTypeGetName(VnmElementType type) {
  if (vnmElementTypeGetSize(type) == 0)
    return {"", 0};
  return wrap(toString(ElementType(type)));
}

VnmError *vnmElementTypeParse(VnmString text, VnmElementType *type) {
  if (VnmError *error = requirePointers({{"type", type}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<ElementType> result =
        vnm::sparsity::parseElementType(unwrap(text));
    if (!result)
      return result.takeError();
    *type = VnmElementType(*result);
    return llvm::Error::success();
  });
}

VnmError *vnmPatternParse(VnmString text, VnmPattern *pattern) {
  if (VnmError *error = requirePointers({{"pattern", pattern}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<Pattern> result = Pattern::parse(unwrap(text));
    if (!result)
      return result.takeError();
    *pattern = wrap(*result);
    return llvm::Error::success();
  });
}

VnmError *vnmPatternVerify(VnmPattern pattern) {
  return guard(VnmErrorKindInvalidArgument, [&] {
    return Pattern::verify(pattern.v, pattern.n, pattern.m);
  });
}

VnmError *vnmPatternPrint(VnmPattern pattern, VnmStringCallback callback,
                          void *userData) {
  if (!callback)
    return requirePointers({{"callback", nullptr}});
  return guard(VnmErrorKindInvalidArgument, [&] {
    callback(wrap(unwrap(pattern).str()), userData);
    return llvm::Error::success();
  });
}

VnmError *vnmPatternGetDensity(VnmPattern pattern, double *density) {
  if (VnmError *error = requirePointers({{"density", density}}))
    return error;
  if (VnmError *error = vnmPatternVerify(pattern))
    return error;
  *density = unwrap(pattern).density();
  return nullptr;
}

VnmError *vnmPatternGetLog2MaskDiversity(VnmPattern pattern, double *bits) {
  if (VnmError *error = requirePointers({{"bits", bits}}))
    return error;
  if (VnmError *error = vnmPatternVerify(pattern))
    return error;
  *bits = unwrap(pattern).log2MaskDiversity();
  return nullptr;
}

VnmError *vnmPatternGetSizes(VnmPattern pattern, int64_t rows, int64_t cols,
                             VnmPatternSizes *sizes) {
  if (VnmError *error = requirePointers({{"sizes", sizes}}))
    return error;
  if (VnmError *error = vnmPatternVerify(pattern))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<int64_t> count =
        countElements(rows, cols, /*elementBytes=*/1);
    if (!count)
      return count.takeError();
    Pattern p = unwrap(pattern);
    *sizes = {p.numPanels(rows), p.numGroups(cols), p.numRowValues(cols),
              p.numMetadataWords(cols), p.numColumnSlots(cols)};
    return llvm::Error::success();
  });
}

} // extern "C"
