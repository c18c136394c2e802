// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather of the wgmma_sp kernel: activations of a panel's
// columns into a ring's stages.
//
// A warp gathers a quarter of a stage at a time, a unit: four groups. 8 lanes
// share a group, each with the same 8 tokens of every chunk of 64; so a lane
// needs only that group's column ids, which lie side by side. Units of all
// stages go to the gathering warps in turn.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

/// Bytes of an asynchronous copy, and its tokens.
static constexpr int64_t kPieceBytes = 16;
static constexpr int64_t kPieceTokens = 8;
static constexpr int64_t kPiecesPerChunk = wgmma::kChunkTokens / kPieceTokens;

SmallVector<Value> WgmmaKernel::emitLoadIds(Value unit) {
  int64_t idBytes = problem.wideIds ? 4 : 2;
  Value stage = emitJoinRingOfStage(div(unit, WgmmaSchedule::kUnitsPerStage));
  // Also of a tile behind the last, the panel is one that exists.
  WgmmaTile tile = emitTile(div(stage, stagesPerTile()), tileKind);
  Value group =
      add(mul(emitTileStage(stage), wgmma::kStageGroups),
          add(mul(rem(unit, WgmmaSchedule::kUnitsPerStage), 4), div(lane, 8)));
  if (problem.numGroups % wgmma::kStageGroups != 0)
    group = minimum(group, i32(problem.numGroups - 1));
  Value position =
      add(mul(extend(tile.panel), problem.numGroups), extend(group));
  Value words =
      load(VectorType::get({idBytes}, b.getI32Type()),
           advance(globalPointer(args.columns), mul(position, 4 * idBytes)),
           4 * idBytes);
  SmallVector<Value> ids;
  for (int64_t i = 0; i < idBytes; ++i)
    ids.push_back(vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}));
  return ids;
}

/// Id `position` of a group as i32. Ids of 16 bits are unsigned.
Value WgmmaKernel::emitId(ValueRange words, int64_t position) {
  if (words.size() == 4)
    return words[position];
  Value word = words[position / 2];
  return position % 2 ? shiftRight(word, 16) : bitAnd(word, 0xFFFF);
}

SmallVector<Value> WgmmaKernel::emitPieceBytes(Value token) {
  SmallVector<Value> result;
  for (int64_t chunk = 0; chunk < numChunks(); ++chunk) {
    Value bytes = i32(kPieceBytes);
    if (problem.numTokens % schedule.tokenTile != 0)
      bytes = select(
          less(add(token, chunk * wgmma::kChunkTokens), problem.numTokens),
          bytes, i32(0));
    result.push_back(bytes);
  }
  return result;
}

void WgmmaKernel::emitCopyChannel(Value source, Value destination, Value valid,
                                  ValueRange pieceBytes) {
  for (auto [chunk, bytes] : llvm::enumerate(pieceBytes))
    NVVM::CpAsyncOp::create(
        b, advance(destination, chunk * wgmma::kChunkStride),
        advance(source, chunk * wgmma::kChunkBytes), kPieceBytes,
        NVVM::LoadCacheModifierKind::CG, select(valid, bytes, i32(0)));
}

/// Copies unit `unit` of stage `stage` of the ring to slot `slot`, to the
/// places of wgmma::getInstructionGroup, for fragments in their own order, and
/// of wgmma::getPieceOffset. Slots
/// without a channel and tokens past T are zero: a copy of no bytes fills with
/// zeros and reads nothing.
void WgmmaKernel::emitGather(Value stage, Value unit, ValueRange ids,
                             Value slot) {
  WgmmaTile tile = emitTile(div(stage, stagesPerTile()), tileKind);
  Value piece = rem(lane, kPiecesPerChunk), member = div(lane, 8);
  Value token = add(tile.token, mul(piece, kPieceTokens));
  Value row = mul(extend(tile.batch), problem.numCols * problem.numTokens);
  Value source =
      advance(globalPointer(args.x), mul(add(row, extend(token)), 2));
  SmallVector<Value> pieceBytes = emitPieceBytes(token);
  Value groupValid = isTrue();
  if (problem.numGroups % wgmma::kStageGroups != 0) {
    Value group = add(mul(emitTileStage(stage), wgmma::kStageGroups),
                      add(mul(unit, 4), member));
    groupValid = less(group, problem.numGroups);
  }
  // Stored group 4 unit + member.
  Value place =
      problem.fragments ? add(mul(unit, 4), member) : add(unit, mul(member, 4));
  Value destination = advance(ringStart, mul(slot, schedule.stageBytes()));
  for (int64_t position = 0; position < 4; ++position) {
    Value id = emitId(ids, position);
    // The sentinel is K; whatever is not a channel is not read.
    Value valid = both(groupValid, less(id, problem.numCols));
    Value stageSlot = add(mul(place, 4), position);
    Value offset = add(mul(stageSlot, wgmma::kChunkBytes),
                       shiftLeft(bitXor(piece, rem(stageSlot, 8)), 4));
    emitCopyChannel(advance(source, mul(extend(id), 2 * problem.numTokens)),
                    advance(destination, offset), valid, pieceBytes);
  }
}

/// The first time round, the wait for the phase before the first does not wait.
void WgmmaKernel::emitUnit(Value unit, ValueRange ids) {
  Value stage = emitJoinRingOfStage(div(unit, WgmmaSchedule::kUnitsPerStage));
  Value tiles =
      tileKind == TileKind::Whole ? emitWholeTileCount() : emitTileCount();
  Value exists = less(stage, mul(tiles, stagesPerTile()));
  auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  RingPosition position = emitRingPosition(stage);
  emitWait(Barrier::Empty, position.slot, bitXor(position.parity, i32(1)));
  emitGather(stage, rem(unit, WgmmaSchedule::kUnitsPerStage), ids,
             position.slot);
  NVVM::CpAsyncMBarrierArriveOp::create(
      b, emitBarrierAddress(Barrier::Full, position.slot), /*noinc=*/true);
}

/// The ids of the warp's `count` units from `unit` on.
SmallVector<Value> WgmmaKernel::emitLoadIdsOfUnits(Value unit, int64_t count) {
  SmallVector<Value> ids;
  for (int64_t i = 0; i < count; ++i)
    llvm::append_range(ids,
                       emitLoadIds(add(unit, i * WgmmaSchedule::kGatherWarps)));
  return ids;
}

/// Ids are loaded for several units at a time, while those before are gathered:
/// a load by itself would be waited for together with all that follow it, which
/// share its scoreboard.
void WgmmaKernel::emitGatherUnits(Value first, Value last) {
  int64_t count = schedule.unitsAhead;
  int64_t stride = count * WgmmaSchedule::kGatherWarps;
  Value start = add(first, warp);
  auto loop = scf::ForOp::create(b, start, last, i32(stride),
                                 emitLoadIdsOfUnits(start, count));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ValueRange current = loop.getRegionIterArgs();
  Value unit = loop.getInductionVar();
  SmallVector<Value> next = emitLoadIdsOfUnits(add(unit, stride), count);
  int64_t numIds = current.size() / count;
  for (int64_t i = 0; i < count; ++i)
    emitUnit(add(unit, i * WgmmaSchedule::kGatherWarps),
             current.slice(i * numIds, numIds));
  scf::YieldOp::create(b, next);
}

/// Tiles that are cut have a loop of their own: with a branch within one, the
/// gather is late where it is what binds, at V = 64.
void WgmmaKernel::emitProducerRole() {
  Value all = mul(emitStageCount(), WgmmaSchedule::kUnitsPerStage);
  if (!schedule.cutsTail())
    return emitGatherUnits(i32(0), all);
  int64_t stages = stagesPerTile() * schedule.rings;
  Value whole =
      i32(schedule.numWaves(problem) * stages * WgmmaSchedule::kUnitsPerStage);
  emitGatherUnits(i32(0), whole);
  emitWithKind(TileKind::Cut, [&] { emitGatherUnits(whole, all); });
}
