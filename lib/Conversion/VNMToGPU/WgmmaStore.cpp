// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the wgmma_sp kernel's stores of results. Every warp stages
// its 16 rows in shared memory of its own, some tokens at a time; then
// neighbouring lanes store 16 bytes each, side by side. No warp waits for
// another, nor for its stores. There are two areas: what was staged is read
// while the next results are staged.
//
// Of token-major results a warp's 16 rows are but one sector of 32 bytes per
// token. There the warps of a warpgroup stage their rows side by side and meet,
// once per round, so that lanes store whole lines of 128 bytes or more: a
// fourth of the requests. The warps end their multiplications together, so
// meeting costs little.
//
// Bulk copies from the staging area to y (cp.async.bulk, a row each) were
// slower: the hardware takes the lanes' copies one by one, and the proxy fence
// before them waits for the next tile's weights.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

static constexpr int64_t kPieceBytes = 16;

/// The address of `bytes` (i32) into line `line` of the staging area: of the
/// warp's rows, or of the warpgroup's tokens. Pieces of 16 bytes are exchanged
/// within a line so that the same piece of 8 lines lies in different banks.
Value WgmmaKernel::emitStagingAddress(Value line, Value bytes) {
  Value first = mul(warpgroup, schedule.stagingLines());
  if (!problem.yTokenMajor)
    first = add(first, mul(warp, 16));
  Value offset = mul(add(first, line), schedule.stagingLineBytes());
  offset = add(offset, bitXor(bytes, shiftLeft(rem(line, 8), 4)));
  return advance(shared,
                 add(offset, schedule.stagingOffset() +
                                 stagingArea * schedule.stagingAreaBytes()));
}

/// Stages blocks `block` and `block` + 1 of the staging area's tokens: results
/// of 16 bits as four 8 x 8 matrices (PTX ISA, "stmatrix"). Lane l names row
/// l % 16 of block l / 16, or, where the matrices are transposed, token l % 8
/// of block l / 16 and rows 8 (l / 8 % 2) to + 7.
void WgmmaKernel::emitStageResults(const WgmmaPair (&results)[2][2],
                                   int64_t block) {
  if (problem.resultElement.isF32())
    return emitStagePairs(results, block);
  auto type = VectorType::get({2}, problem.resultElement);
  SmallVector<Value> registers;
  for (const auto &rows : results)
    for (const WgmmaPair &pair : rows)
      registers.push_back(LLVM::BitcastOp::create(
          b, b.getI32Type(), vector::FromElementsOp::create(b, type, pair)));
  Value line = rem(lane, 16);
  Value bytes = add(mul(div(lane, 16), 16), 16 * block);
  if (problem.yTokenMajor) {
    line = add(add(mul(div(lane, 16), 8), rem(lane, 8)), 8 * block);
    bytes = add(mul(warp, 32), mul(rem(div(lane, 8), 2), 16));
  }
  NVVM::StMatrixOp::create(b, emitStagingAddress(line, bytes), registers,
                           problem.yTokenMajor ? NVVM::MMALayout::col
                                               : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
                           NVVM::LdStMatrixEltType::B16);
}

/// The same of results of 32 bits: a lane stores its own.
void WgmmaKernel::emitStagePairs(const WgmmaPair (&results)[2][2],
                                 int64_t block) {
  auto type = VectorType::get({2}, problem.resultElement);
  Value quadRow = div(lane, 4), token = mul(rem(lane, 4), 2);
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      const WgmmaPair &pair = results[i][half];
      Value row = add(quadRow, 8 * half);
      Value blockToken = add(token, 8 * (block + i));
      if (!problem.yTokenMajor) {
        LLVM::StoreOp::create(b, vector::FromElementsOp::create(b, type, pair),
                              emitStagingAddress(row, mul(blockToken, 4)),
                              /*alignment=*/8);
        continue;
      }
      Value bytes = mul(add(mul(warp, 16), row), 4);
      for (int64_t j = 0; j < 2; ++j)
        LLVM::StoreOp::create(b, pair[j],
                              emitStagingAddress(add(blockToken, j), bytes),
                              /*alignment=*/4);
    }
}

/// Of rows the pieces are whole, as T is a multiple of 8; of tokens they are as
/// wide as R lets tokens be aligned. Neighbouring lanes have neighbouring
/// pieces.
StagedPieces WgmmaKernel::emitStagedPieces() {
  StagedPieces pieces;
  int64_t threads = WgmmaSchedule::kWarpSize;
  pieces.numLines = 16;
  pieces.bytes = kPieceBytes;
  Value number = lane;
  if (problem.yTokenMajor) {
    threads = WgmmaSchedule::kWarpgroupSize;
    pieces.numLines = schedule.stagingTokens;
    pieces.bytes =
        schedule.resultBytes *
        std::gcd(kPieceBytes / schedule.resultBytes, problem.numRows);
    // Sums of later rounds need the registers.
    number = add(mul(warp, WgmmaSchedule::kWarpSize), emitFreshLane());
  }
  int64_t linePieces = schedule.stagingLineBytes() / pieces.bytes;
  pieces.line = div(number, linePieces);
  pieces.offset = mul(rem(number, linePieces), pieces.bytes);
  pieces.step = threads / linePieces;
  return pieces;
}

SmallVector<Value> WgmmaKernel::emitLoadStaged() {
  StagedPieces pieces = emitStagedPieces();
  Type type = b.getIntegerType(8 * std::min<int64_t>(pieces.bytes, 4));
  if (pieces.bytes > 4)
    type = VectorType::get({pieces.bytes / 4}, type);
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < pieces.numLines; i += pieces.step)
    loaded.push_back(
        load(type, emitStagingAddress(add(pieces.line, i), pieces.offset),
             pieces.bytes));
  return loaded;
}

void WgmmaKernel::emitStoreStaged(const WgmmaTile &tile, int64_t first,
                                  ArrayRef<Value> loaded) {
  StagedPieces pieces = emitStagedPieces();
  Value element = div(pieces.offset, schedule.resultBytes);
  bool tokens = problem.yTokenMajor;
  Value row = tokens ? add(emitWarpgroupRow(tile), element)
                     : add(emitWarpRow(tile), pieces.line);
  Value token = add(add(tile.token, first), tokens ? pieces.line : element);
  int64_t pitch = tokens ? problem.numRows : problem.numTokens;
  Value place;
  for (auto [i, piece] : llvm::enumerate(loaded)) {
    int64_t line = pieces.step * static_cast<int64_t>(i);
    Value itsRow = tokens ? row : add(row, line);
    Value itsToken = tokens ? add(token, line) : token;
    if (i == 0 || problem.permutedRows)
      place = emitResultPlace(tile, itsRow, itsToken);
    else
      place = advance(place, i64(pieces.step * pitch * schedule.resultBytes));
    OpBuilder::InsertionGuard guard(b);
    if (Value valid = emitIsResult(itsRow, itsToken)) {
      auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    LLVM::StoreOp::create(b, piece, place, pieces.bytes);
  }
}

/// Whether stored row `row` has token `token`; null if they all do.
Value WgmmaKernel::emitIsResult(Value row, Value token) {
  Value valid;
  if (problem.numRows % schedule.rowTile() != 0)
    valid = less(row, problem.numRows);
  if (problem.numTokens % schedule.tokenTile == 0)
    return valid;
  Value hasToken = less(token, problem.numTokens);
  return valid ? both(valid, hasToken) : hasToken;
}

/// The address of a result. A row past R stands for the last, whose number can
/// be read.
Value WgmmaKernel::emitResultPlace(const WgmmaTile &tile, Value row,
                                   Value token) {
  if (problem.permutedRows && problem.numRows % schedule.rowTile() != 0)
    row = minimum(row, i32(problem.numRows - 1));
  Value offset = emitOffset(emitLine(emitResultRow(row), tile.batch), token);
  return advance(globalPointer(args.y), mul(offset, schedule.resultBytes));
}
