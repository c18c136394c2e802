// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements verification that several ops share.

#include "OpVerifiers.h"
#include "mlir/IR/Operation.h"

using namespace mlir;
using namespace vnm;

LogicalResult vnm::verifyImportance(Operation *op, ShapedType weight,
                                    Value importance, Criterion criterion) {
  StringRef name = stringifyCriterion(criterion);
  bool required =
      criterion == Criterion::Given || criterion == Criterion::Wanda;
  if (!importance) {
    if (required)
      return op->emitOpError()
             << "requires an importance operand for criterion " << name;
    return success();
  }
  if (criterion == Criterion::Magnitude)
    return op->emitOpError()
           << "requires no importance operand for criterion magnitude";
  auto type = cast<ShapedType>(importance.getType());
  SmallVector<int64_t> shape(weight.getShape());
  if (criterion != Criterion::Given)
    shape.erase(shape.begin());
  if (type.getShape() != ArrayRef(shape) || !type.getElementType().isF32()) {
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "requires the importance for criterion "
                                    << name << " to be f32 of shape [";
    llvm::interleaveComma(shape, diagnostic);
    return diagnostic << "], but its type is " << importance.getType();
  }
  return success();
}

LogicalResult vnm::verifyRowOrder(Operation *op, EncodingAttr encoding) {
  if (encoding.hasRows() && encoding.getForm() != Form::Free)
    return op->emitOpError()
           << "requires form = free to choose an order of the rows, but the "
              "encoding is "
           << encoding;
  return success();
}

LogicalResult vnm::verifyCanonical(Operation *op, EncodingAttr encoding) {
  if (encoding.isCanonical())
    return success();
  return op->emitOpError()
         << "requires layout = canonical, but the encoding is " << encoding;
}

LogicalResult vnm::verifyStorageParts(Operation *op, TypeRange actual,
                                      ArrayRef<RankedTensorType> expected) {
  static constexpr StringLiteral kNames[] = {"values", "metadata", "columns",
                                             "rows"};
  if (actual.size() != expected.size())
    return op->emitOpError()
           << "requires " << expected.size() << " storage parts (values, "
           << "metadata, columns" << (expected.size() == 4 ? ", rows" : "")
           << "), but there are " << actual.size();
  for (auto [name, type, wanted] : llvm::zip(kNames, actual, expected)) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (shaped && shaped.hasRank() && shaped.getShape() == wanted.getShape() &&
        shaped.getElementType() == wanted.getElementType())
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "requires " << name << " of shape [";
    llvm::interleaveComma(wanted.getShape(), diagnostic);
    return diagnostic << "] and element type " << wanted.getElementType()
                      << ", but they are of type " << type;
  }
  return success();
}

LogicalResult vnm::verifyDestinations(Operation *op, ValueRange operands,
                                      ValueRange inits) {
  bool tensors = isa<TensorType>(inits.front().getType());
  for (Value operand : operands)
    if (isa<TensorType>(operand.getType()) != tensors)
      return op->emitOpError()
             << "requires all operands to be tensors or all to be memrefs, but "
             << inits.front().getType() << " and " << operand.getType()
             << " are mixed";
  if (!tensors) {
    if (op->getNumResults() != 0)
      return op->emitOpError() << "requires no results on memrefs, but has "
                               << op->getNumResults();
    return success();
  }
  if (op->getNumResults() != inits.size())
    return op->emitOpError()
           << "requires one result per destination, " << inits.size()
           << ", but has " << op->getNumResults();
  for (auto [init, result] : llvm::zip(inits, op->getResults()))
    if (init.getType() != result.getType())
      return op->emitOpError()
             << "requires results of the destinations' types, but "
             << result.getType() << " is stored to " << init.getType();
  return success();
}
