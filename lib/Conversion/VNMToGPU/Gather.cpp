// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather: activations of a panel's columns into shared
// memory.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

/// f16 elements in the 16 bytes that one asynchronous copy moves.
static constexpr int64_t kPiece = 8;

std::pair<Value, Value> SpmmKernel::emitChannel(Value slot) {
  int64_t numSlots = problem.numSlots();
  bool ragged = numSlots % SpmmSchedule::kStageSlots != 0;
  Value offset =
      add(mul(map.panel, numSlots), ragged ? clamp(slot, numSlots) : slot);
  Value id = memref::LoadOp::create(b, args.columns, ValueRange{offset});
  // Ids are unsigned: an i16 id may be above 32767.
  Value channel = arith::IndexCastUIOp::create(b, b.getIndexType(), id);
  // The sentinel is K; whatever is not a channel is not read.
  Value valid = less(channel, problem.numCols);
  if (ragged)
    valid = both(valid, less(slot, numSlots));
  return {channel, valid};
}

void SpmmKernel::emitGather(Value step, Value buffer) {
  // Asynchronous copies need 16-byte alignment: rows of x whose length is a
  // multiple of 8 tokens.
  bool dynamic = ShapedType::isDynamic(problem.numTokens);
  if (problem.xTokenMajor || (!dynamic && problem.numTokens % kPiece != 0))
    return emitGatherElements(step, buffer);
  if (!dynamic)
    return emitGatherPieces(step, buffer);
  Value aligned = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                        rem(args.numTokens, kPiece), index(0));
  auto branch = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitGatherPieces(step, buffer);
  b.setInsertionPointToStart(branch.elseBlock());
  emitGatherElements(step, buffer);
}

/// Feature-major x, T a multiple of 8: every piece of 8 tokens lies wholly
/// before or wholly behind T. A piece that is not there is zero-filled by a
/// copy of no elements.
void SpmmKernel::emitGatherPieces(Value step, Value buffer) {
  int64_t piecesPerSlot = schedule.tokenTile / kPiece;
  int64_t numPieces = SpmmSchedule::kStageSlots * piecesPerSlot;
  for (int64_t first = 0; first < numPieces; first += schedule.numThreads()) {
    Value piece = add(map.thread, first);
    Value stageSlot = div(piece, piecesPerSlot);
    Value tileToken = mul(rem(piece, piecesPerSlot), kPiece);
    auto [channel, valid] =
        emitChannel(add(mul(step, SpmmSchedule::kStageSlots), stageSlot));
    Value token = add(map.token, tileToken);
    valid = both(valid, less(token, args.numTokens));
    Value row = add(mul(map.batch, problem.numCols), channel);
    Value offset = add(mul(row, args.numTokens), token);
    nvgpu::DeviceAsyncCopyOp::create(
        b, nvgpu::DeviceAsyncTokenType::get(b.getContext()), shared.stages,
        ValueRange{buffer, stageSlot, tileToken}, args.x,
        ValueRange{select(valid, offset, index(0))}, b.getIndexAttr(kPiece),
        select(valid, index(kPiece), index(0)), b.getUnitAttr());
  }
}

/// Any x, element by element. Neighbouring threads take neighbouring elements
/// of x: tokens if it is feature-major, slots (sorted channels) if token-major.
void SpmmKernel::emitGatherElements(Value step, Value buffer) {
  int64_t inner =
      problem.xTokenMajor ? SpmmSchedule::kStageSlots : schedule.tokenTile;
  int64_t outer =
      problem.xTokenMajor ? schedule.tokenTile : SpmmSchedule::kStageSlots;
  int64_t stride = schedule.numThreads() / inner;
  Value innerIndex = rem(map.thread, inner);
  Value firstSlot = mul(step, SpmmSchedule::kStageSlots);
  std::pair<Value, Value> channel;
  if (problem.xTokenMajor)
    channel = emitChannel(add(firstSlot, innerIndex));
  auto loop = scf::ForOp::create(b, div(map.thread, inner), index(outer),
                                 index(stride));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value outerIndex = loop.getInductionVar();
  if (!problem.xTokenMajor)
    channel = emitChannel(add(firstSlot, outerIndex));
  Value tileToken = problem.xTokenMajor ? outerIndex : innerIndex;
  emitGatherElement(channel.first, channel.second, add(map.token, tileToken),
                    {buffer, outerIndex, innerIndex});
}

void SpmmKernel::emitGatherElement(Value channel, Value valid, Value token,
                                   ValueRange destination) {
  valid = both(valid, less(token, args.numTokens));
  auto branch = scf::IfOp::create(b, TypeRange{problem.element}, valid,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value row = problem.xTokenMajor
                    ? add(mul(map.batch, args.numTokens), token)
                    : add(mul(map.batch, problem.numCols), channel);
    Value offset = problem.xTokenMajor ? add(mul(row, problem.numCols), channel)
                                       : add(mul(row, args.numTokens), token);
    Value element = memref::LoadOp::create(b, args.x, ValueRange{offset});
    scf::YieldOp::create(b, element);
    b.setInsertionPointToStart(branch.elseBlock());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(problem.element));
    scf::YieldOp::create(b, zero);
  }
  memref::StoreOp::create(b, branch.getResult(0), shared.stages, destination);
}
