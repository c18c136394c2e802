// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the building blocks that sparsification rewrites with.

#include "RewriteUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace vnm;

Value vnm::createTranspose(OpBuilder &builder, Location loc, Value value,
                           ArrayRef<int64_t> permutation) {
  if (isIdentityPermutation(permutation))
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  applyPermutationToVector(sizes, permutation);
  Value init = tensor::EmptyOp::create(builder, loc, sizes,
                                       getElementTypeOrSelf(value.getType()));
  return linalg::TransposeOp::create(builder, loc, value, init, permutation)
      ->getResult(0);
}

Value vnm::createReshape(OpBuilder &builder, Location loc, Value value,
                         ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  auto target = RankedTensorType::get(shape, type.getElementType());
  if (auto groups = getReassociationIndicesForReshape(type, target)) {
    if (type.getRank() > target.getRank())
      return tensor::CollapseShapeOp::create(builder, loc, target, value,
                                             *groups);
    return tensor::ExpandShapeOp::create(builder, loc, target, value, *groups);
  }
  auto flat =
      RankedTensorType::get({type.getNumElements()}, type.getElementType());
  Value collapsed = tensor::CollapseShapeOp::create(
      builder, loc, flat, value,
      *getReassociationIndicesForReshape(type, flat));
  return tensor::ExpandShapeOp::create(
      builder, loc, target, collapsed,
      *getReassociationIndicesForReshape(flat, target));
}

Value vnm::createElementCast(OpBuilder &builder, Location loc, Value value,
                             Type elementType) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == elementType)
    return value;
  bool widens = isLosslessExtension(type.getElementType(), elementType);
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, value), elementType);
  SmallVector<AffineMap> maps(2,
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, init.getType(), value, init, maps, iterators,
             [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
               Value element =
                   widens ? arith::ExtFOp::create(nested, nestedLoc,
                                                  elementType, args[0])
                                .getResult()
                          : arith::TruncFOp::create(nested, nestedLoc,
                                                    elementType, args[0])
                                .getResult();
               linalg::YieldOp::create(nested, nestedLoc, element);
             })
      ->getResult(0);
}

Value vnm::createMatrix(OpBuilder &builder, Location loc, Value source,
                        ArrayRef<WeightAxis> rowAxes,
                        ArrayRef<WeightAxis> columnAxes, int64_t numRows,
                        int64_t numCols) {
  // Axes in the source's order have falling strides; those of the matrix are a
  // permutation of them.
  SmallVector<WeightAxis> matrixOrder(rowAxes);
  llvm::append_range(matrixOrder, columnAxes);
  SmallVector<int64_t> sourceOrder =
      llvm::to_vector(llvm::seq<int64_t>(matrixOrder.size()));
  llvm::sort(sourceOrder, [&](int64_t a, int64_t b) {
    return matrixOrder[a].stride > matrixOrder[b].stride;
  });
  SmallVector<int64_t> shape;
  for (int64_t axis : sourceOrder)
    shape.push_back(matrixOrder[axis].size);
  Value value = createReshape(builder, loc, source, shape);
  value = createTranspose(builder, loc, value,
                          invertPermutationVector(sourceOrder));
  return createReshape(builder, loc, value, {numRows, numCols});
}

Value vnm::createResourceConstant(OpBuilder &builder, Location loc,
                                  RankedTensorType type, StringRef name,
                                  ArrayRef<char> bytes) {
  // 16 bytes, which any buffer that bytecode is read into has. With more, a
  // reader refuses the file if it happens to lie elsewhere.
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
      bytes, /*align=*/16, /*dataIsMutable=*/false);
  return arith::ConstantOp::create(
      builder, loc, type,
      DenseResourceElementsAttr::get(type, name, std::move(blob)));
}

void vnm::eraseIfDead(Operation *op) {
  llvm::SetVector<Operation *> worklist;
  worklist.insert(op);
  while (!worklist.empty()) {
    Operation *next = worklist.pop_back_val();
    if (!isOpTriviallyDead(next))
      continue;
    for (Value operand : next->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        worklist.insert(producer);
    next->erase();
  }
}
