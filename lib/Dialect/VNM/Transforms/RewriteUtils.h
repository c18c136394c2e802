// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the building blocks that sparsification rewrites with.

#ifndef VNM_LIB_DIALECT_VNM_TRANSFORMS_REWRITEUTILS_H
#define VNM_LIB_DIALECT_VNM_TRANSFORMS_REWRITEUTILS_H

#include "mlir/IR/Builders.h"
#include "vnm/Dialect/VNM/Transforms/WeightSource.h"

namespace vnm {

/// `value` with its dimensions permuted (result dimension i is dimension
/// permutation[i]); `value` itself for the identity.
mlir::Value createTranspose(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value value,
                            llvm::ArrayRef<int64_t> permutation);

/// `value`, of static shape, with the same elements in row-major order in
/// `shape`; `value` itself if it has that shape.
mlir::Value createReshape(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value value, llvm::ArrayRef<int64_t> shape);

/// `value` with each element cast to `elementType`, another float type.
mlir::Value createElementCast(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::Value value, mlir::Type elementType);

/// The numRows x numCols matrix that simplified axes without broadcasts give in
/// `source`, every element of which they reach.
mlir::Value createMatrix(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value source, llvm::ArrayRef<WeightAxis> rowAxes,
                         llvm::ArrayRef<WeightAxis> columnAxes, int64_t numRows,
                         int64_t numCols);

/// A resource constant of `type` with a copy of `bytes`, its elements in
/// row-major order. `name` is a hint for the resource's key.
mlir::Value createResourceConstant(mlir::OpBuilder &builder, mlir::Location loc,
                                   mlir::RankedTensorType type,
                                   llvm::StringRef name,
                                   llvm::ArrayRef<char> bytes);

/// Erases `op` if nothing uses it, then the ops that were only there for it.
void eraseIfDead(mlir::Operation *op);

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_TRANSFORMS_REWRITEUTILS_H
