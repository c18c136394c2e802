// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the end of the skinny kernel: the sum over warps, in the
// order of their numbers, the epilogue and the stores.

#include "SkinnyKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

/// A warp's sums, [row][token], take the place of its rings, which all its
/// lanes have then read. Registers d0, d1 are row g, tokens 2 q and the next;
/// d2, d3 are row g + 8.
void SkinnyKernel::emitStoreSums(ValueRange sums) {
  NVVM::CpAsyncWaitGroupOp::create(b, 0);
  NVVM::SyncWarpOp::create(b, i32(-1));
  auto type = VectorType::get({2}, b.getF32Type());
  for (int64_t m = 0; m < schedule.rowTiles(); ++m)
    for (int64_t n = 0; n < schedule.tokenTiles(); ++n)
      for (int64_t high = 0; high < 2; ++high) {
        int64_t first = 4 * (m * schedule.tokenTiles() + n) + 2 * high;
        Value pair = vector::FromElementsOp::create(
            b, type, ValueRange{sums[first], sums[first + 1]});
        Value place =
            add(mul(add(quadRow, 16 * m + 8 * high), 4 * schedule.sumsPitch()),
                add(mul(quadLane, 8), i32(32 * n)));
        LLVM::StoreOp::create(b, pair, advance(warpStart, place),
                              /*alignment=*/8);
      }
}

Value SkinnyKernel::emitSumOfWarps(Value tileRow, Value token) {
  Value place = add(mul(tileRow, 4 * schedule.sumsPitch()), mul(token, 4));
  Value address = advance(shared, add(place, schedule.residentBytes()));
  Value sum;
  for (int64_t i = 0; i < schedule.numWarps; ++i) {
    Value part =
        load(b.getF32Type(), advance(address, i * schedule.warpBytes()), 4);
    sum = sum ? Value(arith::AddFOp::create(b, sum, part)) : part;
  }
  return sum;
}

/// Walks the tile along the destination's contiguous dimension.
void SkinnyKernel::emitEpilogue() {
  int64_t inner = problem.yTokenMajor ? schedule.rowTile : problem.numTokens;
  auto loop =
      scf::ForOp::create(b, thread, i32(schedule.rowTile * problem.numTokens),
                         i32(schedule.numThreads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value fast = rem(loop.getInductionVar(), inner);
  Value slow = div(loop.getInductionVar(), inner);
  Value tileRow = problem.yTokenMajor ? fast : slow;
  Value token = problem.yTokenMajor ? slow : fast;
  if (problem.numRows % schedule.rowTile != 0) {
    auto branch = scf::IfOp::create(b, less(add(row, tileRow), problem.numRows),
                                    /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  Value sum = emitSumOfWarps(tileRow, token);
  emitStoreResult(b, op, problem, args, sum,
                  {toIndex(add(row, tileRow)), toIndex(token), toIndex(batch)});
}
