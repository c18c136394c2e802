// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the epilogue of the wgmma_sp kernel: from a tile's sums to
// results, in the registers that hold the sums. WgmmaStore.cpp stores them.
//
// Of every block of 8 tokens a lane holds tokens 2q and 2q + 1 of rows g and
// g + 8 (PTX ISA, "Register fragments for wgmma.mma_async.m64nNk16", D); so a
// pair of tokens is loaded of what has an element per token.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

Value WgmmaKernel::emitWarpgroupRow(const WgmmaTile &tile) {
  if (schedule.rings > 1)
    return tile.row;
  return add(tile.row, mul(warpgroup, WgmmaSchedule::kWarpgroupRows));
}

Value WgmmaKernel::emitWarpRow(const WgmmaTile &tile) {
  return add(emitWarpgroupRow(tile), mul(warp, 16));
}

Value WgmmaKernel::emitResultRow(Value storedRow) {
  Value row = toIndex(storedRow);
  if (!problem.permutedRows)
    return row;
  Value id = memref::LoadOp::create(b, args.rows, ValueRange{row});
  return arith::IndexCastUIOp::create(b, b.getIndexType(), id);
}

Value WgmmaKernel::emitLine(Value row, Value batch) {
  Value line = arith::IndexCastUIOp::create(b, b.getI64Type(), row);
  if (problem.yTokenMajor)
    return add(mul(extend(batch), problem.numTokens * problem.numRows), line);
  line = add(mul(extend(batch), problem.numRows), line);
  return mul(line, problem.numTokens);
}

Value WgmmaKernel::emitOffset(Value line, Value token) {
  Value distance = extend(token);
  if (problem.yTokenMajor)
    distance = mul(distance, problem.numRows);
  return add(line, distance);
}

/// A result's place matters for what it is added to and for operands that have
/// an element per token.
bool WgmmaKernel::readsByPlace() {
  if (problem.accumulate)
    return true;
  for (size_t position = 0; position < args.epilogue.size(); ++position)
    if (op.getBroadcast(position) != Broadcast::PerRow)
      return true;
  return false;
}

/// The lane's row `half` (g or g + 8) of the result: index. Rows past R repeat
/// the last: their results are not stored.
Value WgmmaKernel::emitLaneRow(const WgmmaTile &tile, int64_t half) {
  Value stored = add(add(emitWarpRow(tile), div(lane, 4)), 8 * half);
  if (problem.numRows % schedule.rowTile() != 0)
    stored = minimum(stored, i32(problem.numRows - 1));
  return emitResultRow(stored);
}

/// Loads what the rows have one element of before the tile's multiplications,
/// which then hide how long that takes.
void WgmmaKernel::emitLoadRowOperands(const WgmmaTile &tile,
                                      WgmmaResultRows &rows) {
  SmallVector<Value> buffers;
  for (auto [position, buffer] : llvm::enumerate(args.epilogue))
    if (op.getBroadcast(position) == Broadcast::PerRow)
      buffers.push_back(buffer);
  if (buffers.empty())
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(mainLoopStart);
  Value known = lane;
  lane = emitFreshLane();
  for (int64_t half = 0; half < 2; ++half) {
    Value row = emitLaneRow(tile, half);
    for (Value buffer : buffers)
      rows.operands[half].push_back(
          memref::LoadOp::create(b, buffer, ValueRange{row}));
  }
  lane = known;
}

/// Tokens past T repeat the last block: their results are not stored.
Value WgmmaKernel::emitPairToken(const WgmmaTile &tile, int64_t block) {
  Value token = add(tile.token, 8 * block);
  if (problem.numTokens % schedule.tokenTile != 0)
    token = minimum(token, i32(problem.numTokens - 8));
  return add(token, mul(rem(lane, 4), 2));
}

/// `buffer` at `position` and behind it.
WgmmaPair WgmmaKernel::emitLoadPair(Value buffer, Value position) {
  Type element = getElementTypeOrSelf(buffer.getType());
  int64_t bytes = 2 * element.getIntOrFloatBitWidth() / 8;
  Value vector = vector::LoadOp::create(
      b, VectorType::get({2}, element), buffer, ValueRange{position},
      /*nontemporal=*/false, llvm::MaybeAlign(bytes));
  return {vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0}),
          vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{1})};
}

/// What is laid out like y, at element `offset` (i64) and at the same row's
/// next token.
WgmmaPair WgmmaKernel::emitLoadPairAt(Value buffer, Value offset) {
  if (!problem.yTokenMajor)
    return emitLoadPair(buffer, toIndex(offset));
  WgmmaPair pair;
  for (int64_t i = 0; i < 2; ++i) {
    Value position = toIndex(add(offset, i * problem.numRows));
    pair[i] = memref::LoadOp::create(b, buffer, ValueRange{position});
  }
  return pair;
}

/// The results of a lane's two sums of row `half` (g or g + 8) and a block.
WgmmaPair WgmmaKernel::emitResults(const WgmmaTile &tile,
                                   const WgmmaResultRows &rows,
                                   ArrayRef<Value> sums, int64_t block,
                                   int64_t half) {
  WgmmaPair results;
  for (int64_t i = 0; i < 2; ++i)
    results[i] = sums[4 * block + 2 * half + i];
  Value token, offset;
  if (readsByPlace()) {
    token = emitPairToken(tile, block);
    offset = emitOffset(rows.lines[half], token);
  }
  if (problem.accumulate)
    for (auto [result, old] :
         llvm::zip(results, emitLoadPairAt(args.y, offset)))
      result = arith::AddFOp::create(b, result,
                                     convertFloat(b, old, b.getF32Type()));
  if (op.hasEpilogue())
    return emitEpilogueBodies(results, rows, half, token, offset);
  for (Value &result : results)
    result = convertFloat(b, result, problem.resultElement);
  return results;
}

WgmmaPair WgmmaKernel::emitEpilogueBodies(const WgmmaPair &sums,
                                          const WgmmaResultRows &rows,
                                          int64_t half, Value token,
                                          Value offset) {
  SmallVector<Value> arguments[2] = {{sums[0]}, {sums[1]}};
  const auto *perRow = rows.operands[half].begin();
  for (auto [position, buffer] : llvm::enumerate(args.epilogue)) {
    Broadcast broadcast = op.getBroadcast(position);
    WgmmaPair operands;
    if (broadcast == Broadcast::PerRow) {
      operands.fill(*perRow++);
    } else if (broadcast == Broadcast::PerToken) {
      operands = emitLoadPair(buffer, toIndex(token));
    } else {
      operands = emitLoadPairAt(buffer, offset);
    }
    for (int64_t i = 0; i < 2; ++i)
      arguments[i].push_back(operands[i]);
  }
  return {cloneEpilogue(b, op, arguments[0]),
          cloneEpilogue(b, op, arguments[1])};
}

/// `value`, made to depend on `zero`: i32, 0, which compilers do not know.
Value WgmmaKernel::emitTie(Value value, Value zero) {
  unsigned width = value.getType().getIntOrFloatBitWidth();
  Type bits = b.getIntegerType(width);
  if (width < 32)
    zero = arith::TruncIOp::create(b, bits, zero);
  else if (width > 32)
    zero = arith::ExtUIOp::create(b, bits, zero);
  Value tied = bitOr(arith::BitcastOp::create(b, bits, value), zero);
  return arith::BitcastOp::create(b, value.getType(), tied);
}

/// Has the results of the rounds to come depend on what the current one staged:
/// ptxas would compute all results first, and then do nothing but wait for
/// shared memory and stores. `sums`: of the rounds to come; operands that all
/// results depend on are fewer.
void WgmmaKernel::emitTieRound(WgmmaResultRows &rows,
                               MutableArrayRef<Value> sums, Value unknownZero) {
  if (sums.empty())
    return;
  Value staged =
      load(b.getI32Type(), emitStagingAddress(i32(0), i32(0)), /*alignment=*/4);
  Value zero = bitAnd(staged, unknownZero);
  bool hasRowOperands = !rows.operands[0].empty();
  if (!hasRowOperands)
    for (Value &sum : sums)
      sum = emitTie(sum, zero);
  for (SmallVector<Value> &operands : rows.operands)
    for (Value &operand : operands)
      operand = emitTie(operand, zero);
}

/// Lanes read what other lanes staged. They stage over what was read two rounds
/// before: between lie the reads of all lanes, and then a meeting.
void WgmmaKernel::emitEpilogue(const WgmmaTile &tile,
                               ArrayRef<Value> tileSums) {
  SmallVector<Value> sums(tileSums);
  Value unknownZero = shiftRight(emitFreshLane(), 5);
  WgmmaResultRows rows;
  emitLoadRowOperands(tile, rows);
  Value known = lane;
  lane = emitFreshLane();
  if (readsByPlace())
    for (int64_t half = 0; half < 2; ++half)
      rows.lines[half] = emitLine(emitLaneRow(tile, half), tile.batch);
  int64_t blocks = schedule.stagingTokens / 8;
  int64_t rounds = tileTokens() / schedule.stagingTokens;
  SmallVector<Value> loaded;
  for (int64_t round = 0; round < rounds; ++round) {
    stagingArea = round % WgmmaSchedule::kStagingAreas;
    int64_t first = round * blocks;
    for (int64_t block = 0; block < blocks; block += 2) {
      WgmmaPair results[2][2];
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t half = 0; half < 2; ++half)
          results[i][half] =
              emitResults(tile, rows, sums, first + block + i, half);
      emitStageResults(results, block);
    }
    if (round > 0)
      emitStoreStaged(tile, (round - 1) * schedule.stagingTokens, loaded);
    emitMeetStaged();
    if (op.hasEpilogue())
      emitTieRound(rows, MutableArrayRef(sums).drop_front(4 * (first + blocks)),
                   unknownZero);
    loaded = emitLoadStaged();
  }
  emitStoreStaged(tile, (rounds - 1) * schedule.stagingTokens, loaded);
  // The next tile begins with the first area.
  if (rounds % WgmmaSchedule::kStagingAreas != 0)
    emitMeetStaged();
  lane = known;
}

SmallVector<Value> WgmmaKernel::emitExtractSums(Value sums) {
  SmallVector<Value> result;
  for (int64_t i = 0; i < tileTokens() / 2; ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, sums, i));
  return result;
}

/// The multiplying warpgroups meet at a barrier of their own.
void WgmmaKernel::emitMeet() {
  constexpr int64_t kBarrier = 1;
  NVVM::BarrierOp::create(b, TypeRange(), i32(kBarrier),
                          i32(WgmmaSchedule::kConsumerThreads),
                          /*reductionOp=*/nullptr,
                          /*reductionPredicate=*/Value());
}

void WgmmaKernel::emitMeetStaged() {
  if (!problem.yTokenMajor) {
    NVVM::SyncWarpOp::create(b, i32(-1));
    return;
  }
  // Behind those of the CTA and of emitMeet: one per warpgroup.
  constexpr int64_t kFirstBarrier = 2;
  NVVM::BarrierOp::create(b, TypeRange(), add(warpgroup, kFirstBarrier),
                          i32(WgmmaSchedule::kWarpgroupSize),
                          /*reductionOp=*/nullptr,
                          /*reductionPredicate=*/Value());
}

/// Two warpgroups have sums of one tile: the first adds those of the second,
/// always in this order, and goes on with the epilogue.
void WgmmaKernel::emitAddUp(const WgmmaTile &tile, Value sums) {
  constexpr int64_t kPiece = 4;
  auto type = VectorType::get({kPiece}, b.getF32Type());
  SmallVector<Value> own = emitExtractSums(sums);
  auto getPlace = [&](int64_t first) {
    int64_t pieces = schedule.numSums() / kPiece;
    Value number = add(mul(add(mul(warp, pieces), first / kPiece), 32), lane);
    return advance(shared,
                   add(mul(number, 4 * kPiece), schedule.exchangeOffset()));
  };
  auto second = scf::IfOp::create(b, equal(warpgroup, 1),
                                  /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(second.thenBlock());
    for (int64_t i = 0; i < schedule.numSums(); i += kPiece)
      LLVM::StoreOp::create(b,
                            vector::FromElementsOp::create(
                                b, type, ArrayRef(own).slice(i, kPiece)),
                            getPlace(i), 4 * kPiece);
  }
  emitMeet();
  auto first = scf::IfOp::create(b, equal(warpgroup, 0),
                                 /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(first.thenBlock());
    for (int64_t i = 0; i < schedule.numSums(); i += kPiece) {
      Value other = load(type, getPlace(i), 4 * kPiece);
      for (int64_t j = 0; j < kPiece; ++j)
        own[i + j] = arith::AddFOp::create(
            b, own[i + j],
            vector::ExtractOp::create(b, other, ArrayRef<int64_t>{j}));
    }
    emitEpilogue(tile, own);
  }
  // The second may write again.
  emitMeet();
}
