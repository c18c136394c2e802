// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the kernel that transposes activations or results.
//
// A CTA takes a tile of 64 x 64 elements through shared memory: threads load
// pieces of 16 bytes along rows of the source, and store pieces along rows of
// the destination, so both sides move whole sectors. A transposed piece is
// gathered from as many rows of the tile as it has elements. Piece p of row r
// lies at place p ^ (r / E), E elements per piece: a warp that gathers 8
// pieces of a destination's row then reads 8 different groups of banks.

#include "TransposeKernel.h"

#include "Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

static constexpr int64_t kPieceBytes = 16;
static constexpr int64_t kTile = TransposeProblem::kTile;

namespace {

/// A matrix in global memory whose rows the kernel walks along.
struct Side {
  Value buffer; ///< One-dimensional memref.
  Value start;  ///< Of the batch entry, in elements: i64.
  Value rows;   ///< Sizes, i32.
  Value cols;
  Value row; ///< The tile's first, i32.
  Value col;
  bool aligned; ///< Whether every row begins at a multiple of 16 bytes.
};

class TransposeKernel : KernelArithmetic {
public:
  TransposeKernel(ImplicitLocOpBuilder &builder,
                  const TransposeProblem &problem, ValueRange arguments,
                  Value tile)
      : KernelArithmetic(builder), problem(problem), arguments(arguments),
        tile(tile),
        piece(VectorType::get({kPieceBytes / problem.elementBytes()},
                              problem.element)) {}

  void emit();

private:
  int64_t numElements() const { return piece.getNumElements(); }
  int64_t piecesPerRow() const { return kTile / numElements(); }
  int64_t piecesPerThread() const {
    return kTile * piecesPerRow() / TransposeProblem::kThreads;
  }
  void emitSides(Side &from, Side &to);
  /// Row and first column in the tile of the thread's piece `number`: i32.
  std::pair<Value, Value> emitPlace(int64_t number);
  /// Where element `element` (i32) of row `row` lies in shared memory: indices.
  std::array<Value, 2> emitTileIndices(Value row, Value element);
  /// Whether the element at the tile's (row, col) lies in the matrix, and its
  /// place in the buffer (i64).
  std::pair<Value, Value> emitPosition(const Side &side, Value row, Value col);
  /// Emits what `body` does with the place, an index, of an element that lies
  /// in the matrix.
  void emitIfValid(const Side &side, Value row, Value col,
                   llvm::function_ref<void(Value)> body);
  /// Starts to load a piece; the result, or null if elements went to the tile
  /// one by one.
  Value emitLoad(const Side &from, int64_t number);
  void emitStore(const Side &to, int64_t number);

  const TransposeProblem &problem;
  ValueRange arguments;
  Value tile; ///< kTile x kTile, in shared memory.
  VectorType piece;
};

} // namespace

void TransposeKernel::emitSides(Side &from, Side &to) {
  Value tokens = i32(problem.numTokens);
  Value channels = i32(problem.numChannels);
  Value block = NVVM::BlockIdXOp::create(b, b.getI32Type());
  Value channel = mul(rem(block, problem.channelTiles()), kTile);
  Value rest = div(block, problem.channelTiles());
  Value token = mul(rem(rest, problem.tokenTiles()), kTile);
  Value start = mul(extend(div(rest, problem.tokenTiles())),
                    problem.numTokens * problem.numChannels);
  Side tokenMajor = {Value(),
                     start,
                     tokens,
                     channels,
                     token,
                     channel,
                     problem.numChannels % numElements() == 0};
  Side featureMajor = {Value(),
                       start,
                       channels,
                       tokens,
                       channel,
                       token,
                       problem.numTokens % numElements() == 0};
  from = problem.toFeatureMajor ? tokenMajor : featureMajor;
  to = problem.toFeatureMajor ? featureMajor : tokenMajor;
  from.buffer = arguments[0];
  to.buffer = arguments[1];
}

std::pair<Value, Value> TransposeKernel::emitPlace(int64_t number) {
  Value thread = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  Value position = add(thread, number * TransposeProblem::kThreads);
  return {div(position, piecesPerRow()),
          mul(rem(position, piecesPerRow()), numElements())};
}

std::array<Value, 2> TransposeKernel::emitTileIndices(Value row,
                                                      Value element) {
  Value turn = rem(div(row, numElements()), piecesPerRow());
  Value place = bitXor(div(element, numElements()), turn);
  Value column = add(mul(place, numElements()), rem(element, numElements()));
  return {toIndex(row), toIndex(column)};
}

std::pair<Value, Value> TransposeKernel::emitPosition(const Side &side,
                                                      Value row, Value col) {
  Value sideRow = add(side.row, row), sideCol = add(side.col, col);
  Value valid = both(less(sideRow, side.rows), less(sideCol, side.cols));
  Value line = mul(extend(sideRow), extend(side.cols));
  return {valid, add(add(side.start, line), extend(sideCol))};
}

void TransposeKernel::emitIfValid(const Side &side, Value row, Value col,
                                  function_ref<void(Value)> body) {
  auto [valid, offset] = emitPosition(side, row, col);
  auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body(toIndex(offset));
}

Value TransposeKernel::emitLoad(const Side &from, int64_t number) {
  auto [row, col] = emitPlace(number);
  if (from.aligned) {
    auto [valid, offset] = emitPosition(from, row, col);
    auto branch = scf::IfOp::create(b, piece, valid, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value loaded = vector::LoadOp::create(
        b, piece, from.buffer, ValueRange{toIndex(offset)},
        /*nontemporal=*/false, llvm::MaybeAlign(kPieceBytes));
    scf::YieldOp::create(b, loaded);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(
        b, Value(arith::ConstantOp::create(b, b.getZeroAttr(piece))));
    return branch.getResult(0);
  }
  std::array<Value, 2> place = emitTileIndices(row, col);
  for (int64_t i = 0; i < numElements(); ++i)
    emitIfValid(from, row, add(col, i), [&](Value offset) {
      Value loaded = memref::LoadOp::create(b, from.buffer, ValueRange{offset});
      Value column = arith::AddIOp::create(
          b, place[1], arith::ConstantIndexOp::create(b, i));
      memref::StoreOp::create(b, loaded, tile, ValueRange{place[0], column});
    });
  return Value();
}

/// A row of the destination is a column of the tile.
void TransposeKernel::emitStore(const Side &to, int64_t number) {
  auto [row, col] = emitPlace(number);
  auto gather = [&, element = row, tileRow = col](int64_t i) -> Value {
    return memref::LoadOp::create(b, tile,
                                  emitTileIndices(add(tileRow, i), element));
  };
  if (!to.aligned) {
    for (int64_t i = 0; i < numElements(); ++i)
      emitIfValid(to, row, add(col, i), [&](Value offset) {
        memref::StoreOp::create(b, gather(i), to.buffer, ValueRange{offset});
      });
    return;
  }
  emitIfValid(to, row, col, [&](Value offset) {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < numElements(); ++i)
      elements.push_back(gather(i));
    Value result = vector::FromElementsOp::create(b, piece, elements);
    vector::StoreOp::create(b, result, to.buffer, ValueRange{offset},
                            /*nontemporal=*/false,
                            llvm::MaybeAlign(kPieceBytes));
  });
}

void TransposeKernel::emit() {
  Side from, to;
  emitSides(from, to);
  // All loads are under way before one of them is waited for.
  SmallVector<Value> loaded;
  for (int64_t number = 0; number < piecesPerThread(); ++number)
    loaded.push_back(emitLoad(from, number));
  for (auto [number, value] : llvm::enumerate(loaded)) {
    if (!value)
      continue;
    auto [row, col] = emitPlace(static_cast<int64_t>(number));
    vector::StoreOp::create(b, value, tile, emitTileIndices(row, col),
                            /*nontemporal=*/false,
                            llvm::MaybeAlign(kPieceBytes));
  }
  gpu::BarrierOp::create(b);
  for (int64_t number = 0; number < piecesPerThread(); ++number)
    emitStore(to, number);
}

gpu::GPUFuncOp vnm::buildTransposeKernel(OpBuilder &builder, Location loc,
                                         StringRef name,
                                         const TransposeProblem &problem) {
  MLIRContext *context = builder.getContext();
  auto flat = MemRefType::get({ShapedType::kDynamic}, problem.element);
  auto space =
      gpu::AddressSpaceAttr::get(context, gpu::AddressSpace::Workgroup);
  auto tile = MemRefType::get({kTile, kTile}, problem.element,
                              MemRefLayoutAttrInterface(), space);
  auto type = builder.getFunctionType({flat, flat, builder.getIndexType()}, {});
  auto kernel = gpu::GPUFuncOp::create(builder, loc, name, type, tile);
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                  builder.getUnitAttr());
  kernel.setKnownBlockSize(ArrayRef<int32_t>{
      static_cast<int32_t>(TransposeProblem::kThreads), 1, 1});
  kernel.setWorkgroupAttributionAttr(0, "llvm.align",
                                     builder.getI64IntegerAttr(kPieceBytes));
  OpBuilder::InsertionGuard guard(builder);
  ImplicitLocOpBuilder body(loc, builder);
  body.setInsertionPointToStart(&kernel.getBody().front());
  TransposeKernel(body, problem,
                  kernel.getArguments().take_front(type.getNumInputs()),
                  kernel.getWorkgroupAttributions().front())
      .emit();
  gpu::ReturnOp::create(body);
  return kernel;
}
