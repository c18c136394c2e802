// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the matching of contractions with a weight.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_MATMULMATCHER_H
#define VNM_DIALECT_VNM_TRANSFORMS_MATMULMATCHER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "vnm/Dialect/VNM/Transforms/WeightSource.h"

namespace vnm {

/// Why an op is no product of a weight and activations.
enum class MatmulMismatch {
  /// It is one.
  None,
  /// The op is no contraction at all.
  NotContraction,
  /// The op works on memrefs.
  Buffers,
  /// A quantised contraction with zero points.
  Quantized,
  /// The body is not one multiply-add of the two operands, at most widened.
  UnsupportedBody,
  /// The indexing maps are not permutations of loops, or a loop has no role.
  UnsupportedMaps,
  /// An operand has no elements, so that its positions cannot be traced.
  EmptyOperand,
  /// Neither operand is traced to a weight.
  NoWeight,
  /// Neither is, but one is a function argument that is not marked.
  UnmarkedArgument,
  /// An operand is computed of weights in a way that is not looked through.
  ComputedWeight,
  /// Both operands are traced to weights.
  TwoWeights,
  /// The weight is a different one for each batch entry.
  BatchedWeight,
  /// The weight is repeated along its own rows or columns.
  BroadcastWeight,
  /// The weight has no row dimension (a dot product).
  NoRows,
  /// The element types have no sparse product.
  UnsupportedElementType
};

/// A reader's explanation, lower case without full stop.
llvm::StringRef describe(MatmulMismatch reason);
/// What the user might do about it; may be empty.
llvm::StringRef suggest(MatmulMismatch reason);

/// A contraction Y[free, rows] += sum over channels of W[rows, channels] *
/// X[free, channels], with every list of loops in any number.
struct MatmulMatch {
  mlir::linalg::LinalgOp op;
  /// Which operand the weight is: 0 (left) or 1 (right).
  unsigned weightOperand = 0;
  /// The weight operand as a view of its source.
  WeightView weight;

  /// Loops of X and Y only: tokens, and batch loops over which the weight is
  /// repeated. In the order of X.
  llvm::SmallVector<unsigned> freeLoops;
  /// Loops of W and Y, in the order of Y: together the R rows.
  llvm::SmallVector<unsigned> rowLoops;
  /// Loops of W and X, in the order of X: together the K columns.
  llvm::SmallVector<unsigned> channelLoops;
  /// Loops that index the dimensions of X and of Y.
  llvm::SmallVector<unsigned> xLoops, yLoops;

  /// The R x K matrix in the source: simplified axes of its rows and columns.
  WeightAxes rowAxes, columnAxes;
  int64_t numRows = 0;
  int64_t numCols = 0;
  /// Casts between the source and the matrix of `elementType`.
  llvm::SmallVector<mlir::Type, 2> casts;

  /// Activations; the operand, or what it widens if that loses nothing.
  mlir::Value x;
  /// The operand summed into.
  mlir::Value init;
  /// Element type of the sparse product's weight and activations.
  mlir::Type elementType;

  /// Whether `other` reads the same matrix, given the same source.
  bool readsSameMatrix(const MatmulMatch &other) const {
    return rowAxes == other.rowAxes && columnAxes == other.columnAxes &&
           elementType == other.elementType && casts == other.casts;
  }
};

/// Matches `op` as a product of a weight and activations. Holds for it:
///   1. It is a contraction on tensors: two inputs, one output, maps that are
///      projected permutations, a body that multiplies and adds, with operands
///      at most widened (extf, extsi). Any linalg op may be one: matmul,
///      batch_matmul, matvec, contract, generic, with any maps.
///   2. Exactly one input is traced to a weight (WeightSource.h).
///   3. Loops of both inputs and the output repeat the weight.
/// Pure: changes nothing. On success returns MatmulMismatch::None and fills
/// `match`.
MatmulMismatch matchMatmul(mlir::Operation *op, MatmulMatch &match);

} // namespace vnm

#endif // VNM_DIALECT_VNM_TRANSFORMS_MATMULMATCHER_H
