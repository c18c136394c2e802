// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the matching of contractions with a weight.

#include "vnm/Dialect/VNM/Transforms/MatmulMatcher.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"

using namespace mlir;
using namespace vnm;

StringRef vnm::describe(MatmulMismatch reason) {
  switch (reason) {
  case MatmulMismatch::None:
    return "it is a product of a weight and activations";
  case MatmulMismatch::NotContraction:
    return "it is no contraction";
  case MatmulMismatch::Buffers:
    return "it works on memrefs, not on tensors";
  case MatmulMismatch::Quantized:
    return "it is a quantized contraction with zero points";
  case MatmulMismatch::UnsupportedBody:
    return "its body is not one multiply-add of the operands, at most widened";
  case MatmulMismatch::UnsupportedMaps:
    return "its indexing maps are not permutations of the loops of a "
           "contraction";
  case MatmulMismatch::EmptyOperand:
    return "neither operand is a weight with elements";
  case MatmulMismatch::NoWeight:
    return "neither operand is a weight: a constant, a constant global or a "
           "function argument with vnm.weight";
  case MatmulMismatch::UnmarkedArgument:
    return "neither operand is a weight, though one is a function argument";
  case MatmulMismatch::ComputedWeight:
    return "the weight is computed of constants in a way that is not looked "
           "through";
  case MatmulMismatch::TwoWeights:
    return "both operands are weights";
  case MatmulMismatch::BatchedWeight:
    return "every batch entry has a weight of its own";
  case MatmulMismatch::BroadcastWeight:
    return "the weight is repeated along its rows or columns";
  case MatmulMismatch::NoRows:
    return "the weight is a vector that is summed to one element";
  case MatmulMismatch::UnsupportedElementType:
    return "the element types are not f16, bf16 or f32 products summed to "
           "floats, or i8 products summed to i32";
  }
  llvm_unreachable("unknown reason");
}

StringRef vnm::suggest(MatmulMismatch reason) {
  switch (reason) {
  case MatmulMismatch::Buffers:
    return "run before bufferization";
  case MatmulMismatch::Quantized:
    return "make the zero points explicit, or dequantize the weight";
  case MatmulMismatch::UnmarkedArgument:
    return "mark the function argument with vnm.weight if it is a weight";
  case MatmulMismatch::ComputedWeight:
  case MatmulMismatch::TwoWeights:
    return "fold the constants first";
  case MatmulMismatch::BatchedWeight:
    return "split the contraction into one per batch entry";
  case MatmulMismatch::UnsupportedElementType:
    return "cast both operands to f32";
  default:
    return "";
  }
}

//===----------------------------------------------------------------------===//
// The op's form
//===----------------------------------------------------------------------===//

/// Follows `value` through widening casts of `block`.
static Value skipWidening(Value value, Block *block) {
  while (Operation *op = value.getDefiningOp()) {
    if (op->getBlock() != block || !isa<arith::ExtFOp, arith::ExtSIOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Whether the body yields out + in0 * in1, in any operand order.
static bool hasMultiplyAddBody(linalg::LinalgOp op) {
  Block *block = op.getBlock();
  Operation *yield = block->getTerminator();
  if (block->getNumArguments() != 3 || yield->getNumOperands() != 1)
    return false;
  Operation *add = yield->getOperand(0).getDefiningOp();
  if (!add || !isa<arith::AddFOp, arith::AddIOp>(add))
    return false;
  Value out = block->getArgument(2);
  if (add->getOperand(0) != out && add->getOperand(1) != out)
    return false;
  Value product = add->getOperand(add->getOperand(0) == out ? 1 : 0);
  Operation *mul = skipWidening(product, block).getDefiningOp();
  if (!mul || mul->getBlock() != block ||
      !isa<arith::MulFOp, arith::MulIOp>(mul))
    return false;
  // A product of integers that is widened afterwards has wrapped before.
  if (isa<arith::MulIOp>(mul) && mul->getResult(0) != product)
    return false;
  Value lhs = skipWidening(mul->getOperand(0), block);
  Value rhs = skipWidening(mul->getOperand(1), block);
  Value in0 = block->getArgument(0), in1 = block->getArgument(1);
  return (lhs == in0 && rhs == in1) || (lhs == in1 && rhs == in0);
}

/// Whether some op of the body multiplies and some op adds: a contraction,
/// though maybe not one that can be matched.
static bool multipliesAndAdds(linalg::LinalgOp op) {
  bool multiplies = false, adds = false;
  for (Operation &inner : *op.getBlock()) {
    multiplies |= isa<arith::MulFOp, arith::MulIOp>(inner);
    adds |= isa<arith::AddFOp, arith::AddIOp>(inner);
  }
  return multiplies && adds;
}

/// Checks that `op` is a contraction on tensors with a body and maps as
/// matchMatmul requires.
static MatmulMismatch matchForm(Operation *op) {
  if (isa<linalg::QuantizedMatmulOp, linalg::QuantizedBatchMatmulOp>(op))
    return MatmulMismatch::Quantized;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumDpsInputs() != 2 ||
      linalgOp.getNumDpsInits() != 1 || linalgOp.getNumReductionLoops() == 0 ||
      !multipliesAndAdds(linalgOp))
    return MatmulMismatch::NotContraction;
  if (!linalgOp.hasPureTensorSemantics())
    return MatmulMismatch::Buffers;
  if (!llvm::all_of(linalgOp->getOperandTypes(),
                    llvm::IsaPred<RankedTensorType>))
    return MatmulMismatch::UnsupportedMaps;
  for (AffineMap map : linalgOp.getIndexingMapsArray())
    if (!map.isProjectedPermutation())
      return MatmulMismatch::UnsupportedMaps;
  return hasMultiplyAddBody(linalgOp) ? MatmulMismatch::None
                                      : MatmulMismatch::UnsupportedBody;
}

//===----------------------------------------------------------------------===//
// Operands and loops
//===----------------------------------------------------------------------===//

/// Whether `value` views a function argument of static shape.
static bool isStaticArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    value = getViewedTensor(op);
    if (!value)
      return false;
  }
  auto argument = cast<BlockArgument>(value);
  return isa<FunctionOpInterface>(argument.getOwner()->getParentOp()) &&
         argument.getOwner()->isEntryBlock() &&
         cast<ShapedType>(value.getType()).hasStaticShape();
}

/// Whether `value` has a dimension of size 0.
static bool isEmpty(Value value) {
  return llvm::is_contained(cast<ShapedType>(value.getType()).getShape(), 0);
}

/// Finds which operand is the weight.
static MatmulMismatch matchWeight(MatmulMatch &match) {
  FailureOr<WeightView> views[2];
  for (unsigned i = 0; i < 2; ++i)
    views[i] = traceWeight(match.op->getOperand(i));
  if (succeeded(views[0]) && succeeded(views[1]))
    return MatmulMismatch::TwoWeights;
  if (failed(views[0]) && failed(views[1])) {
    if (isEmpty(match.op->getOperand(0)) || isEmpty(match.op->getOperand(1)))
      return MatmulMismatch::EmptyOperand;
    if (isComputedFromWeights(match.op->getOperand(0)) ||
        isComputedFromWeights(match.op->getOperand(1)))
      return MatmulMismatch::ComputedWeight;
    return isStaticArgument(match.op->getOperand(0)) ||
                   isStaticArgument(match.op->getOperand(1))
               ? MatmulMismatch::UnmarkedArgument
               : MatmulMismatch::NoWeight;
  }
  match.weightOperand = succeeded(views[0]) ? 0 : 1;
  match.weight = *views[match.weightOperand];
  match.x = match.op->getOperand(1 - match.weightOperand);
  match.init = match.op.getDpsInits().front();
  return MatmulMismatch::None;
}

/// Loops that index the dimensions of a value with indexing map `map`.
static SmallVector<unsigned> getLoops(AffineMap map) {
  SmallVector<unsigned> loops;
  for (AffineExpr expr : map.getResults())
    loops.push_back(cast<AffineDimExpr>(expr).getPosition());
  return loops;
}

/// Appends the axes of the weight's dimensions that `loops` index, in order.
static WeightAxes collectAxes(const MatmulMatch &match,
                              ArrayRef<unsigned> weightLoops,
                              ArrayRef<unsigned> loops) {
  WeightAxes axes;
  for (unsigned loop : loops) {
    const auto *position = llvm::find(weightLoops, loop);
    llvm::append_range(axes, match.weight.dims[position - weightLoops.begin()]);
  }
  return axes;
}

/// Number of positions of `axes`.
static int64_t getSize(ArrayRef<WeightAxis> axes) {
  int64_t size = 1;
  for (const WeightAxis &axis : axes)
    size *= axis.size;
  return size;
}

/// Sorts the loops by role and finds the matrix in the source.
static MatmulMismatch matchLoops(MatmulMatch &match) {
  SmallVector<AffineMap> maps = match.op.getIndexingMapsArray();
  SmallVector<unsigned> weightLoops = getLoops(maps[match.weightOperand]);
  match.xLoops = getLoops(maps[1 - match.weightOperand]);
  match.yLoops = getLoops(maps[2]);
  auto batchAxes = WeightAxes();
  for (unsigned loop : match.xLoops) {
    bool inWeight = llvm::is_contained(weightLoops, loop);
    bool inResult = llvm::is_contained(match.yLoops, loop);
    if (!inWeight && !inResult)
      return MatmulMismatch::UnsupportedMaps;
    (inResult ? match.freeLoops : match.channelLoops).push_back(loop);
    if (inWeight && inResult)
      llvm::append_range(batchAxes, collectAxes(match, weightLoops, {loop}));
  }
  for (unsigned loop : match.yLoops) {
    if (llvm::is_contained(match.xLoops, loop))
      continue;
    if (!llvm::is_contained(weightLoops, loop))
      return MatmulMismatch::UnsupportedMaps;
    match.rowLoops.push_back(loop);
  }
  for (unsigned loop : weightLoops)
    if (!llvm::is_contained(match.xLoops, loop) &&
        !llvm::is_contained(match.yLoops, loop))
      return MatmulMismatch::UnsupportedMaps;
  if (match.channelLoops.empty())
    return MatmulMismatch::UnsupportedMaps;
  if (match.rowLoops.empty())
    return MatmulMismatch::NoRows;

  for (const WeightAxis &axis : batchAxes)
    if (axis.size > 1 && !axis.isBroadcast())
      return MatmulMismatch::BatchedWeight;
  match.rowAxes = simplifyAxes(collectAxes(match, weightLoops, match.rowLoops));
  match.columnAxes =
      simplifyAxes(collectAxes(match, weightLoops, match.channelLoops));
  auto isBroadcast = [](const WeightAxis &axis) { return axis.isBroadcast(); };
  if (llvm::any_of(match.rowAxes, isBroadcast) ||
      llvm::any_of(match.columnAxes, isBroadcast))
    return MatmulMismatch::BroadcastWeight;
  match.numRows = getSize(match.rowAxes);
  match.numCols = getSize(match.columnAxes);
  return MatmulMismatch::None;
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// Chooses the element type of the sparse product. Where both operands are
/// widened before the product, it is the type before: products are exact and
/// summed in f32 (i32) all the same.
static MatmulMismatch matchElementTypes(MatmulMatch &match) {
  Type sum = getElementTypeOrSelf(match.init.getType());
  Type weightType = match.weight.getElementType();
  SmallVector<Type, 2> casts = match.weight.casts;
  auto castType = [&]() {
    return casts.empty() ? match.weight.getSourceElementType() : casts.back();
  };
  auto isSupported = [&](Type type) {
    // Sums are in f32; wider ones would lose what the user asked for.
    return toCoreElementType(type) &&
           (isa<IntegerType>(type)
                ? sum.isSignlessInteger(32)
                : isa<FloatType>(sum) && sum.getIntOrFloatBitWidth() <= 32);
  };
  // The weight before trailing casts that only widen.
  while (!casts.empty() &&
         isLosslessExtension(casts.size() > 1
                                 ? casts[casts.size() - 2]
                                 : match.weight.getSourceElementType(),
                             casts.back()))
    casts.pop_back();
  Value narrowX = lookThroughExtensions(match.x);
  Type narrowType = getElementTypeOrSelf(narrowX.getType());
  if (narrowType == castType() && isSupported(narrowType)) {
    match.x = narrowX;
    match.casts = casts;
    match.elementType = narrowType;
    return MatmulMismatch::None;
  }
  Type xType = getElementTypeOrSelf(match.x.getType());
  match.casts = match.weight.casts;
  match.elementType = weightType;
  if (xType != weightType) {
    // Mixed floats meet in f32, which holds them all.
    Type f32 = Float32Type::get(match.op.getContext());
    auto fits = [&](Type type) {
      return type == f32 || isLosslessExtension(type, f32);
    };
    if (!isa<FloatType>(xType) || !isa<FloatType>(weightType) || !fits(xType) ||
        !fits(weightType))
      return MatmulMismatch::UnsupportedElementType;
    if (weightType != f32)
      match.casts.push_back(f32);
    match.elementType = f32;
  }
  return isSupported(match.elementType)
             ? MatmulMismatch::None
             : MatmulMismatch::UnsupportedElementType;
}

MatmulMismatch vnm::matchMatmul(Operation *op, MatmulMatch &match) {
  if (MatmulMismatch reason = matchForm(op); reason != MatmulMismatch::None)
    return reason;
  match = MatmulMatch();
  match.op = cast<linalg::LinalgOp>(op);
  for (auto *matchPart : {matchWeight, matchLoops, matchElementTypes})
    if (MatmulMismatch reason = matchPart(match);
        reason != MatmulMismatch::None)
      return reason;
  return MatmulMismatch::None;
}
