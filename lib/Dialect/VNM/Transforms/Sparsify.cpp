// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-sparsify: annotated contractions become sparse.

#include "LayerScores.h"
#include "RewriteUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

namespace vnm {
#define GEN_PASS_DEF_SPARSIFYPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Activations and results
//===----------------------------------------------------------------------===//

namespace {

/// How an activation or a result of a contraction maps to the one of
/// vnm.matmul: dimensions are permuted, then a group of `groupSize` of them
/// from `groupStart` is collapsed to one (channels or rows); without any token
/// dimension, one of size 1 is added in front.
struct OperandPlan {
  SmallVector<int64_t> permutation;
  ActivationLayout layout = ActivationLayout::TokenMajor;
  int64_t groupStart = 0;
  int64_t groupSize = 0;
  bool addTokenDim = false;

  bool isIdentity() const {
    return isIdentityPermutation(permutation) && groupSize == 1 && !addTokenDim;
  }
  /// Collapsing indices of a tensor of rank `rank`.
  SmallVector<ReassociationIndices> getGroups(int64_t rank) const;
};

} // namespace

SmallVector<ReassociationIndices> OperandPlan::getGroups(int64_t rank) const {
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim <= groupStart || dim >= groupStart + groupSize)
      groups.emplace_back();
    groups.back().push_back(dim);
  }
  return groups;
}

/// Plans an operand with dimensions indexed by `loops`: `free` are the batch
/// and token loops, in the order wanted, and `group` the channel or row loops.
static OperandPlan planOperand(ArrayRef<unsigned> loops,
                               ArrayRef<unsigned> free,
                               ArrayRef<unsigned> group) {
  OperandPlan plan;
  plan.groupSize = group.size();
  plan.addTokenDim = free.empty();
  SmallVector<unsigned> tokenMajor(free);
  llvm::append_range(tokenMajor, group);
  SmallVector<unsigned> order = tokenMajor;
  plan.groupStart = free.size();
  if (!free.empty()) {
    SmallVector<unsigned> featureMajor(free.drop_back());
    llvm::append_range(featureMajor, group);
    featureMajor.push_back(free.back());
    if (loops == ArrayRef<unsigned>(featureMajor) &&
        loops != ArrayRef<unsigned>(tokenMajor)) {
      order = featureMajor;
      plan.layout = ActivationLayout::FeatureMajor;
      plan.groupStart = free.size() - 1;
    }
  }
  for (unsigned loop : order)
    plan.permutation.push_back(llvm::find(loops, loop) - loops.begin());
  return plan;
}

/// `value` as `plan` says.
static Value applyPlan(OpBuilder &builder, Location loc, Value value,
                       const OperandPlan &plan) {
  value = createTranspose(builder, loc, value, plan.permutation);
  auto type = cast<RankedTensorType>(value.getType());
  if (plan.groupSize > 1) {
    value = tensor::CollapseShapeOp::create(builder, loc, value,
                                            plan.getGroups(type.getRank()));
    type = cast<RankedTensorType>(value.getType());
  }
  return plan.addTokenDim
             ? createReshape(builder, loc, value, {1, type.getDimSize(0)})
             : value;
}

/// A tensor of the type that `plan` gives `value`, with any contents.
static Value createPlannedEmpty(OpBuilder &builder, Location loc, Value value,
                                const OperandPlan &plan) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  applyPermutationToVector(sizes, plan.permutation);
  SmallVector<OpFoldResult> planned;
  if (plan.addTokenDim)
    planned.push_back(builder.getIndexAttr(1));
  for (const ReassociationIndices &group : plan.getGroups(sizes.size())) {
    if (group.size() == 1) {
      planned.push_back(sizes[group.front()]);
      continue;
    }
    // Rows have static sizes, as the weight has.
    int64_t product = 1;
    for (int64_t dim : group)
      product *= *getConstantIntValue(sizes[dim]);
    planned.push_back(builder.getIndexAttr(product));
  }
  return tensor::EmptyOp::create(builder, loc, planned,
                                 getElementTypeOrSelf(value.getType()));
}

/// The inverse of applyPlan: from `value` to a tensor of `type`.
static Value undoPlan(OpBuilder &builder, Location loc, Value value,
                      const OperandPlan &plan, RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  applyPermutationToVector(shape, plan.permutation);
  auto permuted = RankedTensorType::get(shape, type.getElementType());
  if (plan.addTokenDim) {
    auto flat = RankedTensorType::get({ShapedType::getNumElements(shape)},
                                      type.getElementType());
    value = createReshape(builder, loc, value, flat.getShape());
  }
  if (plan.groupSize > 1)
    value = tensor::ExpandShapeOp::create(builder, loc, permuted, value,
                                          plan.getGroups(permuted.getRank()));
  return createTranspose(builder, loc, value,
                         invertPermutationVector(plan.permutation));
}

/// `value` with the dimensions that `loops` index, if among `known`, of the
/// static sizes the contraction gives them.
static Value castToStatic(OpBuilder &builder, Location loc, Value value,
                          ArrayRef<unsigned> loops, ArrayRef<unsigned> known,
                          ArrayRef<int64_t> loopSizes) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [dim, loop] : llvm::enumerate(loops))
    if (llvm::is_contained(known, loop))
      shape[dim] = loopSizes[loop];
  if (type.getShape() == ArrayRef<int64_t>(shape))
    return value;
  return tensor::CastOp::create(builder, loc, type.clone(shape), value);
}

/// What `value` was before it was filled with zeros; null if it was not.
static Value getZeroFilled(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    if (matchPattern(fill.getInputs().front(), m_AnyZeroFloat()) ||
        matchPattern(fill.getInputs().front(), m_Zero()))
      return fill.getOutputs().front();
  if (matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero()))
    return value;
  return {};
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct SparsifyPass final : vnm::impl::SparsifyPassBase<SparsifyPass> {
  using SparsifyPassBase::SparsifyPassBase;

  void runOnOperation() override;

private:
  /// What is compressed: equal keys share one vnm.compress.
  struct CompressedWeight {
    MatmulMatch match;
    SparsityAttr sparsity;
    StringRef normsOf;
    Value result;
  };

  LogicalResult sparsify(Operation *op);
  FailureOr<Value> compress(const MatmulMatch &match, SparsityAttr sparsity,
                            StringAttr layer);
  FailureOr<Value> createNorms(OpBuilder &builder, const MatmulMatch &match,
                               StringRef layer);
  void replaceWithMatmul(const MatmulMatch &match, Value weight,
                         StringAttr layer);

  Calibration calibrated;
  std::vector<CompressedWeight> compressed;
};

} // namespace

/// The norms of the layer's input channels as a constant; a null value if the
/// criterion does not need what the calibration lacks.
FailureOr<Value> SparsifyPass::createNorms(OpBuilder &builder,
                                           const MatmulMatch &match,
                                           StringRef layer) {
  Operation *op = match.op;
  FailureOr<std::vector<float>> norms = calibrated.getNorms(op, match.numCols);
  if (failed(norms))
    return failure();
  if (norms->empty())
    return Value();
  auto type = RankedTensorType::get({match.numCols}, builder.getF32Type());
  ArrayRef<char> bytes(reinterpret_cast<const char *>(norms->data()),
                       norms->size() * sizeof(float));
  return createResourceConstant(builder, op->getLoc(), type,
                                (layer + ".norms").str(), bytes);
}

/// The compressed weight of `match`, made beside its source unless it exists.
FailureOr<Value> SparsifyPass::compress(const MatmulMatch &match,
                                        SparsityAttr sparsity,
                                        StringAttr layer) {
  Operation *op = match.op;
  Criterion criterion = sparsity.getCriterion();
  if (criterion == Criterion::Given)
    return op->emitOpError("requires criterion magnitude, wanda or ria, "
                           "but it is given, which needs scores");
  // Norms belong to a layer: only then the layer is part of the key.
  StringRef normsOf;
  if (criterion != Criterion::Magnitude &&
      (!calibration.empty() || op->hasAttr(VNMDialect::getNormsAttrName())))
    normsOf = layer.getValue();
  for (CompressedWeight &other : compressed)
    if (other.match.weight.source == match.weight.source &&
        other.match.readsSameMatrix(match) && other.sparsity == sparsity &&
        other.normsOf == normsOf)
      return other.result;

  Location loc = op->getLoc();
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(match.weight.source);
  FailureOr<Value> importance = createNorms(builder, match, layer.getValue());
  if (failed(importance))
    return failure();
  Value matrix = createMatrix(builder, loc, match.weight.source, match.rowAxes,
                              match.columnAxes, match.numRows, match.numCols);
  for (Type type : match.casts)
    matrix = createElementCast(builder, loc, matrix, type);
  auto encoding =
      EncodingAttr::get(&getContext(), sparsity.getPattern().getPattern(),
                        sparsity.getForm(), match.numCols);
  encoding =
      EncodingAttr::get(&getContext(), encoding.getPattern(),
                        encoding.getForm(), encoding.getColumnWidth(),
                        sparsity.getRowOrder(), StorageLayout::Canonical);
  auto type = RankedTensorType::get({match.numRows, match.numCols},
                                    match.elementType, encoding);
  auto compressOp =
      CompressOp::create(builder, loc, type, matrix, *importance, criterion,
                         sparsity.getColumnChoice(), sparsity.getEffort());
  compressOp->setAttr(VNMDialect::getLayerAttrName(), layer);
  compressed.push_back({match, sparsity, normsOf, compressOp.getResult()});
  ++numCompressed;
  return compressOp.getResult();
}

/// Replaces the contraction of `match` by vnm.matmul with `weight`.
void SparsifyPass::replaceWithMatmul(const MatmulMatch &match, Value weight,
                                     StringAttr layer) {
  linalg::LinalgOp op = match.op;
  OpBuilder builder(op);
  Location loc = op.getLoc();
  // Static sizes: those the weight has.
  SmallVector<int64_t> loopSizes = op.getStaticLoopRanges();
  AffineMap weightMap = op.getIndexingMapsArray()[match.weightOperand];
  auto weightType =
      cast<ShapedType>(op->getOperand(match.weightOperand).getType());
  for (auto [dim, expr] : llvm::enumerate(weightMap.getResults()))
    loopSizes[cast<AffineDimExpr>(expr).getPosition()] =
        weightType.getDimSize(dim);

  // Loops free in x's order keep x as it is; where x must be transposed anyway,
  // the result's order keeps at least that.
  OperandPlan xPlan =
      planOperand(match.xLoops, match.freeLoops, match.channelLoops);
  SmallVector<unsigned> free = match.freeLoops;
  if (!isIdentityPermutation(xPlan.permutation)) {
    free.clear();
    for (unsigned loop : match.yLoops)
      if (llvm::is_contained(match.freeLoops, loop))
        free.push_back(loop);
    xPlan = planOperand(match.xLoops, free, match.channelLoops);
  }
  OperandPlan yPlan = planOperand(match.yLoops, free, match.rowLoops);

  Value x = castToStatic(builder, loc, match.x, match.xLoops,
                         match.channelLoops, loopSizes);
  x = createElementCast(builder, loc, x, match.elementType);
  x = applyPlan(builder, loc, x, xPlan);

  auto resultType = cast<RankedTensorType>(match.init.getType());
  Value zeroFilled = getZeroFilled(match.init);
  Value init = castToStatic(builder, loc, zeroFilled ? zeroFilled : match.init,
                            match.yLoops, match.rowLoops, loopSizes);
  auto staticType = cast<RankedTensorType>(init.getType());
  if (!zeroFilled)
    init = applyPlan(builder, loc, init, yPlan);
  else if (!yPlan.isIdentity() || !init.getDefiningOp<tensor::EmptyOp>())
    init = createPlannedEmpty(builder, loc, init, yPlan);

  auto matmulOp =
      MatmulOp::create(builder, loc, init.getType(), weight, x, init,
                       ValueRange{}, builder.getArrayAttr({}),
                       /*accumulate=*/!zeroFilled, xPlan.layout, yPlan.layout);
  // Attributes of linalg describe the op that goes.
  NamedAttrList discardable;
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    if (!isa_and_nonnull<linalg::LinalgDialect>(attribute.getNameDialect()))
      discardable.push_back(attribute);
  discardable.erase(VNMDialect::getSparsityAttrName());
  discardable.erase(VNMDialect::getNormsAttrName());
  discardable.set(VNMDialect::getLayerAttrName(), layer);
  matmulOp->setDiscardableAttrs(discardable.getDictionary(&getContext()));
  Value result =
      undoPlan(builder, loc, matmulOp.getResult(), yPlan, staticType);
  if (result.getType() != resultType)
    result = tensor::CastOp::create(builder, loc, resultType, result);
  op->getResult(0).replaceAllUsesWith(result);
  eraseIfDead(op);
}

LogicalResult SparsifyPass::sparsify(Operation *op) {
  MatmulMatch match;
  if (failed(matchAnnotated(op, match)))
    return failure();
  auto sparsity =
      op->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName());
  StringAttr layer = getLayerName(op);
  FailureOr<Value> weight = compress(match, sparsity, layer);
  if (failed(weight))
    return failure();
  replaceWithMatmul(match, *weight, layer);
  ++numSparsified;
  return success();
}

void SparsifyPass::runOnOperation() {
  compressed.clear();
  SmallVector<Operation *> annotated = getAnnotated(getOperation());
  if (annotated.empty())
    return;
  if (failed(calibrated.open(getOperation(), "vnm-sparsify: option calibration",
                             calibration)))
    return signalPassFailure();
  bool valid = true;
  for (Operation *op : annotated)
    valid &= succeeded(sparsify(op));
  if (!valid)
    signalPassFailure();
}
