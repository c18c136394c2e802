// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the epilogue: sums through shared memory to the destination.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

Value vnm::convertFloat(ImplicitLocOpBuilder &b, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (value.getType() == type)
    return value;
  if (from < to)
    return arith::ExtFOp::create(b, type, value);
  return arith::TruncFOp::create(b, type, value);
}

int64_t SpmmKernel::linesPerChunk() const {
  return problem.yTokenMajor ? 8 : 16;
}

int64_t SpmmKernel::elementsPerLine() const {
  return problem.yTokenMajor ? schedule.rowsPerWarp()
                             : schedule.tokensPerWarp();
}

int64_t SpmmSchedule::linePadding(bool tokenMajor) const {
  if (tokenMajor)
    return mma::kRowLinePadding;
  return interleavesTokens ? mma::kInterleavedLinePadding
                           : mma::kTokenLinePadding;
}

int64_t SpmmSchedule::stagingBytes(bool tokenMajor) const {
  constexpr int64_t kSumBytes = 4;
  int64_t lines = tokenMajor ? 8 : 16;
  int64_t elements = tokenMajor ? rowsPerWarp() : tokensPerWarp();
  return kSumBytes * lines * (elements + linePadding(tokenMajor));
}

Value SpmmKernel::emitStagingAddress(Value line, Value element) {
  int64_t pitch = elementsPerLine() + schedule.linePadding(problem.yTokenMajor);
  Value start =
      add(shared, mul(map.warp, schedule.stagingBytes(problem.yTokenMajor)));
  return add(start, mul(add(mul(line, pitch), element), 4));
}

/// A chunk of a token-major destination: an n8 tile of tokens.
void SpmmKernel::emitStageTokenMajorSums(ValueRange sums, int64_t chunk) {
  int64_t tokenTiles = schedule.tokenTilesPerWarp();
  Value quadRow = div(map.lane, 4), column = mul(rem(map.lane, 4), 2);
  for (int64_t tile = 0; tile < schedule.rowTilesPerWarp(); ++tile)
    for (int64_t i = 0; i < 4; ++i) {
      Value address = emitStagingAddress(add(column, i % 2),
                                         add(quadRow, 16 * tile + 8 * (i / 2)));
      LLVM::StoreOp::create(b, sums[4 * (tile * tokenTiles + chunk) + i],
                            sharedPointer(address), 4);
    }
}

/// A chunk of a feature-major destination: an m16 tile of rows. A lane has two
/// neighbouring tokens of a row, or, in two interleaved tiles, four.
void SpmmKernel::emitStageSums(ValueRange sums, int64_t chunk) {
  if (problem.yTokenMajor)
    return emitStageTokenMajorSums(sums, chunk);
  int64_t tiles = schedule.tilesPerLoad();
  Value quadRow = div(map.lane, 4), column = mul(rem(map.lane, 4), 2 * tiles);
  auto type = VectorType::get({2 * tiles}, problem.sumElement);
  for (int64_t load = 0; load < schedule.loadsPerPanel(); ++load)
    for (int64_t half = 0; half < 2; ++half) {
      int64_t tile = chunk * schedule.tokenTilesPerWarp() + load * tiles;
      SmallVector<Value> neighbours;
      for (int64_t i = 0; i < 2 * tiles; ++i)
        neighbours.push_back(
            sums[4 * (tile + i % tiles) + 2 * half + i / tiles]);
      Value vector = vector::FromElementsOp::create(b, type, neighbours);
      Value address = emitStagingAddress(add(quadRow, 8 * half),
                                         add(column, 8 * tiles * load));
      LLVM::StoreOp::create(b, vector, sharedPointer(address), 8 * tiles);
    }
}

/// In the warp's tile, of line `line` of a token-major chunk.
Value SpmmKernel::emitTokenOfLine(Value line, int64_t chunk) {
  int64_t tiles = schedule.tilesPerLoad();
  return add(mul(line, tiles), chunk / tiles * tiles * 8 + chunk % tiles);
}

void SpmmKernel::emitStoreChunk(int64_t chunk, int64_t width) {
  int64_t perLine = elementsPerLine() / width;
  auto loop = scf::ForOp::create(b, map.lane, i32(linesPerChunk() * perLine),
                                 i32(SpmmSchedule::kWarpSize));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value line = div(loop.getInductionVar(), perLine);
  Value element = mul(rem(loop.getInductionVar(), perLine), width);
  Value tileRow = problem.yTokenMajor ? element : add(line, 16 * chunk);
  Value tileToken =
      problem.yTokenMajor ? emitTokenOfLine(line, chunk) : element;
  Value row = add(map.warpRow, tileRow);
  Value valid = emitRowExists(row);
  Value token = add(map.token, extend(add(map.warpToken, tileToken)));
  if (raggedTokens())
    valid = both(valid, less(token, numTokens));
  auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());
  emitStorePiece(emitStagingAddress(line, element), toIndex(add(map.row, row)),
                 token, width);
}

SmallVector<Value> SpmmKernel::loadElements(Value buffer, Value position,
                                            int64_t width) {
  Type element = getElementTypeOrSelf(buffer.getType());
  auto type = VectorType::get({width}, element);
  int64_t bytes = width * element.getIntOrFloatBitWidth() / 8;
  Value vector = vector::LoadOp::create(
      b, type, buffer, ValueRange{position}, /*nontemporal=*/false,
      llvm::MaybeAlign(std::min<int64_t>(bytes, 16)));
  SmallVector<Value> elements;
  for (int64_t i = 0; i < width; ++i)
    elements.push_back(
        vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i}));
  return elements;
}

/// Applies the epilogue to the sums at `address`, of `width` tokens of a row,
/// or rows of a token, from stored row `row` (index) and `token` (i64) on, and
/// stores them.
void SpmmKernel::emitStorePiece(Value address, Value row, Value token,
                                int64_t width) {
  Value staged = load(VectorType::get({width}, problem.sumElement),
                      sharedPointer(address), std::min<int64_t>(4 * width, 16));
  SmallVector<Value> results;
  for (int64_t i = 0; i < width; ++i)
    results.push_back(
        vector::ExtractOp::create(b, staged, ArrayRef<int64_t>{i}));
  if (problem.permutedRows) {
    Value id = memref::LoadOp::create(b, args.rows, ValueRange{row});
    row = arith::IndexCastUIOp::create(b, b.getIndexType(), id);
  }
  Value line = arith::IndexCastUIOp::create(b, b.getI64Type(), row);
  Value offset =
      problem.yTokenMajor
          ? add(mul(add(mul(map.batch, numTokens), token), problem.numRows),
                line)
          : add(mul(add(mul(map.batch, problem.numRows), line), numTokens),
                token);
  offset = toIndex(offset);
  if (problem.accumulate)
    for (auto [sum, old] :
         llvm::zip_equal(results, loadElements(args.y, offset, width)))
      sum = emitAccumulate(sum, old);
  if (op.hasEpilogue())
    emitEpilogueBodies(results, row, toIndex(token), offset);
  else
    for (Value &result : results)
      result = convertFloat(b, result, problem.resultElement);
  auto type = VectorType::get({width}, problem.resultElement);
  int64_t bytes = width * problem.resultElement.getIntOrFloatBitWidth() / 8;
  Value vector = vector::FromElementsOp::create(b, type, results);
  vector::StoreOp::create(b, vector, args.y, ValueRange{offset},
                          /*nontemporal=*/false,
                          llvm::MaybeAlign(std::min<int64_t>(bytes, 16)));
}

/// Integers have one type.
Value SpmmKernel::emitAccumulate(Value sum, Value old) {
  if (isa<IntegerType>(problem.sumElement))
    return arith::AddIOp::create(b, sum, old);
  return arith::AddFOp::create(b, sum,
                               convertFloat(b, old, problem.sumElement));
}

void SpmmKernel::emitEpilogueBodies(MutableArrayRef<Value> sums, Value row,
                                    Value token, Value offset) {
  int64_t width = sums.size();
  SmallVector<SmallVector<Value>> operands;
  for (auto [position, buffer] : llvm::enumerate(args.epilogue)) {
    Broadcast broadcast = op.getBroadcast(position);
    bool perRow = broadcast == Broadcast::PerRow;
    if (broadcast == Broadcast::Full) {
      operands.push_back(loadElements(buffer, offset, width));
    } else if (perRow == problem.yTokenMajor) {
      operands.push_back(loadElements(buffer, perRow ? row : token, width));
    } else {
      Value where = perRow ? row : token;
      Value element = memref::LoadOp::create(b, buffer, ValueRange{where});
      operands.emplace_back(width, element);
    }
  }
  for (auto [position, sum] : llvm::enumerate(sums)) {
    SmallVector<Value> arguments = {sum};
    for (ArrayRef<Value> operand : operands)
      arguments.push_back(operand[position]);
    sum = cloneEpilogue(b, op, arguments);
  }
}

/// A warp stages its sums in shared memory that no other uses, once all warps
/// have read the last stage; then lanes take neighbouring elements of the
/// destination, 8 at a time if its rows are aligned to that.
void SpmmKernel::emitEpilogue(ValueRange sums) {
  int64_t inner = problem.yTokenMajor ? problem.numRows : problem.numTokens;
  int64_t width = std::gcd(mma::kStoreElements, inner);
  Value aligned;
  if (ShapedType::isDynamic(inner)) {
    width = mma::kStoreElements;
    aligned = equal(rem(numTokens, width), 0);
  } else if (problem.yTokenMajor && problem.permutedRows) {
    width = 1;
  }
  Value all = i32(-1);
  int64_t chunks = problem.yTokenMajor ? schedule.tokenTilesPerWarp()
                                       : schedule.rowTilesPerWarp();
  gpu::BarrierOp::create(b);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    emitStageSums(sums, chunk);
    NVVM::SyncWarpOp::create(b, all);
    if (aligned) {
      auto branch = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      emitStoreChunk(chunk, width);
      b.setInsertionPointToStart(branch.elseBlock());
      emitStoreChunk(chunk, 1);
    } else {
      emitStoreChunk(chunk, width);
    }
    NVVM::SyncWarpOp::create(b, all);
  }
}

/// What the op's epilogue makes of `sum`. `row` is the row of the result,
/// `offset` the element's place in it.
static Value emitEpilogueBody(ImplicitLocOpBuilder &b, SpmmOp op,
                              const KernelArguments &args, Value sum, Value row,
                              Value token, Value offset) {
  SmallVector<Value> arguments = {sum};
  for (auto [position, buffer] : llvm::enumerate(args.epilogue)) {
    Broadcast broadcast = op.getBroadcast(position);
    Value where = broadcast == Broadcast::PerRow     ? row
                  : broadcast == Broadcast::PerToken ? token
                                                     : offset;
    arguments.push_back(memref::LoadOp::create(b, buffer, ValueRange{where}));
  }
  return cloneEpilogue(b, op, arguments);
}

void vnm::emitStoreResult(ImplicitLocOpBuilder &b, SpmmOp op,
                          const SpmmProblem &problem,
                          const KernelArguments &args, Value sum,
                          const ResultPosition &position) {
  auto flatten = [&](Value outer, Value size, Value inner) {
    return b.createOrFold<arith::AddIOp>(
        b.createOrFold<arith::MulIOp>(outer, size), inner);
  };
  Value row = position.row;
  if (problem.permutedRows) {
    Value id = memref::LoadOp::create(b, args.rows, ValueRange{row});
    row = arith::IndexCastUIOp::create(b, b.getIndexType(), id);
  }
  Value numRows = arith::ConstantIndexOp::create(b, problem.numRows);
  Value offset =
      problem.yTokenMajor
          ? flatten(flatten(position.batch, args.numTokens, position.token),
                    numRows, row)
          : flatten(flatten(position.batch, numRows, row), args.numTokens,
                    position.token);
  if (problem.accumulate) {
    Value old = memref::LoadOp::create(b, args.y, ValueRange{offset});
    sum = arith::AddFOp::create(b, sum, convertFloat(b, old, b.getF32Type()));
  }
  Value result = op.hasEpilogue() ? emitEpilogueBody(b, op, args, sum, row,
                                                     position.token, offset)
                                  : convertFloat(b, sum, problem.resultElement);
  memref::StoreOp::create(b, result, args.y, ValueRange{offset});
}

Value vnm::cloneEpilogue(ImplicitLocOpBuilder &b, SpmmOp op,
                         ValueRange arguments) {
  Block &body = op.getEpilogue().front();
  IRMapping mapping;
  mapping.map(body.getArguments(), arguments);
  for (Operation &inner : body.without_terminator()) {
    // Constants may live outside; a kernel needs its own.
    for (Value operand : inner.getOperands())
      if (!mapping.contains(operand))
        mapping.map(operand, b.clone(*operand.getDefiningOp())->getResult(0));
    b.clone(inner, mapping);
  }
  Value stored = body.getTerminator()->getOperand(0);
  if (!mapping.contains(stored))
    return b.clone(*stored.getDefiningOp())->getResult(0);
  return mapping.lookup(stored);
}
