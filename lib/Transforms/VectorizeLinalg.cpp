// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-vectorize-linalg.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "vnm/Support/VectorAccess.h"
#include "vnm/Transforms/Passes.h"
#include "llvm/ADT/bit.h"

namespace vnm {
#define GEN_PASS_DEF_VECTORIZELINALGPASS
#include "vnm/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;

//===----------------------------------------------------------------------===//
// What can be lowered
//===----------------------------------------------------------------------===//

/// Longest vector that is read element by element.
static constexpr int64_t kMaxStridedWidth = 16;

/// The longest vector that the option may ask for; beyond, compilation takes
/// minutes.
static constexpr int64_t kMaxVectorSize = 1024;

static bool isVectorElement(Type type) {
  return VectorType::isValidElementType(type);
}

/// Whether `body` computes element by element, so that it may compute on
/// vectors.
static bool isElementwise(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    if (!llvm::all_of(op.getResultTypes(), isVectorElement) ||
        !llvm::all_of(op.getOperandTypes(), isVectorElement))
      return false;
    return op.hasTrait<OpTrait::ConstantLike>() || isa<linalg::IndexOp>(op) ||
           (OpTrait::hasElementwiseMappableTraits(&op) &&
            op.getNumRegions() == 0);
  });
}

/// Whether every result of `map` is a dimension, each at most once, or a
/// constant.
static bool isSimpleMap(AffineMap map) {
  llvm::SmallDenseSet<unsigned> seen;
  return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return seen.insert(dim.getPosition()).second;
    return isa<AffineConstantExpr>(expr);
  });
}

static bool canLower(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() == 0 ||
      op.getNumLoops() == 0)
    return false;
  for (OpOperand &operand : op->getOpOperands())
    if (!isSimpleMap(op.getMatchingIndexingMap(&operand)) ||
        !isVectorElement(getElementTypeOrSelf(operand.get().getType())))
      return false;
  // Different results could advance at different speeds through reductions.
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (OpOperand &init : op.getDpsInitsMutable())
    if (op.getMatchingIndexingMap(&init) != result)
      return false;
  return isElementwise(*op.getBlock());
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

namespace {
/// Emits the loops of one linalg op.
class Emitter {
public:
  Emitter(linalg::LinalgOp op, OpBuilder &builder, int64_t vectorSize);
  void emit();

private:
  void chooseVectorDim();
  void emitVectorLoop();
  void emitVector();
  SmallVector<Value> emitReductions(ArrayRef<unsigned> dims,
                                    ArrayRef<Value> sums);
  SmallVector<Value> emitBody(ArrayRef<Value> sums);
  SmallVector<Value> indicesOf(AffineMap map);
  std::optional<unsigned> vectorPosition(AffineMap map);
  Value read(OpOperand &operand);
  void write(Value value, OpOperand &init);
  Value spread(Value value);
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  linalg::LinalgOp op;
  ImplicitLocOpBuilder b;
  int64_t maxVectorSize;
  /// The dimension that vectors run along, if any, and how far.
  std::optional<unsigned> vectorDim;
  int64_t width = 1;
  bool inBounds = true;
  /// Extent and, inside its loop, current index of every dimension.
  SmallVector<Value> extents, ivs;
};
} // namespace

/// Whether `op` writes the same bf16 everywhere, as a fill does.
static bool writesUniformBF16(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  return llvm::any_of(body->getTerminator()->getOperands(), [&](Value value) {
    if (!value.getType().isBF16())
      return false;
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getOwner() != body ||
             op.isScalar(op.getMatchingOpOperand(argument));
    return value.getDefiningOp()->getBlock() != body ||
           value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
  });
}

Emitter::Emitter(linalg::LinalgOp op, OpBuilder &builder, int64_t vectorSize)
    : op(op), b(op.getLoc(), builder), maxVectorSize(vectorSize),
      ivs(op.getNumLoops()) {
  for (Range range : op.createLoopRanges(b, op.getLoc()))
    extents.push_back(
        getValueOrCreateConstantIndexOp(b, op.getLoc(), range.size));
  chooseVectorDim();
}

/// Takes the parallel dimension that is innermost in the results' memory.
/// Without one that is long enough, everything stays scalar.
void Emitter::chooseVectorDim() {
  OpOperand *init = op.getDpsInitOperand(0);
  AffineMap map = op.getMatchingIndexingMap(init);
  if (map.getNumResults() == 0)
    return;
  auto dim = dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!dim || op.getIteratorTypesArray()[dim.getPosition()] !=
                  utils::IteratorType::parallel)
    return;
  // Reading an operand across its rows costs a scalar load per element: worth
  // it where other operands run along, but not if none does.
  bool anyRunsAlong = op.getNumDpsInputs() == 0, anyStrided = false;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    std::optional<unsigned> position =
        op.getMatchingIndexingMap(&operand).getResultPosition(dim);
    bool strided = type && position && !vnm::isContiguousAlong(type, *position);
    anyStrided |= strided;
    anyRunsAlong |= op.isDpsInput(&operand) && !strided;
  }
  int64_t extent = op.getStaticLoopRanges()[dim.getPosition()];
  if (!anyRunsAlong || (!ShapedType::isDynamic(extent) && extent < 4))
    return;
  vectorDim = dim.getPosition();
  width =
      anyStrided ? std::min(maxVectorSize, kMaxStridedWidth) : maxVectorSize;
  if (!ShapedType::isDynamic(extent))
    width = std::min<int64_t>(width, llvm::bit_ceil(uint64_t(extent)));
  inBounds = !ShapedType::isDynamic(extent) && extent % width == 0;
  // LLVM 22 cannot select, on AVX512-BF16, a store of a bf16 constant under a
  // known mask. Narrower vectors need no mask.
  if (!inBounds && !ShapedType::isDynamic(extent) && writesUniformBF16(op)) {
    width = extent & -extent;
    inBounds = true;
  }
}

void Emitter::emit() {
  SmallVector<unsigned> outer;
  for (auto [dim, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::parallel && dim != vectorDim)
      outer.push_back(dim);
  SmallVector<Value> upper, lower, steps;
  for (unsigned dim : outer) {
    upper.push_back(extents[dim]);
    lower.push_back(index(0));
    steps.push_back(index(1));
  }
  // With nothing around it, the vector dimension itself is shared among
  // threads.
  bool vectorOnly = outer.empty() && vectorDim;
  if (vectorOnly) {
    outer.push_back(*vectorDim);
    upper.push_back(extents[*vectorDim]);
    lower.push_back(index(0));
    steps.push_back(index(width));
  }
  if (outer.empty())
    return emitVector();
  auto loop = scf::ParallelOp::create(b, lower, upper, steps);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  for (auto [dim, iv] : llvm::zip(outer, loop.getInductionVars()))
    ivs[dim] = iv;
  vectorOnly || !vectorDim ? emitVector() : emitVectorLoop();
}

void Emitter::emitVectorLoop() {
  auto loop =
      scf::ForOp::create(b, index(0), extents[*vectorDim], index(width));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ivs[*vectorDim] = loop.getInductionVar();
  emitVector();
}

/// One vector, or element, of every result.
void Emitter::emitVector() {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  SmallVector<Value> sums;
  for (OpOperand &init : op.getDpsInitsMutable())
    sums.push_back(op.payloadUsesValueFromOperand(&init) ? read(init)
                                                         : Value());
  if (llvm::all_of(sums, [](Value sum) { return !sum; }))
    sums.clear();
  // Without a reduction nothing is carried. With one, every result is.
  if (!reductions.empty()) {
    sums.clear();
    for (OpOperand &init : op.getDpsInitsMutable())
      sums.push_back(read(init));
  }
  sums.resize(op.getNumDpsInits());
  SmallVector<Value> results = emitReductions(reductions, sums);
  for (auto [result, init] : llvm::zip(results, op.getDpsInitsMutable()))
    write(result, init);
}

SmallVector<Value> Emitter::emitReductions(ArrayRef<unsigned> dims,
                                           ArrayRef<Value> sums) {
  if (dims.empty())
    return emitBody(sums);
  auto loop =
      scf::ForOp::create(b, index(0), extents[dims.front()], index(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dims.front()] = loop.getInductionVar();
  SmallVector<Value> inner = emitReductions(
      dims.drop_front(), llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
  scf::YieldOp::create(b, inner);
  return llvm::to_vector_of<Value>(loop.getResults());
}

/// The body on vectors (or scalars, without a vector dimension), given the
/// results' running values.
SmallVector<Value> Emitter::emitBody(ArrayRef<Value> sums) {
  Block &body = *op.getBlock();
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(input))
      mapping.map(body.getArgument(input->getOperandNumber()), read(*input));
  for (auto [i, init] : llvm::enumerate(op.getDpsInitsMutable()))
    if (sums[i])
      mapping.map(body.getArgument(init.getOperandNumber()), sums[i]);
  for (Operation &nested : body.without_terminator()) {
    if (auto indexOp = dyn_cast<linalg::IndexOp>(nested)) {
      Value position = ivs[indexOp.getDim()];
      if (vectorDim && indexOp.getDim() == *vectorDim)
        position = arith::AddIOp::create(
            b, spread(position),
            vector::StepOp::create(b,
                                   VectorType::get(width, b.getIndexType())));
      mapping.map(indexOp.getResult(), position);
      continue;
    }
    if (!vectorDim || nested.hasTrait<OpTrait::ConstantLike>()) {
      b.clone(nested, mapping);
      continue;
    }
    OperationState state(nested.getLoc(), nested.getName());
    for (Value operand : nested.getOperands())
      state.operands.push_back(spread(mapping.lookupOrDefault(operand)));
    for (Type type : nested.getResultTypes())
      state.addTypes(VectorType::get(width, type));
    state.addAttributes(nested.getAttrs());
    mapping.map(nested.getResults(), b.create(state)->getResults());
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(spread(mapping.lookupOrDefault(value)));
  return results;
}

/// `value` as a vector; itself if it is one, or if there is no vector
/// dimension.
Value Emitter::spread(Value value) {
  if (!vectorDim || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, VectorType::get(width, value.getType()),
                                     value);
}

SmallVector<Value> Emitter::indicesOf(AffineMap map) {
  SmallVector<Value> indices;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      indices.push_back(ivs[dim.getPosition()]);
    else
      indices.push_back(index(cast<AffineConstantExpr>(expr).getValue()));
  }
  return indices;
}

std::optional<unsigned> Emitter::vectorPosition(AffineMap map) {
  if (!vectorDim)
    return std::nullopt;
  return map.getResultPosition(b.getAffineDimExpr(*vectorDim));
}

/// What the body sees of `operand`: a scalar if it does not run along the
/// vector dimension.
Value Emitter::read(OpOperand &operand) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return operand.get();
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> indices = indicesOf(map);
  std::optional<unsigned> position = vectorPosition(map);
  if (!position)
    return memref::LoadOp::create(b, operand.get(), indices);
  return vnm::readVector(b, operand.get(), indices, *position, width, inBounds);
}

void Emitter::write(Value value, OpOperand &init) {
  AffineMap map = op.getMatchingIndexingMap(&init);
  SmallVector<Value> indices = indicesOf(map);
  std::optional<unsigned> position = vectorPosition(map);
  if (!position) {
    memref::StoreOp::create(b, value, init.get(), indices);
    return;
  }
  vnm::writeVector(b, value, init.get(), indices, *position, inBounds);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Turns copies between strided buffers into linalg ops: the LLVM lowering
/// would call a function of upstream's runner library.
static void rewriteStridedCopies(Operation *root) {
  SmallVector<memref::CopyOp> copies;
  root->walk([&](memref::CopyOp op) { copies.push_back(op); });
  for (memref::CopyOp op : copies) {
    auto source = dyn_cast<MemRefType>(op.getSource().getType());
    auto target = dyn_cast<MemRefType>(op.getTarget().getType());
    if (!source || !target ||
        (source.getLayout().isIdentity() && target.getLayout().isIdentity()))
      continue;
    OpBuilder builder(op);
    linalg::makeMemRefCopyOp(builder, op.getLoc(), op.getSource(),
                             op.getTarget());
    op.erase();
  }
}

namespace {
struct VectorizeLinalgPass
    : vnm::impl::VectorizeLinalgPassBase<VectorizeLinalgPass> {
  using VectorizeLinalgPassBase::VectorizeLinalgPassBase;

  void runOnOperation() override {
    if (vectorSize < 1 || vectorSize > kMaxVectorSize ||
        !llvm::isPowerOf2_64(vectorSize)) {
      emitError(getOperation()->getLoc())
          << "vnm-vectorize-linalg requires vector-size to be a power of two "
             "in [1, "
          << kMaxVectorSize << "], but it is " << vectorSize.getValue();
      return signalPassFailure();
    }
    rewriteStridedCopies(getOperation());
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (canLower(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      Emitter(op, rewriter, vectorSize).emit();
      rewriter.eraseOp(op);
      ++numVectorized;
    }
  }
};
} // namespace
