// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file maps CTAs, warps and lanes to tiles of the result.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace vnm;

/// CTAs are numbered with row tiles fastest, then token tiles, then the batch:
/// CTAs that run together then share activations in the L2 cache.
TileMap SpmmKernel::emitTileMap() {
  TileMap m;
  int64_t rowTiles = llvm::divideCeil(problem.numRows, schedule.rowTile);
  Value block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
  m.row = mul(rem(block, rowTiles), schedule.rowTile);
  m.panel = div(m.row, problem.panelRows);
  Value tokenTiles =
      div(add(args.numTokens, schedule.tokenTile - 1), schedule.tokenTile);
  Value columnOfTiles = div(block, rowTiles);
  m.token = mul(rem(columnOfTiles, tokenTiles), schedule.tokenTile);
  m.batch = div(columnOfTiles, tokenTiles);

  m.thread = gpu::ThreadIdOp::create(b, gpu::Dimension::x);
  m.lane = rem(m.thread, SpmmSchedule::kWarpSize);
  m.quadRow = div(m.lane, 4);
  m.quadLane = rem(m.lane, 4);
  Value warp = div(m.thread, SpmmSchedule::kWarpSize);
  m.warpRow =
      mul(rem(warp, schedule.warpRows), schedule.rowTile / schedule.warpRows);
  m.warpToken = mul(div(warp, schedule.warpRows),
                    schedule.tokenTile / schedule.warpTokens);
  return m;
}

static SmallVector<int64_t> getStageShape(const SpmmProblem &problem,
                                          const SpmmSchedule &schedule) {
  int64_t rows = SpmmSchedule::kStageSlots, columns = schedule.tokenTile;
  if (problem.xTokenMajor)
    std::swap(rows, columns);
  return {SpmmSchedule::kStages, rows, columns + SpmmSchedule::kRowPadding};
}

/// One element of padding: a warp that walks down a column of sums then meets
/// every bank once.
static SmallVector<int64_t> getSumsShape(const SpmmSchedule &schedule) {
  return {schedule.rowTile, schedule.tokenTile + 1};
}

static Attribute getWorkgroupSpace(MLIRContext *context) {
  return gpu::AddressSpaceAttr::get(context, gpu::AddressSpace::Workgroup);
}

MemRefType SpmmKernel::getWorkgroupType(const SpmmProblem &problem,
                                        const SpmmSchedule &schedule,
                                        MLIRContext *context) {
  int64_t stages = 2 * llvm::product_of(getStageShape(problem, schedule));
  int64_t sums = 4 * llvm::product_of(getSumsShape(schedule));
  return MemRefType::get({std::max(stages, sums)}, IntegerType::get(context, 8),
                         MemRefLayoutAttrInterface(),
                         getWorkgroupSpace(context));
}

SharedMemory SpmmKernel::emitSharedMemory(Value workgroup) {
  Attribute space = getWorkgroupSpace(b.getContext());
  auto view = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    auto type =
        MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space);
    return memref::ViewOp::create(b, type, workgroup, index(0), ValueRange());
  };
  return {view(getStageShape(problem, schedule), problem.element),
          view(getSumsShape(schedule), b.getF32Type())};
}

//===----------------------------------------------------------------------===//
// Arithmetic on indices
//===----------------------------------------------------------------------===//

Value SpmmKernel::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value SpmmKernel::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(x, y);
}

Value SpmmKernel::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(x, y);
}

Value SpmmKernel::div(Value x, Value y) {
  return b.createOrFold<arith::DivUIOp>(x, y);
}

Value SpmmKernel::rem(Value x, Value y) {
  return b.createOrFold<arith::RemUIOp>(x, y);
}

Value SpmmKernel::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, x, y);
}

Value SpmmKernel::both(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(x, y);
}

Value SpmmKernel::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(condition, x, y);
}

Value SpmmKernel::clamp(Value x, int64_t bound) {
  return b.createOrFold<arith::MinUIOp>(x, index(bound - 1));
}

Value SpmmKernel::isTrue() {
  return arith::ConstantIntOp::create(b, /*value=*/1, /*width=*/1);
}
