// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the tensor copies of the wgmma_sp kernel, for weights that
// keep all columns: a stage is 64 consecutive channels of x.
//
// Tensor copies put bytes where the gather would (wgmma::getPieceOffset): the
// 128-byte swizzle is theirs, and the order of groups is that of the map's
// dimensions. One thread per ring issues a copy per chunk of 64 tokens.
//
// In a cluster of two, each CTA issues half of a stage's copies, to the same
// places of both CTAs, whose `full` barriers count the bytes of all. A slot is
// empty when the multiplying warps of both have left it. The other's bytes may
// arrive before `full` is told to expect them: the phase waits for the arrival.

#include "WgmmaCopy.h"

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

bool vnm::hasActivationMap(const SpmmProblem &problem) {
  return problem.keepsAllColumns && problem.numCols % wgmma::kStageSlots == 0;
}

/// Fragments want channels as they lie in x. Of canonical weights, stored group
/// g = 4 lane + 2 step + half of a stage goes to instruction group 8 step +
/// 4 half + lane: in shared memory the lane is faster than the pair (step,
/// half), in x it is slower.
TensorMap vnm::getActivationMap(const SpmmProblem &problem) {
  int64_t channelBytes = 2 * problem.numTokens;
  int64_t groupBytes = 4 * channelBytes;
  int64_t numStages = problem.numBatches * problem.numCols / wgmma::kStageSlots;
  TensorMap map;
  map.element = problem.element;
  // Token, channel of a group, lane, step and half, stage.
  map.sizes = {problem.numTokens, 4, 4, 4, numStages};
  map.strides = {channelBytes, 4 * groupBytes, groupBytes, 16 * groupBytes};
  if (problem.fragments)
    std::swap(map.strides[1], map.strides[2]);
  map.box = {wgmma::kChunkTokens, 4, 4, 4, 1};
  return map;
}

static LLVM::LLVMPointerType getClusterPointer(MLIRContext *context) {
  return LLVM::LLVMPointerType::get(
      context, static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
}

Value WgmmaKernel::emitClusterRank() {
  return NVVM::BlockInClusterIdXOp::create(b, b.getI32Type());
}

void WgmmaKernel::emitMapPeer() {
  peerShared = NVVM::MapaOp::create(b, getClusterPointer(b.getContext()),
                                    shared, bitAnd(lane, 1));
}

/// Lane 0 arrives in CTA 0 and lane 1 in CTA 1. One instruction under a
/// condition becomes a predicated one; with two, ptxas 13.0 makes a branch in
/// the main loop, for which it has multiplications wait for each other.
void WgmmaKernel::emitReleaseInCluster(Value slot, Value condition) {
  auto branch = scf::IfOp::create(b, both(less(lane, 2), condition),
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value address = advance(peerShared, emitBarrierOffset(Barrier::Empty, slot));
  NVVM::MBarrierArriveOp::create(b, Type(), address, /*count=*/Value(),
                                 NVVM::MemScopeKind::CTA);
}

void WgmmaKernel::emitClusterBarrier() {
  NVVM::ClusterArriveOp::create(b, UnitAttr());
  NVVM::ClusterWaitOp::create(b, UnitAttr());
}

void WgmmaKernel::emitCopyStage(const WgmmaTile &tile, Value stage,
                                const RingPosition &position) {
  emitWait(Barrier::Empty, position.slot, bitXor(position.parity, i32(1)));
  Value full = emitBarrierAddress(Barrier::Full, position.slot);
  NVVM::MBarrierArriveExpectTxOp::create(
      b, Type(), full, i32(numChunks() * wgmma::kChunkStride),
      NVVM::MemScopeKind::CTA,
      /*relaxed=*/false, /*predicate=*/Value());
  int64_t stagesPerEntry = problem.numCols / wgmma::kStageSlots;
  Value number = add(mul(tile.batch, stagesPerEntry), emitTileStage(stage));
  Value destination =
      advance(ringStart, mul(position.slot, schedule.stageBytes()));
  Value map = emitTensorMapAddress(b, args.xMap);
  int64_t count = numChunks() / schedule.cluster;
  Value token = tile.token, mask;
  if (schedule.cluster > 1) {
    Value first = mul(emitClusterRank(), count);
    destination = advance(destination, mul(first, wgmma::kChunkStride));
    token = add(token, mul(first, wgmma::kChunkTokens));
    mask = arith::ConstantIntOp::create(b, b.getI16Type(),
                                        (1 << schedule.cluster) - 1);
  }
  for (int64_t chunk = 0; chunk < count; ++chunk) {
    Value place = LLVM::AddrSpaceCastOp::create(
        b, getClusterPointer(b.getContext()),
        advance(destination, chunk * wgmma::kChunkStride));
    SmallVector<Value> coordinates = {add(token, chunk * wgmma::kChunkTokens),
                                      i32(0), i32(0), i32(0), number};
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        b, place, map, coordinates, full, /*im2colOffsets=*/ValueRange(), mask,
        /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
        /*group=*/nullptr,
        /*predicate=*/Value());
  }
}

/// The first time round, the wait for the phase before the first does not wait.
RingPosition WgmmaKernel::emitCopyTiles(Value first, Value last,
                                        const RingPosition &start) {
  auto tiles = scf::ForOp::create(b, first, last, i32(1),
                                  ValueRange{start.slot, start.parity});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tiles.getBody());
  WgmmaTile tile = emitTile(tiles.getInductionVar(), tileKind);
  auto stages = scf::ForOp::create(b, i32(0), i32(stagesPerTile()), i32(1),
                                   tiles.getRegionIterArgs());
  scf::YieldOp::create(b, stages.getResults());
  b.setInsertionPointToStart(stages.getBody());
  RingPosition position = {stages.getRegionIterArgs()[0],
                           stages.getRegionIterArgs()[1]};
  emitCopyStage(tile, stages.getInductionVar(), position);
  RingPosition next = emitNext(position);
  scf::YieldOp::create(b, ValueRange{next.slot, next.parity});
  return {tiles.getResult(0), tiles.getResult(1)};
}

void WgmmaKernel::emitCopyRole() {
  Value issues = both(equal(lane, 0), less(warp, schedule.rings));
  auto branch = scf::IfOp::create(b, issues, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitJoinRing(schedule.rings == 2 ? warp : i32(0));
  Value count = emitTileCount(), whole = emitWholeTileCount();
  RingPosition position = emitCopyTiles(i32(0), whole, emitRingStart());
  if (!schedule.cutsTail())
    return;
  emitWithKind(TileKind::Cut, [&] { emitCopyTiles(whole, count, position); });
}
