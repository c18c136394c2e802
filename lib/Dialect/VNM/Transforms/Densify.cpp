// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-densify: sparse products as dense contractions.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

namespace vnm {
#define GEN_PASS_DEF_DENSIFYPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using vnm::MatmulOp;

/// Widens or rounds `value` to `type`; integers are sign-extended.
static Value convertScalar(OpBuilder &builder, Location loc, Value value,
                           Type type) {
  Type source = value.getType();
  if (source == type)
    return value;
  if (isa<IntegerType>(type))
    return arith::ExtSIOp::create(builder, loc, type, value);
  if (source.getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, type, value);
  return arith::TruncFOp::create(builder, loc, type, value);
}

/// Dimensions of the contraction: batch..., rows, tokens, channels.
namespace {
struct Dims {
  explicit Dims(MatmulOp op)
      : context(op.getContext()), numBatch(op.getNumBatchDims()) {}

  unsigned count() const { return numBatch + 3; }
  AffineExpr row() const { return getAffineDimExpr(numBatch, context); }
  AffineExpr token() const { return getAffineDimExpr(numBatch + 1, context); }
  AffineExpr channel() const { return getAffineDimExpr(numBatch + 2, context); }

  /// The map of an array with the batch first, then `a` and `b`, whose first is
  /// at `dimOfA`.
  AffineMap batched(AffineExpr a, unsigned dimOfA, AffineExpr b,
                    unsigned numDims) const {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim = 0; dim < numBatch; ++dim)
      exprs.push_back(getAffineDimExpr(dim, context));
    bool aFirst = dimOfA == numBatch;
    exprs.push_back(aFirst ? a : b);
    exprs.push_back(aFirst ? b : a);
    return AffineMap::get(numDims, 0, exprs, context);
  }

  MLIRContext *context;
  unsigned numBatch;
};
} // namespace

/// A tensor of the result's shape with the accumulator's element type, holding
/// what the products are added to.
static Value createAccumulator(OpBuilder &builder, MatmulOp op) {
  Location loc = op.getLoc();
  Type type = op.getAccumulatorType();
  Type stored = getElementTypeOrSelf(op.getInit().getType());
  if (op.getAccumulate() && stored == type)
    return op.getInit();
  Value empty = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, op.getInit()), type);
  if (!op.getAccumulate()) {
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  }
  unsigned rank = op.getNumBatchDims() + 2;
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  auto widen = [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
    linalg::YieldOp::create(nested, nestedLoc,
                            convertScalar(nested, nestedLoc, args[0], type));
  };
  return linalg::GenericOp::create(builder, loc, empty.getType(), op.getInit(),
                                   empty, {identity, identity}, parallel, widen)
      .getResult(0);
}

/// `weight` with input channels first, as a result with its rows innermost
/// wants it: neighbours in the result then read neighbours in the weight.
static Value transposeWeight(OpBuilder &builder, Location loc, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  Value empty = tensor::EmptyOp::create(
      builder, loc, ArrayRef{type.getDimSize(1), type.getDimSize(0)},
      type.getElementType());
  return linalg::TransposeOp::create(builder, loc, weight, empty,
                                     ArrayRef<int64_t>{1, 0})
      ->getResult(0);
}

/// acc + sum over k of w[r, k] * x[k, t].
static Value createContraction(OpBuilder &builder, MatmulOp op, Value weight,
                               Value accumulator) {
  Dims dims(op);
  SmallVector<AffineExpr> weightDims = {dims.row(), dims.channel()};
  if (op.getYLayout() == vnm::ActivationLayout::TokenMajor) {
    weight = transposeWeight(builder, op.getLoc(), weight);
    std::swap(weightDims[0], weightDims[1]);
  }
  AffineMap weightMap =
      AffineMap::get(dims.count(), 0, weightDims, dims.context);
  AffineMap xMap = dims.batched(dims.channel(), op.getXChannelDim(),
                                dims.token(), dims.count());
  AffineMap yMap =
      dims.batched(dims.row(), op.getYRowDim(), dims.token(), dims.count());
  // Not a linalg.generic: elementwise fusion would move the producer of x into
  // the reduction and compute it once per row.
  return linalg::ContractOp::create(
             builder, op.getLoc(), TypeRange{accumulator.getType()},
             ValueRange{weight, op.getX()}, ValueRange{accumulator},
             builder.getAffineMapArrayAttr({weightMap, xMap, yMap}))
      ->getResult(0);
}

/// Maps of the epilogue's operands over the result's dimensions.
static AffineMap getBroadcastMap(MatmulOp op, unsigned index) {
  unsigned rank = op.getNumBatchDims() + 2;
  MLIRContext *context = op.getContext();
  switch (op.getBroadcast(index)) {
  case vnm::Broadcast::PerRow:
    return AffineMap::get(rank, 0, getAffineDimExpr(op.getYRowDim(), context));
  case vnm::Broadcast::PerToken:
    return AffineMap::get(rank, 0,
                          getAffineDimExpr(op.getYTokenDim(), context));
  case vnm::Broadcast::Full:
    return AffineMap::getMultiDimIdentityMap(rank, context);
  }
  llvm_unreachable("covered switch");
}

/// Applies the epilogue, or rounds, to the type of the result.
static Value createEpilogue(OpBuilder &builder, MatmulOp op, Value sums) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  if (!op.hasEpilogue() && sums.getType() == type)
    return sums;
  unsigned rank = type.getRank();
  SmallVector<Value> inputs = {sums};
  SmallVector<AffineMap> maps = {builder.getMultiDimIdentityMap(rank)};
  for (auto [index, operand] : llvm::enumerate(op.getEpilogueOperands())) {
    inputs.push_back(operand);
    maps.push_back(getBroadcastMap(op, index));
  }
  maps.push_back(builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  Value empty = tensor::EmptyOp::create(
      builder, op.getLoc(),
      tensor::getMixedSizes(builder, op.getLoc(), op.getInit()),
      type.getElementType());
  auto body = [&](OpBuilder &nested, Location loc, ValueRange args) {
    if (!op.hasEpilogue()) {
      linalg::YieldOp::create(
          nested, loc,
          convertScalar(nested, loc, args[0], type.getElementType()));
      return;
    }
    Block &block = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(block.getArguments(), args.drop_back());
    for (Operation &inner : block.without_terminator())
      nested.clone(inner, mapping);
    auto yield = cast<vnm::YieldOp>(block.getTerminator());
    linalg::YieldOp::create(nested, loc,
                            mapping.lookupOrDefault(yield.getValue()));
  };
  return linalg::GenericOp::create(builder, op.getLoc(), type, inputs, empty,
                                   maps, parallel, body)
      .getResult(0);
}

namespace {
struct DensifyPass : vnm::impl::DensifyPassBase<DensifyPass> {
  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) { products.push_back(op); });
    for (MatmulOp op : products) {
      OpBuilder builder(op);
      auto type = cast<RankedTensorType>(op.getWeight().getType());
      Value weight = vnm::DecompressOp::create(
          builder, op.getLoc(), type.cloneWithEncoding({}), op.getWeight());
      Value sums = createContraction(builder, op, weight,
                                     createAccumulator(builder, op));
      op.getResult().replaceAllUsesWith(createEpilogue(builder, op, sums));
      op.erase();
    }
    numProducts += products.size();
  }
};
} // namespace
