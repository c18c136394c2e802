// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the reading of constant tensors for compile-time packing.

#ifndef VNM_LIB_DIALECT_VNM_TRANSFORMS_CONSTANTDATA_H
#define VNM_LIB_DIALECT_VNM_TRANSFORMS_CONSTANTDATA_H

#include "vnm/Dialect/VNM/IR/VNMAttrs.h"
#include "vnm/Dialect/VNM/Transforms/WeightSource.h"
#include "vnm/Sparsity/Matrix.h"
#include "llvm/Support/Error.h"

namespace vnm {

/// The elements of a constant, in place: row-major, or one for all if `splat`.
struct ConstantData {
  llvm::ArrayRef<char> bytes;
  bool splat = false;
};

/// The elements of `elements`, dense or dense_resource, of a type with whole
/// bytes. Errors: another kind of attribute, a resource that is missing or of
/// the wrong size.
llvm::Expected<ConstantData> getConstantData(mlir::ElementsAttr elements);

/// A copy of the elements, one for each position even of a splat.
llvm::Expected<std::vector<char>> copyConstantData(mlir::ElementsAttr elements);

/// The offset in its source of each position of a dimension.
std::vector<int64_t> getOffsets(llvm::ArrayRef<WeightAxis> axes);

/// A copy of a constant of f32.
llvm::Expected<std::vector<float>> readFloats(mlir::ElementsAttr elements);

/// A constant matrix: in place where strides can say it, else copied to
/// `copy`.
struct ConstantMatrix {
  sparsity::MatrixView view;
  std::vector<char> copy;
};

/// The constant matrix that `view`, of rank 2, makes of `contents`. None if an
/// element type on the way is not one of sparsity::ElementType.
llvm::Expected<std::optional<ConstantMatrix>>
getConstantMatrix(const WeightView &view, mlir::ElementsAttr contents);

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_TRANSFORMS_CONSTANTDATA_H
