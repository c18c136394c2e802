// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements tiling of vnm.matmul and vnm.spmm over rows, tokens and
// batch.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

using namespace mlir;
using namespace vnm;

// The iteration domain is (batch..., R, T), all parallel. The reduction is not
// tiled: a slice of groups keeps absolute column ids and so still needs all of
// x.

/// Offsets or sizes of one tile, in the order of the iteration domain.
using Extents = ArrayRef<OpFoldResult>;

namespace {
/// A tile of the iteration domain.
struct Tile {
  SmallVector<OpFoldResult> offsets, sizes;
};
} // namespace

static Value slice(OpBuilder &builder, Location loc, Value source,
                   Extents offsets, Extents sizes,
                   SmallVectorImpl<Operation *> &slices) {
  SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
  auto op = tensor::ExtractSliceOp::create(builder, loc, source, offsets, sizes,
                                           strides);
  slices.push_back(op);
  return op;
}

/// The tile of an array with the batch first and `rowDim` and `tokenDim` after;
/// `row` and `token` give offset and size there.
static Tile arrayTile(const Tile &tile, unsigned rowDim, unsigned tokenDim,
                      std::pair<OpFoldResult, OpFoldResult> row) {
  Tile result = tile;
  size_t last = tile.offsets.size() - 1;
  result.offsets[rowDim] = row.first;
  result.sizes[rowDim] = row.second;
  result.offsets[tokenDim] = tile.offsets[last];
  result.sizes[tokenDim] = tile.sizes[last];
  return result;
}

/// Row offset and size of `tile`.
static std::pair<OpFoldResult, OpFoldResult> rowsOf(const Tile &tile) {
  size_t row = tile.offsets.size() - 2;
  return {tile.offsets[row], tile.sizes[row]};
}

/// Whether `tile` takes all rows of `op`. A diagnostic if it takes a part that
/// it may not: panels must not be cut, and permuted rows scatter a panel over
/// the whole result.
template <typename OpTy>
static FailureOr<bool> takesAllRows(OpTy op, EncodingAttr encoding,
                                    const Tile &tile) {
  auto [offset, size] = rowsOf(tile);
  int64_t rows = op.getNumRows();
  std::optional<int64_t> staticSize = getConstantIntValue(size);
  if (staticSize == rows && isZeroInteger(offset))
    return true;
  int64_t v = encoding.getPattern().getV();
  if (!encoding.isCanonical()) {
    op.emitOpError() << "requires all rows in one tile, because the weight is "
                        "stored as fragments";
    return failure();
  }
  if (encoding.hasRows()) {
    op.emitOpError() << "requires all rows in one tile, because they are "
                        "permuted";
    return failure();
  }
  if (!staticSize) {
    op.emitOpError() << "requires row tiles of static size";
    return failure();
  }
  std::optional<int64_t> staticOffset = getConstantIntValue(offset);
  if (*staticSize % v != 0 || rows % *staticSize != 0 ||
      staticOffset.value_or(0) % v != 0) {
    op.emitOpError() << "requires row tiles to be multiples of V = " << v
                     << " that divide R = " << rows << ", but a tile has "
                     << *staticSize << " rows";
    return failure();
  }
  return false;
}

/// Slices values, metadata and columns to the rows of `tile`.
static SmallVector<Value> sliceStorage(OpBuilder &builder, Location loc,
                                       ValueRange parts, EncodingAttr encoding,
                                       const Tile &tile,
                                       SmallVectorImpl<Operation *> &slices) {
  auto [offset, size] = rowsOf(tile);
  int64_t v = encoding.getPattern().getV();
  AffineExpr panels = getAffineSymbolExpr(0, builder.getContext()).floorDiv(v);
  OpFoldResult panelOffset =
      affine::makeComposedFoldedAffineApply(builder, loc, panels, {offset});
  OpFoldResult panelSize = builder.getIndexAttr(*getConstantIntValue(size) / v);
  SmallVector<Value> result;
  for (auto [index, part] : llvm::enumerate(parts)) {
    int64_t width = cast<RankedTensorType>(part.getType()).getDimSize(1);
    bool isColumns = index == 2;
    result.push_back(slice(
        builder, loc, part,
        {isColumns ? panelOffset : offset, builder.getIndexAttr(0)},
        {isColumns ? panelSize : size, builder.getIndexAttr(width)}, slices));
  }
  return result;
}

/// Slices x, the epilogue's operands and init to `tile`.
template <typename OpTy>
static void sliceActivations(OpBuilder &builder, OpTy op, const Tile &tile,
                             IRMapping &mapping,
                             SmallVectorImpl<Operation *> &slices) {
  Location loc = op.getLoc();
  OpFoldResult zero = builder.getIndexAttr(0);
  Tile x = arrayTile(tile, op.getXChannelDim(), op.getXTokenDim(),
                     {zero, builder.getIndexAttr(op.getNumCols())});
  Tile y = arrayTile(tile, op.getYRowDim(), op.getYTokenDim(), rowsOf(tile));
  mapping.map(op.getX(),
              slice(builder, loc, op.getX(), x.offsets, x.sizes, slices));
  mapping.map(op.getInit(),
              slice(builder, loc, op.getInit(), y.offsets, y.sizes, slices));
  for (auto [index, operand] : llvm::enumerate(op.getEpilogueOperands())) {
    if (mapping.contains(operand))
      continue;
    Tile part = y;
    Broadcast kind = op.getBroadcast(index);
    if (kind == Broadcast::PerRow)
      part = {{rowsOf(tile).first}, {rowsOf(tile).second}};
    if (kind == Broadcast::PerToken)
      part = {{tile.offsets.back()}, {tile.sizes.back()}};
    mapping.map(operand,
                slice(builder, loc, operand, part.offsets, part.sizes, slices));
  }
}

/// Clones `op` with its operands mapped; the result takes the type of init.
template <typename OpTy>
static TilingResult cloneTile(OpBuilder &builder, OpTy op, IRMapping &mapping,
                              ArrayRef<Operation *> slices) {
  Operation *tiled = builder.clone(*op.getOperation(), mapping);
  auto tiledOp = cast<OpTy>(tiled);
  for (OpResult result : tiled->getResults())
    result.setType(tiledOp.getInit().getType());
  return {{tiled},
          SmallVector<Value>(tiled->getResults()),
          SmallVector<Operation *>(slices)};
}

template <typename OpTy>
static SmallVector<Range> iterationDomain(OpBuilder &builder, OpTy op) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, op.getLoc(), op.getInit());
  SmallVector<OpFoldResult> ordered(
      ArrayRef(sizes).take_front(op.getNumBatchDims()));
  ordered.push_back(sizes[op.getYRowDim()]);
  ordered.push_back(sizes[op.getYTokenDim()]);
  SmallVector<Range> domain;
  for (OpFoldResult size : ordered)
    domain.push_back({builder.getIndexAttr(0), size, builder.getIndexAttr(1)});
  return domain;
}

/// Iteration tile of a tile of the result.
template <typename OpTy>
static Tile iterationTile(OpTy op, Extents offsets, Extents sizes) {
  Tile tile{llvm::to_vector(offsets), llvm::to_vector(sizes)};
  size_t batch = op.getNumBatchDims();
  tile.offsets[batch] = offsets[op.getYRowDim()];
  tile.offsets[batch + 1] = offsets[op.getYTokenDim()];
  tile.sizes[batch] = sizes[op.getYRowDim()];
  tile.sizes[batch + 1] = sizes[op.getYTokenDim()];
  return tile;
}

template <typename OpTy>
static void resultTile(OpTy op, Extents offsets, Extents sizes,
                       SmallVector<OpFoldResult> &resultOffsets,
                       SmallVector<OpFoldResult> &resultSizes) {
  Tile tile{llvm::to_vector(offsets), llvm::to_vector(sizes)};
  Tile y = arrayTile(tile, op.getYRowDim(), op.getYTokenDim(), rowsOf(tile));
  resultOffsets = y.offsets;
  resultSizes = y.sizes;
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> MatmulOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(getNumBatchDims() + 2,
                                          utils::IteratorType::parallel);
}

SmallVector<Range> MatmulOp::getIterationDomain(OpBuilder &builder) {
  return iterationDomain(builder, *this);
}

FailureOr<TilingResult> MatmulOp::getTiledImplementation(OpBuilder &builder,
                                                         Extents offsets,
                                                         Extents sizes) {
  Tile tile{llvm::to_vector(offsets), llvm::to_vector(sizes)};
  FailureOr<bool> allRows = takesAllRows(*this, getEncoding(), tile);
  if (failed(allRows))
    return failure();
  IRMapping mapping;
  SmallVector<Operation *> slices;
  if (!*allRows) {
    auto parts = DisassembleOp::create(builder, getLoc(), getWeight());
    SmallVector<Value> sliced = sliceStorage(
        builder, getLoc(), parts.getStorage(), getEncoding(), tile, slices);
    auto type = cast<RankedTensorType>(getWeight().getType());
    int64_t rows = *getConstantIntValue(rowsOf(tile).second);
    mapping.map(getWeight(),
                AssembleOp::create(builder, getLoc(),
                                   type.clone({rows, getNumCols()}), sliced)
                    .getResult());
  }
  sliceActivations(builder, *this, tile, mapping, slices);
  return cloneTile(builder, *this, mapping, slices);
}

LogicalResult
MatmulOp::getResultTilePosition(OpBuilder &, unsigned, Extents offsets,
                                Extents sizes,
                                SmallVector<OpFoldResult> &resultOffsets,
                                SmallVector<OpFoldResult> &resultSizes) {
  resultTile(*this, offsets, sizes, resultOffsets, resultSizes);
  return success();
}

FailureOr<TilingResult> MatmulOp::generateResultTileValue(OpBuilder &builder,
                                                          unsigned,
                                                          Extents offsets,
                                                          Extents sizes) {
  Tile tile = iterationTile(*this, offsets, sizes);
  return getTiledImplementation(builder, tile.offsets, tile.sizes);
}

//===----------------------------------------------------------------------===//
// SpmmOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> SpmmOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(getNumBatchDims() + 2,
                                          utils::IteratorType::parallel);
}

SmallVector<Range> SpmmOp::getIterationDomain(OpBuilder &builder) {
  return iterationDomain(builder, *this);
}

FailureOr<TilingResult> SpmmOp::getTiledImplementation(OpBuilder &builder,
                                                       Extents offsets,
                                                       Extents sizes) {
  Tile tile{llvm::to_vector(offsets), llvm::to_vector(sizes)};
  FailureOr<bool> allRows = takesAllRows(*this, getEncoding(), tile);
  if (hasBuffers() || failed(allRows))
    return failure();
  IRMapping mapping;
  SmallVector<Operation *> slices;
  if (!*allRows) {
    SmallVector<Value> parts = {getValues(), getMetadata(), getColumns()};
    SmallVector<Value> sliced =
        sliceStorage(builder, getLoc(), parts, getEncoding(), tile, slices);
    mapping.map(parts, sliced);
  }
  sliceActivations(builder, *this, tile, mapping, slices);
  return cloneTile(builder, *this, mapping, slices);
}

LogicalResult
SpmmOp::getResultTilePosition(OpBuilder &, unsigned, Extents offsets,
                              Extents sizes,
                              SmallVector<OpFoldResult> &resultOffsets,
                              SmallVector<OpFoldResult> &resultSizes) {
  resultTile(*this, offsets, sizes, resultOffsets, resultSizes);
  return success();
}

FailureOr<TilingResult> SpmmOp::generateResultTileValue(OpBuilder &builder,
                                                        unsigned,
                                                        Extents offsets,
                                                        Extents sizes) {
  Tile tile = iterationTile(*this, offsets, sizes);
  return getTiledImplementation(builder, tile.offsets, tile.sizes);
}
