// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the epilogue of the wgmma_sp kernel. Every warp stages its 16
// rows of sums, a chunk of 64 tokens at a time, in shared memory of its own;
// then 8 lanes store one row's chunk, 8 tokens each.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

/// Tokens that a lane stores at a time.
static constexpr int64_t kTokens = 8;
static constexpr int64_t kRowBytes = 4 * wgmma::kChunkTokens;

/// The address of the 16-byte piece `piece` of row `row`; both i32. The order
/// of pieces lets 16 lanes write 4 rows, and 8 lanes read every other piece of
/// one, without two of them in one bank.
Value WgmmaKernel::emitStagingAddress(Value row, Value piece) {
  Value number = add(mul(warpgroup, 4), warp);
  Value place =
      bitXor(bitXor(piece, shiftRight(piece, 3)), mul(bitAnd(row, 3), 2));
  Value offset =
      add(add(mul(number, WgmmaSchedule::kStagingBytes), mul(row, kRowBytes)),
          shiftLeft(place, 4));
  return advance(shared, add(offset, schedule.stagingOffset()));
}

/// Registers 4j to 4j + 3 are columns 8j + 2q and the next of rows g and g + 8
/// (PTX ISA, "Register fragments for wgmma.mma_async.m64nNk16", D).
void WgmmaKernel::emitStageSums(Value sums, int64_t chunk) {
  constexpr int64_t kTiles = wgmma::kChunkTokens / 8;
  auto type = VectorType::get({2}, b.getF32Type());
  Value quadRow = div(lane, 4), quadLane = rem(lane, 4);
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    for (int64_t half = 0; half < 2; ++half) {
      int64_t first = 4 * (chunk * kTiles + tile) + 2 * half;
      Value pair = vector::FromElementsOp::create(
          b, type,
          ValueRange{LLVM::ExtractValueOp::create(b, sums, first),
                     LLVM::ExtractValueOp::create(b, sums, first + 1)});
      Value address = emitStagingAddress(add(quadRow, 8 * half),
                                         add(div(quadLane, 2), 2 * tile));
      address = advance(address, mul(rem(quadLane, 2), 8));
      LLVM::StoreOp::create(b, pair, address, /*alignment=*/8);
    }
  }
}

void WgmmaKernel::emitStoreRows(const WgmmaTile &tile, int64_t chunk) {
  constexpr int64_t kRowsAtOnce = 4;
  auto loop = scf::ForOp::create(b, i32(0), i32(16), i32(kRowsAtOnce));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value warpRow = add(loop.getInductionVar(), div(lane, 8));
  Value firstRow = add(tile.row, mul(warp, 16));
  if (schedule.rings == 1)
    firstRow = add(firstRow, mul(warpgroup, 64));
  Value row = add(firstRow, warpRow);
  Value token = add(add(tile.token, chunk * wgmma::kChunkTokens),
                    mul(rem(lane, 8), kTokens));
  auto type = VectorType::get({4}, b.getF32Type());
  SmallVector<Value> sums;
  for (int64_t half = 0; half < 2; ++half) {
    Value piece = add(mul(rem(lane, 8), 2), half);
    Value quarter = load(type, emitStagingAddress(warpRow, piece), 16);
    for (int64_t i = 0; i < 4; ++i)
      sums.push_back(
          vector::ExtractOp::create(b, quarter, ArrayRef<int64_t>{i}));
  }
  Value valid = isTrue();
  if (problem.numRows % schedule.rowTile() != 0)
    valid = both(valid, less(row, problem.numRows));
  if (problem.numTokens % schedule.tokenTile != 0)
    valid = both(valid, less(token, problem.numTokens));
  auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());
  emitStorePiece(sums, row, token, tile.batch);
}

/// `buffer` from `position` on, one element per token.
static SmallVector<Value> loadTokens(ImplicitLocOpBuilder &b, Value buffer,
                                     Value position) {
  Type element = getElementTypeOrSelf(buffer.getType());
  auto type = VectorType::get({kTokens}, element);
  int64_t bytes = kTokens * element.getIntOrFloatBitWidth() / 8;
  Value vector = vector::LoadOp::create(
      b, type, buffer, ValueRange{position}, /*nontemporal=*/false,
      llvm::MaybeAlign(std::min<int64_t>(bytes, 16)));
  SmallVector<Value> elements;
  for (int64_t i = 0; i < kTokens; ++i)
    elements.push_back(
        vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i}));
  return elements;
}

/// Applies the epilogue to the sums of 8 tokens of one stored row, and stores
/// them.
void WgmmaKernel::emitStorePiece(ArrayRef<Value> sums, Value storedRow,
                                 Value token, Value batch) {
  Value row = toIndex(storedRow);
  if (problem.permutedRows) {
    Value id = memref::LoadOp::create(b, args.rows, ValueRange{row});
    row = arith::IndexCastUIOp::create(b, b.getIndexType(), id);
  }
  Value line = arith::IndexCastUIOp::create(b, b.getI64Type(), row);
  line = add(mul(extend(batch), problem.numRows), line);
  Value offset = toIndex(add(mul(line, problem.numTokens), extend(token)));
  SmallVector<Value> results(sums);
  if (problem.accumulate)
    for (auto [sum, old] :
         llvm::zip_equal(results, loadTokens(b, args.y, offset)))
      sum = arith::AddFOp::create(b, sum, convertFloat(b, old, b.getF32Type()));
  if (op.hasEpilogue())
    emitEpilogueBodies(results, row, toIndex(token), offset);
  else
    for (Value &result : results)
      result = convertFloat(b, result, problem.resultElement);
  auto type = VectorType::get({kTokens}, problem.resultElement);
  Value vector = vector::FromElementsOp::create(b, type, results);
  vector::StoreOp::create(b, vector, args.y, ValueRange{offset},
                          /*nontemporal=*/false, llvm::MaybeAlign(16));
}

void WgmmaKernel::emitEpilogueBodies(MutableArrayRef<Value> sums, Value row,
                                     Value token, Value offset) {
  SmallVector<SmallVector<Value>> operands;
  for (auto [position, buffer] : llvm::enumerate(args.epilogue)) {
    Broadcast broadcast = op.getBroadcast(position);
    if (broadcast == Broadcast::PerRow) {
      Value element = memref::LoadOp::create(b, buffer, ValueRange{row});
      operands.emplace_back(kTokens, element);
      continue;
    }
    operands.push_back(loadTokens(
        b, buffer, broadcast == Broadcast::PerToken ? token : offset));
  }
  for (auto [position, sum] : llvm::enumerate(sums)) {
    SmallVector<Value> arguments = {sum};
    for (ArrayRef<Value> operand : operands)
      arguments.push_back(operand[position]);
    sum = cloneEpilogue(b, op, arguments);
  }
}

/// Lanes read what other lanes of the warp wrote, and write what they have
/// read.
void WgmmaKernel::emitEpilogue(const WgmmaTile &tile, Value sums) {
  Value all = i32(-1);
  Value known = lane;
  lane = emitFreshLane();
  for (int64_t chunk = 0; chunk < schedule.chunks(); ++chunk) {
    emitStageSums(sums, chunk);
    NVVM::SyncWarpOp::create(b, all);
    emitStoreRows(tile, chunk);
    NVVM::SyncWarpOp::create(b, all);
  }
  lane = known;
}
