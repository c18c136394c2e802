// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the outer loops of a product and the emitter's builders.

#include "SpmmEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "vnm/Support/VectorAccess.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace vnm;

/// Tokens computed at a time where a whole tile does not fit: one 512-bit
/// register of f32.
static constexpr int64_t kShortTile = 16;
/// Rows of a panel that one tile computes; bounds the sums to 64 KiB of f32.
static constexpr int64_t kMaxRowTile = 128;
/// Edge of the square blocks in which token-major activations are transposed.
static constexpr int64_t kStagingBlock = 16;
/// Alignment of buffers, a cache line.
static constexpr int64_t kAlignment = 64;

SpmmEmitter::SpmmEmitter(SpmmOp op, OpBuilder &builder,
                         const VNMToSCFOptions &options)
    : op(op), b(op.getLoc(), builder) {
  sparsity::Pattern pattern = op.getEncoding().getPattern().getPattern();
  numRows = op.getNumRows();
  numCols = op.getNumCols();
  numGroups = pattern.numGroups(numCols);
  numWords = pattern.numMetadataWords(numCols);
  rowTile = std::min({pattern.v, kMaxRowTile, numRows});
  tokenTile = options.tokenTile;
  int64_t tokens =
      cast<MemRefType>(op.getX().getType()).getDimSize(op.getXTokenDim());
  if (!ShapedType::isDynamic(tokens))
    tokenTile = std::min<int64_t>(
        tokenTile, llvm::bit_floor(static_cast<uint64_t>(tokens)));
  tokenTile = std::max(tokenTile, kShortTile);
  blockWords = std::min(
      options.groupsPerBlock / sparsity::kGroupsPerMetadataWord, numWords);
  accumulatorType = op.getAccumulatorType();
}

//===----------------------------------------------------------------------===//
// Builders
//===----------------------------------------------------------------------===//

Value SpmmEmitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value SpmmEmitter::add(Value left, Value right) {
  return b.createOrFold<arith::AddIOp>(left, right);
}

Value SpmmEmitter::add(Value left, int64_t right) {
  return right == 0 ? left : add(left, index(right));
}

Value SpmmEmitter::mul(Value left, int64_t right) {
  return b.createOrFold<arith::MulIOp>(left, index(right));
}

Value SpmmEmitter::min(Value left, Value right) {
  return b.createOrFold<arith::MinSIOp>(left, right);
}

Value SpmmEmitter::dim(Value memref, int64_t position) {
  return b.createOrFold<memref::DimOp>(memref, position);
}

Value SpmmEmitter::zero(Type type) {
  return arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(type)));
}

Value SpmmEmitter::convert(Value value, Type elementType) {
  Type from = getElementTypeOrSelf(value.getType());
  if (from == elementType)
    return value;
  Type to = elementType;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    to = vector.clone(elementType);
  if (isa<IntegerType>(elementType))
    return arith::ExtSIOp::create(b, to, value);
  if (from.getIntOrFloatBitWidth() < elementType.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, to, value);
  return arith::TruncFOp::create(b, to, value);
}

void SpmmEmitter::forEach(Value count, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, index(0), count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value SpmmEmitter::scratch(ArrayRef<int64_t> shape) {
  // On the heap: lowerings of loops do not bound the life of stack memory.
  return memref::AllocOp::create(b, MemRefType::get(shape, accumulatorType),
                                 b.getI64IntegerAttr(kAlignment));
}

/// `tokens` of `source`, whose dimension `tokenDim` is the tokens. What those
/// that do not exist read as does not matter: their results are not stored.
Value SpmmEmitter::readTokens(Value source, ValueRange indices,
                              int64_t tokenDim, Tokens tokens) {
  return readVector(b, source, indices, tokenDim, tokens.width,
                    tokens.inBounds);
}

/// Where element (`row`, `token`) of the result is.
SmallVector<Value> SpmmEmitter::position(Value row, Value token) {
  SmallVector<Value> indices(batch);
  if (op.getYLayout() == ActivationLayout::FeatureMajor)
    indices.append({row, token});
  else
    indices.append({token, row});
  return indices;
}

//===----------------------------------------------------------------------===//
// Outer loops
//===----------------------------------------------------------------------===//

/// Copies activations to a feature-major buffer: every row panel reads them,
/// and each would pay for strided reads otherwise.
Value SpmmEmitter::stageFeatureMajor() {
  Value source = op.getX();
  auto type = cast<MemRefType>(source.getType());
  int64_t rank = type.getRank();
  SmallVector<int64_t> shape(type.getShape());
  shape[rank - 2] = numCols;
  shape[rank - 1] = type.getDimSize(op.getXTokenDim());
  SmallVector<Value> dynamicSizes, counts;
  for (int64_t d = 0; d < rank - 2; ++d)
    counts.push_back(dim(source, d));
  for (auto [d, size] : llvm::enumerate(shape))
    if (ShapedType::isDynamic(size))
      dynamicSizes.push_back(int64_t(d) < rank - 2 ? counts[d] : numTokens);
  Value staged =
      memref::AllocOp::create(b, MemRefType::get(shape, type.getElementType()),
                              dynamicSizes, b.getI64IntegerAttr(kAlignment));

  Value block = index(kStagingBlock);
  counts.push_back(index(numCols));
  counts.push_back(numTokens);
  SmallVector<Value> lower(rank, index(0)), steps(rank, index(1));
  steps[rank - 2] = steps[rank - 1] = block;
  auto loop = scf::ParallelOp::create(b, lower, counts, steps);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> outer = llvm::to_vector(loop.getInductionVars());
  Value firstToken = outer.pop_back_val();
  Value firstColumn = outer.pop_back_val();
  auto extent = [&](Value first, Value end) {
    return min(block, b.createOrFold<arith::SubIOp>(end, first));
  };
  Value columns = extent(firstColumn, index(numCols));
  forEach(columns, [&](Value columnOffset) {
    forEach(extent(firstToken, numTokens), [&](Value tokenOffset) {
      Value column = add(firstColumn, columnOffset);
      Value token = add(firstToken, tokenOffset);
      SmallVector<Value> from(outer), to(outer);
      if (op.getXLayout() == ActivationLayout::TokenMajor)
        from.append({token, column});
      else
        from.append({column, token});
      to.append({column, token});
      Value element = memref::LoadOp::create(b, source, from);
      memref::StoreOp::create(b, element, staged, to);
    });
  });
  return staged;
}

void SpmmEmitter::emit() {
  numTokens = dim(op.getX(), op.getXTokenDim());
  bool staged = !isContiguousAlong(cast<MemRefType>(op.getX().getType()),
                                   op.getXTokenDim());
  x = staged ? stageFeatureMajor() : op.getX();

  SmallVector<Value> counts;
  for (int64_t d = 0, e = op.getNumBatchDims(); d < e; ++d)
    counts.push_back(dim(op.getX(), d));
  // Row tiles are innermost: a thread stays on the activations of one token
  // tile, which its L2 cache holds, while weights stream past.
  counts.push_back(
      b.createOrFold<arith::CeilDivSIOp>(numTokens, index(tokenTile)));
  counts.push_back(index(sparsity::ceilDiv(numRows, rowTile)));
  SmallVector<Value> lower(counts.size(), index(0));
  SmallVector<Value> steps(counts.size(), index(1));
  auto loop = scf::ParallelOp::create(b, lower, counts, steps);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    batch = llvm::to_vector(loop.getInductionVars());
    rowTileIndex = batch.pop_back_val();
    tokenTileIndex = batch.pop_back_val();
    emitTile();
  }
  if (staged)
    memref::DeallocOp::create(b, x);
}

void SpmmEmitter::emitTile() {
  firstRow = mul(rowTileIndex, rowTile);
  rowsInTile = index(rowTile);
  if (numRows % rowTile)
    rowsInTile = min(rowsInTile,
                     b.createOrFold<arith::SubIOp>(index(numRows), firstRow));
  int64_t v = op.getEncoding().getPattern().getV();
  panel = b.createOrFold<arith::DivUIOp>(firstRow, index(v));
  sums = scratch({rowTile, tokenTile});
  window = scratch({blockWords * 16, tokenTile});
  rowValues = scratch({blockWords * 8});

  emitTokenTiles(mul(tokenTileIndex, tokenTile));
  for (Value buffer : {sums, window, rowValues})
    memref::DeallocOp::create(b, buffer);
}

void SpmmEmitter::emitTokenTiles(Value first) {
  int64_t staticTokens =
      cast<MemRefType>(op.getX().getType()).getDimSize(op.getXTokenDim());
  bool dynamic = ShapedType::isDynamic(staticTokens);
  if (!dynamic && staticTokens % tokenTile == 0)
    return emitTokens({first, tokenTile, /*inBounds=*/true});

  auto emitShortTiles = [&] {
    auto loop = scf::ForOp::create(
        b, first, min(numTokens, add(first, tokenTile)), index(kShortTile));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emitTokens({loop.getInductionVar(), kShortTile,
                !dynamic && staticTokens % kShortTile == 0});
  };
  if (!dynamic && staticTokens < tokenTile)
    return emitShortTiles();
  Value isWhole = arith::CmpIOp::create(b, arith::CmpIPredicate::sle,
                                        add(first, tokenTile), numTokens);
  auto branch = scf::IfOp::create(b, isWhole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitTokens({first, tokenTile, /*inBounds=*/true});
  b.setInsertionPointToStart(branch.elseBlock());
  emitShortTiles();
}

void SpmmEmitter::emitTokens(Tokens tokens) {
  initializeSums(tokens);
  auto loop =
      scf::ForOp::create(b, index(0), index(numWords), index(blockWords));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value word = loop.getInductionVar();
    Value words = index(blockWords);
    if (numWords % blockWords)
      words = min(words, b.createOrFold<arith::SubIOp>(index(numWords), word));
    gather(word, words, tokens);
    multiply(word, words, tokens);
  }
  store(tokens);
}
