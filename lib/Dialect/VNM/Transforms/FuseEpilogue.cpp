// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-fuse-epilogue: elementwise consumers of a product
// move into it.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

namespace vnm {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

namespace {

/// An elementwise consumer and how its other inputs spread over the result.
struct Consumer {
  linalg::LinalgOp op;
  /// The input that is the product.
  OpOperand *product = nullptr;
  /// The other inputs, in order.
  SmallVector<OpOperand *> others;
  SmallVector<Attribute> broadcasts;
};

} // namespace

/// How an input with indexing map `map` spreads over the product's result; none
/// if in no way that an epilogue has.
static std::optional<Broadcast> classify(MatmulOp matmulOp, AffineMap map) {
  if (map.isIdentity())
    return Broadcast::Full;
  if (map.getNumResults() != 1)
    return std::nullopt;
  auto dim = dyn_cast<AffineDimExpr>(map.getResult(0));
  if (dim && dim.getPosition() == matmulOp.getYRowDim())
    return Broadcast::PerRow;
  if (dim && dim.getPosition() == matmulOp.getYTokenDim())
    return Broadcast::PerToken;
  return std::nullopt;
}

/// Whether `body` is scalar code on its arguments and constants, so that a
/// kernel can hold it.
static bool isScalarCode(Block &body) {
  return llvm::all_of(body, [&](Operation &op) {
    if (!op.hasTrait<OpTrait::IsTerminator>() &&
        (!isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) ||
         op.getNumRegions() != 0 ||
         !llvm::all_of(op.getResultTypes(),
                       llvm::IsaPred<IntegerType, FloatType>)))
      return false;
    return llvm::all_of(op.getOperands(), [&](Value operand) {
      Operation *producer = operand.getDefiningOp();
      return operand.getParentBlock() == &body ||
             (producer && producer->hasTrait<OpTrait::ConstantLike>());
    });
  });
}

/// Whether the product may store elements of `type` at all.
static bool mayStore(MatmulOp matmulOp, RankedTensorType type) {
  if (matmulOp.getAccumulate() && type != matmulOp.getInit().getType())
    return false;
  return isa<FloatType>(type.getElementType()) ||
         type.getElementType() == matmulOp.getAccumulatorType();
}

/// Finds the consumer to move into `matmulOp`: the only user of its result, in
/// the same block, elementwise, on tensors.
static FailureOr<Consumer> matchConsumer(MatmulOp matmulOp) {
  Value result = matmulOp.getResult();
  if (!result.hasOneUse())
    return failure();
  Consumer consumer;
  consumer.product = &*result.use_begin();
  consumer.op = dyn_cast<linalg::LinalgOp>(consumer.product->getOwner());
  linalg::LinalgOp op = consumer.op;
  if (!op || op->getBlock() != matmulOp->getBlock() ||
      !op.hasPureTensorSemantics() || op->getNumResults() != 1 ||
      op.getNumLoops() != op.getNumParallelLoops() ||
      !op.isDpsInput(consumer.product))
    return failure();
  OpOperand *init = op.getDpsInitOperand(0);
  if (op.payloadUsesValueFromOperand(init) ||
      !op.getMatchingIndexingMap(init).isIdentity() ||
      !op.getMatchingIndexingMap(consumer.product).isIdentity() ||
      !mayStore(matmulOp, cast<RankedTensorType>(init->get().getType())) ||
      !isScalarCode(*op.getBlock()))
    return failure();
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (input == consumer.product)
      continue;
    std::optional<Broadcast> broadcast =
        classify(matmulOp, op.getMatchingIndexingMap(input));
    if (!broadcast || !isa<RankedTensorType>(input->get().getType()))
      return failure();
    consumer.others.push_back(input);
    consumer.broadcasts.push_back(
        BroadcastAttr::get(op.getContext(), *broadcast));
  }
  return consumer;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// The accumulator rounded to the element type that the product stores.
static Value roundAccumulator(OpBuilder &builder, Location loc, Value sum,
                              Type type) {
  if (sum.getType() == type)
    return sum;
  if (type.getIntOrFloatBitWidth() > sum.getType().getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, type, sum);
  return arith::TruncFOp::create(builder, loc, type, sum);
}

/// Clones the ops of `body` and returns what its terminator yields.
static Value cloneBody(OpBuilder &builder, Block &body, IRMapping &mapping) {
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  return mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
}

/// Fills the epilogue of `fused`: what `matmulOp` stores, then `consumer`.
static void buildEpilogue(MatmulOp fused, MatmulOp matmulOp,
                          const Consumer &consumer) {
  Location loc = fused.getLoc();
  SmallVector<Type> types = {matmulOp.getAccumulatorType()};
  for (Value operand : fused.getEpilogueOperands())
    types.push_back(getElementTypeOrSelf(operand.getType()));
  OpBuilder builder(fused.getContext());
  Block *block = builder.createBlock(&fused.getEpilogue(), {}, types,
                                     SmallVector<Location>(types.size(), loc));
  Block::BlockArgListType arguments = block->getArguments();
  size_t numOld = matmulOp.getEpilogueOperands().size();

  Value stored;
  if (matmulOp.hasEpilogue()) {
    Block &body = matmulOp.getEpilogue().front();
    IRMapping mapping;
    mapping.map(body.getArguments(), arguments.take_front(numOld + 1));
    stored = cloneBody(builder, body, mapping);
  } else {
    stored =
        roundAccumulator(builder, loc, arguments.front(),
                         getElementTypeOrSelf(matmulOp.getResult().getType()));
  }
  linalg::LinalgOp op = consumer.op;
  IRMapping mapping;
  mapping.map(op.getMatchingBlockArgument(consumer.product), stored);
  for (auto [input, argument] :
       llvm::zip_equal(consumer.others, arguments.drop_front(numOld + 1)))
    mapping.map(op.getMatchingBlockArgument(input), argument);
  Value yielded = cloneBody(builder, *op.getBlock(), mapping);
  YieldOp::create(builder, loc, yielded);
}

/// Replaces `matmulOp` and `consumer` by one product, where the consumer is.
static MatmulOp fuse(MatmulOp matmulOp, const Consumer &consumer) {
  linalg::LinalgOp op = consumer.op;
  OpBuilder builder(op);
  SmallVector<Value> operands(matmulOp.getEpilogueOperands());
  for (OpOperand *input : consumer.others)
    operands.push_back(input->get());
  SmallVector<Attribute> broadcasts(matmulOp.getBroadcasts().getValue());
  llvm::append_range(broadcasts, consumer.broadcasts);
  Value init = matmulOp.getAccumulate() ? matmulOp.getInit()
                                        : op.getDpsInitOperand(0)->get();
  auto fused = MatmulOp::create(
      builder, matmulOp.getLoc(), op->getResult(0).getType(),
      matmulOp.getWeight(), matmulOp.getX(), init, operands,
      builder.getArrayAttr(broadcasts), matmulOp.getAccumulate(),
      matmulOp.getXLayout(), matmulOp.getYLayout());
  fused->setDiscardableAttrs(matmulOp->getDiscardableAttrDictionary());
  buildEpilogue(fused, matmulOp, consumer);
  op->getResult(0).replaceAllUsesWith(fused.getResult());
  op->erase();
  matmulOp->erase();
  return fused;
}

namespace {

struct FuseEpiloguePass final
    : vnm::impl::FuseEpiloguePassBase<FuseEpiloguePass> {
  void runOnOperation() override {
    SmallVector<MatmulOp> matmulOps;
    getOperation()->walk([&](MatmulOp op) { matmulOps.push_back(op); });
    for (MatmulOp op : matmulOps) {
      unsigned count = 0;
      for (FailureOr<Consumer> consumer = matchConsumer(op);
           succeeded(consumer); consumer = matchConsumer(op), ++count)
        op = fuse(op, *consumer);
      numFused += count;
      if (count)
        emitRemark(op, count);
    }
  }

private:
  /// Says how many ops moved into `op`.
  static void emitRemark(MatmulOp op, unsigned count) {
    auto function = op->getParentOfType<FunctionOpInterface>();
    auto layer = op->getAttrOfType<StringAttr>(VNMDialect::getLayerAttrName());
    remark::passed(op.getLoc(),
                   remark::RemarkOpts::name("fuse")
                       .category("vnm-fuse")
                       .function(function ? function.getName() : StringRef()))
        << remark::add("layer {0}: {1} elementwise ops moved into the epilogue",
                       layer ? layer.getValue().str() : "?", count);
  }
};

} // namespace
