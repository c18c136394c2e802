// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the ops on encoded tensors other than products.

#include "mlir/IR/OpImplementation.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

#include "OpVerifiers.h"

using namespace mlir;
using namespace vnm;

/// Checks that `encoded` is encoded and `dense` is its dense counterpart.
static LogicalResult verifyDenseAndEncoded(Operation *op, Value dense,
                                           Value encoded) {
  auto denseType = cast<RankedTensorType>(dense.getType());
  auto encodedType = cast<RankedTensorType>(encoded.getType());
  if (!EncodingAttr::of(encodedType))
    return op->emitOpError()
           << "requires a #vnm.encoding on the sparse tensor, but its type is "
           << encodedType;
  if (denseType.getEncoding())
    return op->emitOpError()
           << "requires the dense tensor to have no encoding, but its type is "
           << denseType;
  if (denseType.getShape() != encodedType.getShape() ||
      denseType.getElementType() != encodedType.getElementType())
    return op->emitOpError() << "requires the same shape and element type on "
                                "both sides, but they are "
                             << denseType << " and " << encodedType;
  return success();
}

/// Checks that `storage` has the types that the encoding of `encoded` demands.
static LogicalResult verifyStorageTypes(Operation *op, TypeRange storage,
                                        Type encoded) {
  EncodingAttr encoding = EncodingAttr::of(encoded);
  if (!encoding)
    return op->emitOpError()
           << "requires a #vnm.encoding on the sparse tensor, but its type is "
           << encoded;
  return vnm::verifyStorageParts(
      op, storage,
      EncodingAttr::getStorageTypes(cast<RankedTensorType>(encoded)));
}

//===----------------------------------------------------------------------===//
// CompressOp and DecompressOp
//===----------------------------------------------------------------------===//

LogicalResult CompressOp::verify() {
  if (failed(verifyDenseAndEncoded(*this, getWeight(), getResult())))
    return failure();
  auto encoding = EncodingAttr::of(getResult().getType());
  if (failed(verifyRowOrder(*this, encoding)) ||
      failed(verifyCanonical(*this, encoding)))
    return failure();
  return verifyImportance(*this, cast<ShapedType>(getWeight().getType()),
                          getImportance(), getCriterion());
}

LogicalResult DecompressOp::verify() {
  if (failed(verifyDenseAndEncoded(*this, getResult(), getSource())))
    return failure();
  return verifyCanonical(*this, EncodingAttr::of(getSource().getType()));
}

//===----------------------------------------------------------------------===//
// AssembleOp and DisassembleOp
//===----------------------------------------------------------------------===//

LogicalResult AssembleOp::verify() {
  return verifyStorageTypes(*this, getStorage().getTypes(),
                            getResult().getType());
}

OpFoldResult AssembleOp::fold(FoldAdaptor) {
  // assemble(disassemble(x)) is x.
  auto source = getStorage().front().getDefiningOp<DisassembleOp>();
  if (source && source.getSource().getType() == getType() &&
      source.getStorage() == getStorage())
    return source.getSource();
  return {};
}

LogicalResult DisassembleOp::verify() {
  return verifyStorageTypes(*this, getStorage().getTypes(),
                            getSource().getType());
}

LogicalResult DisassembleOp::fold(FoldAdaptor,
                                  SmallVectorImpl<OpFoldResult> &results) {
  // disassemble(assemble(parts...)) is parts.
  auto source = getSource().getDefiningOp<AssembleOp>();
  if (!source)
    return failure();
  llvm::append_range(results, source.getStorage());
  return success();
}

void DisassembleOp::build(OpBuilder &builder, OperationState &state,
                          Value source) {
  SmallVector<Type> types = llvm::to_vector_of<Type>(
      EncodingAttr::getStorageTypes(cast<RankedTensorType>(source.getType())));
  build(builder, state, types, source);
}
