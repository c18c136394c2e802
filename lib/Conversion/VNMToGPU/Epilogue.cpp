// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the epilogue: sums through shared memory to the destination.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

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

/// Every warp writes its fragments, so that afterwards threads can take
/// elements in the order of the destination and the epilogue exists once.
void SpmmKernel::emitStoreSums(ValueRange sums) {
  int64_t tokenTiles = schedule.tokenTilesPerWarp();
  for (auto [position, sum] : llvm::enumerate(sums)) {
    int64_t element = position % 4;
    int64_t tile = position / 4;
    int64_t tileRow = 16 * (tile / tokenTiles) + 8 * (element / 2);
    int64_t tileToken = 8 * (tile % tokenTiles) + element % 2;
    Value row = add(add(map.warpRow, map.quadRow), tileRow);
    Value token = add(add(map.warpToken, mul(map.quadLane, 2)), tileToken);
    memref::StoreOp::create(b, sum, shared.sums, ValueRange{row, token});
  }
  gpu::BarrierOp::create(b);
}

/// Walks the tile along the destination's contiguous dimension.
void SpmmKernel::emitEpilogue() {
  int64_t inner = problem.yTokenMajor ? schedule.rowTile : schedule.tokenTile;
  auto loop = scf::ForOp::create(b, map.thread,
                                 index(schedule.rowTile * schedule.tokenTile),
                                 index(schedule.numThreads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value fast = rem(loop.getInductionVar(), inner);
  Value slow = div(loop.getInductionVar(), inner);
  Value tileRow = problem.yTokenMajor ? fast : slow;
  Value tileToken = problem.yTokenMajor ? slow : fast;
  Value valid = less(add(map.token, tileToken), args.numTokens);
  if (problem.numRows % schedule.rowTile != 0)
    valid = both(valid, less(add(map.row, tileRow), problem.numRows));
  auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());
  emitEpilogueElement(tileRow, tileToken);
}

void SpmmKernel::emitEpilogueElement(Value tileRow, Value tileToken) {
  Value sum =
      memref::LoadOp::create(b, shared.sums, ValueRange{tileRow, tileToken});
  emitStoreResult(
      b, op, problem, args, sum,
      {add(map.row, tileRow), add(map.token, tileToken), map.batch});
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
