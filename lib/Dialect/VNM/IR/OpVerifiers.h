// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares verification that several ops share.

#ifndef VNM_LIB_DIALECT_VNM_IR_OPVERIFIERS_H
#define VNM_LIB_DIALECT_VNM_IR_OPVERIFIERS_H

#include "vnm/Dialect/VNM/IR/VNMAttrs.h"

namespace vnm {

/// Checks the importance operand (or its absence) of `op`, which prunes a
/// weight of type `weight` by `criterion`.
mlir::LogicalResult verifyImportance(mlir::Operation *op,
                                     mlir::ShapedType weight,
                                     mlir::Value importance,
                                     Criterion criterion);

/// Checks that `op`, which prunes a weight into `encoding`, may choose the
/// order of its rows if they are permuted.
mlir::LogicalResult verifyRowOrder(mlir::Operation *op, EncodingAttr encoding);

/// Checks that `op`, which computes with storage on the host, is given the
/// canonical layout.
mlir::LogicalResult verifyCanonical(mlir::Operation *op, EncodingAttr encoding);

/// Checks that the types `actual` (tensors or memrefs) have the shapes and
/// element types of `expected`: values, metadata, columns[, rows].
mlir::LogicalResult
verifyStorageParts(mlir::Operation *op, mlir::TypeRange actual,
                   llvm::ArrayRef<mlir::RankedTensorType> expected);

/// Checks that all of `values` are tensors, or all memrefs, and that `op` has
/// one result per destination for tensors and none for memrefs, of the
/// destinations' types.
mlir::LogicalResult verifyDestinations(mlir::Operation *op,
                                       mlir::ValueRange operands,
                                       mlir::ValueRange inits);

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_IR_OPVERIFIERS_H
