// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the wgmma_sp kernel's stores of results. Every warp stages
// its 16 rows in shared memory of its own, some tokens at a time; then
// neighbouring lanes store 16 bytes each, side by side. No warp waits for
// another, nor for its stores.
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

using namespace mlir;
using namespace vnm;

static constexpr int64_t kPieceBytes = 16;

/// The address of `bytes` (i32) into row `row` of the warp's staging area.
Value WgmmaKernel::emitStagingAddress(Value row, Value bytes) {
  Value number = add(mul(warpgroup, 4), warp);
  Value line = add(mul(number, 16), row);
  Value offset = add(mul(line, schedule.stagingRowBytes()), bytes);
  return advance(shared, add(offset, schedule.stagingOffset()));
}

/// Stages blocks `block` and `block` + 1 of the staging area's tokens: results
/// of 16 bits as four 8 x 8 matrices, of which lane l names row l % 16 of block
/// l / 16 (PTX ISA, "stmatrix").
void WgmmaKernel::emitStageResults(const WgmmaPair (&results)[2][2],
                                   int64_t block) {
  auto type = VectorType::get({2}, problem.resultElement);
  if (problem.resultElement.isF32()) {
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t half = 0; half < 2; ++half) {
        Value pair = vector::FromElementsOp::create(b, type, results[i][half]);
        Value address =
            emitStagingAddress(add(div(lane, 4), 8 * half),
                               add(mul(rem(lane, 4), 8), 32 * (block + i)));
        LLVM::StoreOp::create(b, pair, address, /*alignment=*/8);
      }
    return;
  }
  SmallVector<Value> registers;
  for (const auto &rows : results)
    for (const WgmmaPair &pair : rows)
      registers.push_back(LLVM::BitcastOp::create(
          b, b.getI32Type(), vector::FromElementsOp::create(b, type, pair)));
  Value address = emitStagingAddress(rem(lane, 16),
                                     add(mul(div(lane, 16), 16), 16 * block));
  NVVM::StMatrixOp::create(b, address, registers, NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
                           NVVM::LdStMatrixEltType::B16);
}

/// Stores what the warp staged: results from token `first` of the tile on. Rows
/// are whole pieces, as T is a multiple of 8.
void WgmmaKernel::emitStoreStaged(const WgmmaTile &tile, int64_t first) {
  int64_t rowPieces =
      schedule.stagingTokens * schedule.resultBytes / kPieceBytes;
  int64_t rowsAtOnce = WgmmaSchedule::kWarpSize / rowPieces;
  Value laneRow = div(lane, rowPieces);
  Value piece = mul(rem(lane, rowPieces), kPieceBytes);
  Value token = add(add(tile.token, first), div(piece, schedule.resultBytes));
  Value warpRow = add(emitWarpRow(tile), laneRow);
  Value place;
  for (int64_t i = 0; i < 16; i += rowsAtOnce) {
    Value row = add(warpRow, i);
    Value result =
        load(VectorType::get({kPieceBytes / 4}, b.getI32Type()),
             emitStagingAddress(add(laneRow, i), piece), kPieceBytes);
    Value valid = emitIsResult(row, token);
    if (i == 0 || problem.permutedRows)
      place = emitResultPlace(tile, row, token);
    else
      place = advance(
          place, i64(rowsAtOnce * problem.numTokens * schedule.resultBytes));
    OpBuilder::InsertionGuard guard(b);
    if (valid) {
      auto branch = scf::IfOp::create(b, valid, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    LLVM::StoreOp::create(b, result, place, kPieceBytes);
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
  Value offset = add(emitLine(emitResultRow(row), tile.batch), extend(token));
  return advance(globalPointer(args.y), mul(offset, schedule.resultBytes));
}
