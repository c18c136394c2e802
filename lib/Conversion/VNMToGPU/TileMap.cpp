// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file maps CTAs, warps and lanes to tiles of the result.

#include "SpmmKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;

/// CTAs are numbered with row tiles fastest, then token tiles, then the batch:
/// CTAs that run together then share activations in the L2 cache.
TileMap SpmmKernel::emitTileMap() {
  TileMap m;
  Type type = b.getI32Type();
  int64_t rowTiles = llvm::divideCeil(problem.numRows, schedule.rowTile);
  Value block = NVVM::BlockIdXOp::create(b, type);
  m.row = mul(rem(block, rowTiles), schedule.rowTile);
  m.panel = div(m.row, problem.panelRows);
  Value column = extend(div(block, rowTiles));
  if (problem.numBatches == 1) {
    m.token = mul(column, schedule.tokenTile);
    m.batch = i64(0);
  } else {
    Value tokenTiles =
        div(add(numTokens, schedule.tokenTile - 1), schedule.tokenTile);
    m.token = mul(rem(column, tokenTiles), schedule.tokenTile);
    m.batch = div(column, tokenTiles);
  }
  m.thread = NVVM::ThreadIdXOp::create(b, type);
  m.lane = rem(m.thread, SpmmSchedule::kWarpSize);
  m.warp = div(m.thread, SpmmSchedule::kWarpSize);
  m.warpRow = mul(rem(m.warp, schedule.warpRows), schedule.rowsPerWarp());
  m.warpToken = mul(div(m.warp, schedule.warpRows), schedule.tokensPerWarp());
  return m;
}

int64_t SpmmKernel::numStages() const {
  return llvm::divideCeil(problem.numGroups, mma::kStageGroups);
}

bool SpmmKernel::raggedRows() const {
  return problem.numRows % schedule.rowTile != 0;
}

bool SpmmKernel::raggedTokens() const {
  return ShapedType::isDynamic(problem.numTokens) ||
         problem.numTokens % schedule.tokenTile != 0;
}

bool SpmmKernel::raggedGroups() const {
  return problem.numGroups % mma::kStageGroups != 0;
}

Value SpmmKernel::emitRowExists(Value row) {
  return raggedRows() ? less(add(map.row, row), problem.numRows) : isTrue();
}

Value SpmmKernel::emitSwizzle(Value row, int64_t pieces) {
  return pieces >= 8 ? rem(row, 8) : rem(div(row, 8 / pieces), pieces);
}

Value SpmmKernel::sharedPointer(Value address) {
  constexpr unsigned kSharedSpace = 3;
  auto type = LLVM::LLVMPointerType::get(b.getContext(), kSharedSpace);
  return LLVM::IntToPtrOp::create(b, type, address);
}
