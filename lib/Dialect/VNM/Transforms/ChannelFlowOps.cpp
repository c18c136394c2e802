// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what each op does to the order of channels.

#include "ChannelFlow.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace vnm;

/// The tensor that `operand` is, as channels.
ChannelInfo ChannelFlow::getInfo(OpOperand &operand) {
  Value value = operand.get();
  if (auto it = infos.find(value); it != infos.end())
    return it->second;
  auto type = cast<ShapedType>(value.getType());
  if (value.getDefiningOp<tensor::EmptyOp>()) {
    ChannelInfo info = createFixedInfo(type, "");
    for (ChannelDim &dim : info)
      for (ChannelFactor &factor : dim)
        factor.uniform = true;
    return info;
  }
  ElementsAttr elements;
  if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat() ||
      type.getElementTypeBitWidth() % CHAR_BIT != 0 ||
      !matchPattern(value, m_Constant(&elements)))
    return createFixedInfo(
        type, isa<BlockArgument>(value)
                  ? "it is combined with an argument, whose channels have an "
                    "order (as in a residual stream)"
                  : "it is combined with a tensor whose channels have an order "
                    "(as in a residual stream)");
  // A constant has any order; each use may have another.
  ChannelConstant constant{&operand, {}};
  ChannelInfo info;
  for (int64_t size : type.getShape()) {
    ChannelDim &dim = info.emplace_back();
    std::optional<unsigned> &space = constant.dims.emplace_back();
    if (size == 1)
      continue;
    ChannelFactor factor(size);
    factor.uniform = elements.isSplat();
    if (!factor.uniform) {
      space = createSpace(size);
      factor.tags.push_back({*space, size, 1});
    }
    dim.push_back(factor);
  }
  if (!elements.isSplat())
    constants.push_back(std::move(constant));
  return info;
}

void ChannelFlow::visit(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
      linalgOp && linalgOp.hasPureTensorSemantics())
    return visitLinalg(linalgOp);
  if (op->hasTrait<OpTrait::ConstantLike>() ||
      isa<tensor::EmptyOp, tensor::DimOp, linalg::YieldOp>(op))
    return;
  if (OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1 &&
      isa<RankedTensorType>(op->getResult(0).getType()))
    return visitElementwise(op);
  if (!visitReshape(op) && !visitSlice(op))
    visitUnknown(op);
}

/// Fixes whatever `op` reads; its results have an order, too.
void ChannelFlow::visitUnknown(Operation *op) {
  bool isReturn = op->hasTrait<OpTrait::ReturnLike>() &&
                  isa<FunctionOpInterface>(op->getParentOp());
  std::string reason =
      isReturn ? "it is returned by the function"
               : "it is read by '" + op->getName().getStringRef().str() +
                     "', which may depend on the order of channels";
  for (OpOperand &operand : op->getOpOperands())
    if (isa<RankedTensorType>(operand.get().getType()))
      pinAll(getInfo(operand), reason);
}

//===----------------------------------------------------------------------===//
// Structured ops
//===----------------------------------------------------------------------===//

/// Whether `body` computes one element of the given elements, whatever their
/// position, other than by linalg.index.
static bool isScalarBody(Block &body) {
  return llvm::all_of(body, [](Operation &op) {
    return isa<linalg::IndexOp, linalg::YieldOp>(op) ||
           (isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) &&
            op.getNumRegions() == 0);
  });
}

/// Whether all results of `op` are sums, products, minima or maxima over the
/// reduction loops: independent, but for rounding, of their order.
static bool reducesInAnyOrder(linalg::LinalgOp op) {
  for (unsigned i = 0; i < op.getNumDpsInits(); ++i) {
    SmallVector<Operation *> combiners;
    if (!matchReduction(op.getRegionOutputArgs(), i, combiners) ||
        combiners.size() != 1 ||
        !isa<arith::AddFOp, arith::AddIOp, arith::MulFOp, arith::MulIOp,
             arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp,
             arith::MaxUIOp, arith::MinimumFOp, arith::MinNumFOp,
             arith::MinSIOp, arith::MinUIOp, arith::AndIOp, arith::OrIOp,
             arith::XOrIOp>(combiners.front()))
      return false;
  }
  return true;
}

/// Whether the body of `op` asks for the number of `loop`.
static bool hasIndex(linalg::LinalgOp op, unsigned loop) {
  return llvm::any_of(
      op.getBlock()->getOps<linalg::IndexOp>(),
      [&](linalg::IndexOp index) { return index.getDim() == loop; });
}

void ChannelFlow::joinLoop(LoopChannels &loops, unsigned loop,
                           const ChannelDim &dim) {
  loops[loop] = loops[loop] ? join(*loops[loop], dim) : dim;
}

/// The rows and columns of a sparse product stand for its weight, which is
/// returned; null for other ops.
OpOperand *ChannelFlow::joinProduct(linalg::LinalgOp op, LoopChannels &loops) {
  auto it = productOf.find(op);
  if (it == productOf.end())
    return nullptr;
  const ChannelProduct &product = products[it->second];
  const MatmulMatch &match = product.match;
  OpOperand *weight = &op->getOpOperand(match.weightOperand);
  AffineMap map = op.getMatchingIndexingMap(weight);
  ArrayRef<int64_t> shape = op.getShape(weight);
  auto joinAll = [&](ArrayRef<unsigned> own, unsigned space) {
    SmallVector<int64_t> sizes;
    for (unsigned loop : own)
      sizes.push_back(shape[*map.getResultPosition(
          getAffineDimExpr(loop, op->getContext()))]);
    for (auto [position, loop] : llvm::enumerate(own))
      joinLoop(loops, loop, createTags(space, sizes, position));
  };
  joinAll(match.rowLoops, product.rowSpace);
  joinAll(match.channelLoops, product.columnSpace);
  return weight;
}

/// Joins the dimensions of what `op` reads to its loops.
void ChannelFlow::joinInput(linalg::LinalgOp op, OpOperand &input,
                            LoopChannels &loops) {
  ChannelInfo info = getInfo(input);
  if (!isScalarBody(*op.getBlock()))
    pinAll(info, "it is read by a linalg op whose body is more than arithmetic "
                 "on elements");
  for (auto [expr, dim] :
       llvm::zip(op.getMatchingIndexingMap(&input).getResults(), info)) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      joinLoop(loops, loop.getPosition(), dim);
      continue;
    }
    StringRef reason = "it is read at computed positions (as in a convolution)";
    pinAll({dim}, reason);
    expr.walk([&](AffineExpr inner) {
      if (auto loop = dyn_cast<AffineDimExpr>(inner))
        joinLoop(loops, loop.getPosition(),
                 createFixedDim(ShapedType::kDynamic, reason));
    });
  }
}

/// Fixes loops whose order matters to the body of `op`.
void ChannelFlow::pinOrderedLoops(linalg::LinalgOp op, LoopChannels &loops) {
  auto pinLoop = [&](unsigned loop, StringRef reason) {
    if (loops[loop])
      pinAll({*loops[loop]}, reason);
  };
  for (unsigned loop = 0; loop < loops.size(); ++loop)
    if (hasIndex(op, loop))
      pinLoop(loop, "the number of a channel is part of a computation");
  if (op.getNumReductionLoops() == 0 || reducesInAnyOrder(op))
    return;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  for (unsigned loop : reductions)
    pinLoop(loop, "its channels are reduced in a way that depends on their "
                  "order");
}

/// The channels of result `init` of `op`.
ChannelInfo ChannelFlow::createResult(linalg::LinalgOp op, OpOperand &init,
                                      const LoopChannels &loops) {
  bool scalarBody = isScalarBody(*op.getBlock());
  auto type = cast<ShapedType>(init.get().getType());
  ChannelInfo info;
  for (auto [expr, size] : llvm::zip(
           op.getMatchingIndexingMap(&init).getResults(), type.getShape())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (loop && loops[loop.getPosition()]) {
      info.push_back(*loops[loop.getPosition()]);
      continue;
    }
    // Nothing depends on the position but, perhaps, an index.
    bool indexed = loop && hasIndex(op, loop.getPosition());
    ChannelDim dim =
        createFixedDim(size, "it is combined with numbers of channels");
    for (ChannelFactor &factor : dim)
      factor.uniform = !indexed && scalarBody;
    info.push_back(std::move(dim));
  }
  return info;
}

void ChannelFlow::visitLinalg(linalg::LinalgOp op) {
  LoopChannels loops(op.getNumLoops());
  OpOperand *weight = joinProduct(op, loops);
  SmallVector<OpOperand *> inputs = op.getDpsInputOperands();
  for (OpOperand &init : op.getDpsInitsMutable())
    if (op.payloadUsesValueFromOperand(&init))
      inputs.push_back(&init);
  for (OpOperand *input : inputs)
    if (input != weight && isa<RankedTensorType>(input->get().getType()))
      joinInput(op, *input, loops);
  pinOrderedLoops(op, loops);
  for (auto [init, result] :
       llvm::zip(op.getDpsInitsMutable(), op->getResults()))
    setInfo(result, createResult(op, init, loops));
}

//===----------------------------------------------------------------------===//
// Elementwise ops, reshapes, slices
//===----------------------------------------------------------------------===//

void ChannelFlow::visitElementwise(Operation *op) {
  std::optional<ChannelInfo> result;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    ChannelInfo info = getInfo(operand);
    if (!result) {
      result = std::move(info);
      continue;
    }
    for (auto [dim, other] : llvm::zip(*result, info))
      dim = join(dim, other);
  }
  if (result)
    setInfo(op->getResult(0), std::move(*result));
}

/// Deals the factors of `dim` to dimensions of `sizes`; false if they do not
/// fit.
static bool dealFactors(ChannelDim dim, ArrayRef<int64_t> sizes,
                        SmallVectorImpl<ChannelDim> &result) {
  SmallVector<ChannelDim> reversed;
  for (int64_t size : llvm::reverse(sizes)) {
    ChannelDim &out = reversed.emplace_back();
    if (size == 0)
      return false;
    if (ShapedType::isDynamic(size)) {
      // One dynamic factor is the only one that may have this size.
      if (dim.empty() || !ShapedType::isDynamic(dim.back().size))
        return false;
      out.push_back(dim.pop_back_val());
      continue;
    }
    int64_t left = size;
    while (left > 1) {
      if (dim.empty() || dim.back().size < 1)
        return false;
      ChannelFactor factor = dim.pop_back_val();
      if (factor.size > left) {
        if (factor.size % left != 0)
          return false;
        ChannelFactor slow = factor;
        slow.size = factor.size / left;
        factor.size = left;
        for (auto [tag, fast] : llvm::zip(slow.tags, factor.tags)) {
          tag.stride *= left;
          tag.size = slow.size;
          fast.size = left;
        }
        dim.push_back(slow);
      }
      if (left % factor.size != 0)
        return false;
      left /= factor.size;
      out.insert(out.begin(), factor);
    }
  }
  llvm::append_range(result, llvm::reverse(reversed));
  return dim.empty();
}

/// tensor.cast, expand_shape, collapse_shape; false for other ops.
bool ChannelFlow::visitReshape(Operation *op) {
  if (!isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !isa<RankedTensorType>(op->getOperand(0).getType()))
    return false;
  ChannelInfo info = getInfo(op->getOpOperand(0));
  ChannelInfo result;
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    result.resize(type.getRank());
    for (auto [dim, group] :
         llvm::zip(result, collapse.getReassociationIndices()))
      for (int64_t source : group)
        llvm::append_range(dim, info[source]);
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    for (auto [dim, group] :
         llvm::zip(info, expand.getReassociationIndices())) {
      ArrayRef<int64_t> sizes =
          type.getShape().slice(group.front(), group.size());
      if (dealFactors(dim, sizes, result))
        continue;
      StringRef reason = "its channels are regrouped by a reshape";
      pinAll({dim}, reason);
      result.resize(group.front());
      for (int64_t size : sizes)
        result.push_back(createFixedDim(size, reason));
    }
  } else {
    result = std::move(info);
  }
  setInfo(op->getResult(0), std::move(result));
  return true;
}

/// tensor.extract_slice of whole dimensions keeps their channels; a part of a
/// dimension has an order. False for other ops.
bool ChannelFlow::visitSlice(Operation *op) {
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  if (!slice || slice.getType().getRank() != slice.getSourceType().getRank())
    return false;
  ChannelInfo info = getInfo(op->getOpOperand(0));
  for (auto [index, dim] : llvm::enumerate(info)) {
    int64_t size = slice.getType().getDimSize(index);
    if (!ShapedType::isDynamic(size) &&
        size == slice.getSourceType().getDimSize(index))
      continue;
    StringRef reason = "a slice takes some of its channels (as a rotary "
                       "embedding does)";
    pinAll({dim}, reason);
    dim = createFixedDim(size, reason);
  }
  setInfo(op->getResult(0), std::move(info));
  return true;
}
