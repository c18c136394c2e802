// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm.pack and vnm.unpack.

#include "OpVerifiers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

using namespace mlir;
using namespace vnm;

/// Sizes of the (static) destinations of `op`.
static LogicalResult reifyStaticInits(OpBuilder &builder, ValueRange inits,
                                      ReifiedRankedShapedTypeDims &dims) {
  for (Value init : inits) {
    SmallVector<OpFoldResult> sizes;
    for (int64_t size : cast<ShapedType>(init.getType()).getShape())
      sizes.push_back(builder.getIndexAttr(size));
    dims.push_back(std::move(sizes));
  }
  return success();
}

/// Adds reads of the memref operands in `inputs` and writes of those in
/// `inits`.
static void
addEffects(MutableArrayRef<OpOperand> inputs, MutableArrayRef<OpOperand> inits,
           SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
               &effects) {
  for (OpOperand &operand : inputs)
    if (isa<BaseMemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  for (OpOperand &operand : inits)
    if (isa<BaseMemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
}

/// Checks that `type` is the type of a dense weight under `encoding`.
static LogicalResult verifyWeightType(Operation *op, EncodingAttr encoding,
                                      Type type) {
  auto shaped = cast<ShapedType>(type);
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (tensorType && tensorType.getEncoding())
    return op->emitOpError()
           << "requires the dense weight to have no encoding, but its type is "
           << type;
  return encoding.verifyEncoding(shaped.getShape(), shaped.getElementType(),
                                 [&] { return op->emitOpError(); });
}

//===----------------------------------------------------------------------===//
// PackOp
//===----------------------------------------------------------------------===//

LogicalResult PackOp::verify() {
  auto weight = cast<ShapedType>(getWeight().getType());
  if (failed(verifyWeightType(*this, getEncoding(), weight)))
    return failure();
  if (failed(verifyRowOrder(*this, getEncoding())) ||
      failed(verifyCanonical(*this, getEncoding())))
    return failure();
  if (failed(verifyStorageParts(
          *this, getInits().getTypes(),
          getEncoding().getStorageTypes(weight.getShape(),
                                        weight.getElementType()))) ||
      failed(verifyImportance(*this, weight, getImportance(), getCriterion())))
    return failure();
  return verifyDestinations(*this, getOperands(), getInits());
}

LogicalResult PackOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &dims) {
  return reifyStaticInits(builder, getInits(), dims);
}

void PackOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  MutableArrayRef<OpOperand> operands = getOperation()->getOpOperands();
  size_t numInputs = operands.size() - getInits().size();
  addEffects(operands.take_front(numInputs), operands.drop_front(numInputs),
             effects);
}

//===----------------------------------------------------------------------===//
// UnpackOp
//===----------------------------------------------------------------------===//

LogicalResult UnpackOp::verify() {
  auto dense = cast<ShapedType>(getInit().getType());
  if (failed(verifyCanonical(*this, getEncoding())) ||
      failed(verifyWeightType(*this, getEncoding(), dense)) ||
      failed(verifyStorageParts(*this, getStorage().getTypes(),
                                getEncoding().getStorageTypes(
                                    dense.getShape(), dense.getElementType()))))
    return failure();
  return verifyDestinations(*this, getOperands(), getInit());
}

LogicalResult UnpackOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &dims) {
  return reifyStaticInits(builder, getInit(), dims);
}

void UnpackOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  MutableArrayRef<OpOperand> operands = getOperation()->getOpOperands();
  addEffects(operands.drop_back(), operands.take_back(1), effects);
}
