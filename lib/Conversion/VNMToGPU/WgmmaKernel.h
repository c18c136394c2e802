// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the parts a wgmma_sp kernel is made of: roles and barriers
// (WgmmaKernel.cpp), the gather (WgmmaGather.cpp) or the tensor copies
// (WgmmaCopy.cpp) that take its place, weight fragments
// (WgmmaFragments.cpp), the main loop (WgmmaMainLoop.cpp), the epilogue
// (WgmmaEpilogue.cpp), the stores of results (WgmmaStore.cpp).

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_WGMMAKERNEL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_WGMMAKERNEL_H

#include "Arithmetic.h"
#include "SpmmKernel.h"
#include "WgmmaSchedule.h"

namespace vnm {

/// A tile, all of i32.
struct WgmmaTile {
  mlir::Value row;   ///< First stored row.
  mlir::Value panel; ///< Its row panel.
  mlir::Value token; ///< First token.
  mlir::Value batch; ///< Batch entry, batch dimensions flattened.
};

/// A place in a ring, all of i32: advances by one stage at a time.
struct RingPosition {
  mlir::Value slot;
  mlir::Value parity; ///< Of the barriers' phase: 0 the first time round.
};

/// Where a lane reads a tile's weights: of its rows g and g + 8, or, of
/// fragments, of both (the first of either pair).
struct WeightPointers {
  mlir::Value values[2];
  /// If lanes share a row's metadata, of the lane's first word, rounded down to
  /// a multiple of 4 bytes.
  mlir::Value metadata[2];
  /// Bits from there to the word: i32, 0 or 16, the same for both rows.
  mlir::Value metadataShift;
  mlir::Value zero; ///< i32, 0, which compilers do not know.
};

/// A lane's weights of one stage as they were loaded: nothing here is computed,
/// since that would wait for the loads.
struct StageWeights {
  /// Of rows g and g + 8: a0, a2 of k32 step 0, a0, a2 of step 1 (or a1, a3).
  std::array<mlir::Value, 4> values[2];
  /// The four metadata words of rows g and g + 8: two i32 or four i16. Or the
  /// lane's part, one or two i32, of what its quad has for two stages. Or, of
  /// fragments, the instruction's register, in the first.
  llvm::SmallVector<mlir::Value, 4> metadata[2];
  /// Which stage of two.
  int64_t part = 0;
};

using StageWeightsList = llvm::SmallVector<StageWeights, 4>;

/// Two elements of one row: tokens 2q and 2q + 1 of a block of 8.
using WgmmaPair = std::array<mlir::Value, 2>;

/// What the epilogue reads of rows g and g + 8 of a warp's 16.
struct WgmmaResultRows {
  /// Where the row's first token lies in y, in elements: i64. Null if nothing
  /// is read there.
  mlir::Value lines[2];
  /// Elements of the epilogue's operands that have one per row, in order.
  llvm::SmallVector<mlir::Value> operands[2];
};

/// The parts of the staging area that a lane stores: of lines `line`, `line` +
/// `step`, and so on, below `numLines`, `bytes` bytes from `offset` on.
struct StagedPieces {
  mlir::Value line;   ///< i32, of the warp's rows or the warpgroup's tokens.
  mlir::Value offset; ///< i32
  int64_t step;
  int64_t numLines;
  int64_t bytes; ///< A power of two, at most 16.
};

/// Emits the body of one kernel at its builder's insertion point.
class WgmmaKernel : KernelArithmetic {
public:
  WgmmaKernel(mlir::ImplicitLocOpBuilder &builder, SpmmOp op,
              const SpmmProblem &problem, const WgmmaSchedule &schedule,
              mlir::ValueRange arguments);

  /// Emits the whole body. `shared` points at the CTA's shared memory.
  void emit(mlir::Value shared);

private:
  // WgmmaKernel.cpp
  void emitThreadPosition();
  void emitRoles();
  /// The lane's number, by way of a shuffle, which compilers do not move: what
  /// is computed from it for one tile does not stay in registers for all.
  mlir::Value emitFreshLane();
  void emitBarrierInit();
  /// Makes the thread work for ring `number` (i32) from here on.
  void emitJoinRing(mlir::Value number);
  /// Makes the thread work for the ring of stage `stage` of all rings, whose
  /// stages take turns; returns the stage's number in the ring.
  mlir::Value emitJoinRingOfStage(mlir::Value stage);
  /// Number of stages of all rings together; some of the last may not exist.
  mlir::Value emitStageCount();
  /// The number of the ring's stage `stage` within its tile.
  mlir::Value emitTileStage(mlir::Value stage);
  RingPosition emitRingPosition(mlir::Value stage);
  void emitFenceRole();
  void emitConsumerRole();
  /// Multiplies tiles `first` to `last` - 1 of the ring's `count`. `carried`
  /// are the ring position and the first weights, which it replaces.
  void emitTiles(mlir::Value first, mlir::Value last, mlir::Value count,
                 llvm::SmallVectorImpl<mlir::Value> &carried);
  /// Tiles of the ring that are not cut.
  mlir::Value emitWholeTileCount();
  /// Counts the tiles of every ring.
  void emitCountTiles();
  /// Number of tiles of the thread's ring.
  mlir::Value emitTileCount();
  /// Tiles of whole waves, and the parts of tiles of the last.
  enum class TileKind { Whole, Cut, Any };
  /// The ring's tile `number`, which is known to be of `kind`.
  WgmmaTile emitTile(mlir::Value number, TileKind kind = TileKind::Any);
  /// Has `emitTiles` emit what works on tiles of `kind`.
  void emitWithKind(TileKind kind, llvm::function_ref<void()> emitTiles);
  enum class Barrier { Full, Ready, Empty };
  /// The barrier at which multiplying threads wait for a stage.
  Barrier getStageBarrier() const {
    return schedule.copies ? Barrier::Full : Barrier::Ready;
  }
  /// Bytes from the beginning of shared memory: i32.
  mlir::Value emitBarrierOffset(Barrier barrier, mlir::Value slot);
  mlir::Value emitBarrierAddress(Barrier barrier, mlir::Value slot);
  /// Waits for the phase of `parity` to be over.
  void emitWait(Barrier barrier, mlir::Value slot, mlir::Value parity);
  void emitArrive(Barrier barrier, mlir::Value slot);
  RingPosition emitNext(const RingPosition &position);
  RingPosition emitRingStart();

  // WgmmaCopy.cpp
  void emitCopyRole();
  /// The CTA's number in its cluster: i32.
  mlir::Value emitClusterRank();
  /// Finds the shared memory of the CTA at whose barriers the lane arrives.
  void emitMapPeer();
  /// Hands a slot back to the copying threads of both CTAs, once per warp.
  void emitReleaseInCluster(mlir::Value slot, mlir::Value condition);
  /// Waits for all threads of the cluster.
  void emitClusterBarrier();
  /// Has tiles `first` to `last` - 1 of the ring copied.
  RingPosition emitCopyTiles(mlir::Value first, mlir::Value last,
                             const RingPosition &start);
  /// Has one stage of `tile` copied to the ring.
  void emitCopyStage(const WgmmaTile &tile, mlir::Value stage,
                     const RingPosition &position);

  // WgmmaGather.cpp
  void emitProducerRole();
  /// The ids of the lane's group in unit `unit` of all the CTA's units, as they
  /// lie in memory: two or four i32.
  llvm::SmallVector<mlir::Value> emitLoadIds(mlir::Value unit);
  llvm::SmallVector<mlir::Value> emitLoadIdsOfUnits(mlir::Value unit,
                                                    int64_t count);
  mlir::Value emitId(mlir::ValueRange words, int64_t position);
  /// Gathers units `first` to `last` - 1 of all the CTA's.
  void emitGatherUnits(mlir::Value first, mlir::Value last);
  /// Gathers unit `unit`, if there is one.
  void emitUnit(mlir::Value unit, mlir::ValueRange ids);
  void emitGather(mlir::Value stage, mlir::Value unit, mlir::ValueRange ids,
                  mlir::Value slot);
  /// Bytes, 16 or 0, to copy of every chunk's piece at `token`.
  llvm::SmallVector<mlir::Value> emitPieceBytes(mlir::Value token);
  void emitCopyChannel(mlir::Value source, mlir::Value destination,
                       mlir::Value valid, mlir::ValueRange pieceBytes);

  // WgmmaFragments.cpp
  WeightPointers emitWeightPointers(const WgmmaTile &tile);
  WeightPointers emitFragmentPointers(const WgmmaTile &tile);
  /// Loads a group of stages from `stage` (i32) on, which is stage `known` if
  /// that is not negative; else all of the group exist and none is ragged.
  StageWeightsList emitLoadWeights(const WeightPointers &pointers,
                                   mlir::Value stage, int64_t known);
  StageWeights emitLoadFragments(const WeightPointers &pointers,
                                 mlir::Value stage);
  std::array<mlir::Value, 4> emitLoadValues(mlir::Value pointer, bool last);
  void emitLoadMetadata(mlir::Value pointer, int64_t known, int64_t half,
                        llvm::MutableArrayRef<StageWeights> pair);
  bool sharesMetadata();
  void emitLoadSharedMetadata(mlir::Value pointer, int64_t known, int64_t half,
                              llvm::MutableArrayRef<StageWeights> pair);
  llvm::SmallVector<mlir::Value, 4> emitLoadWords(mlir::Value pointer,
                                                  int64_t left);
  StageWeights emitCopy(const StageWeights &weights,
                        const WeightPointers &pointers);
  std::array<mlir::Value, 2> emitWordPairs(const StageWeights &weights,
                                           int64_t half,
                                           const WeightPointers &pointers);
  mlir::Value emitMetadataRegister(const StageWeights &weights,
                                   const WeightPointers &pointers);
  /// The weights of a tile's first group of stages.
  StageWeightsList emitLoadFirst(const WeightPointers &pointers);
  static void pack(const StageWeightsList &list,
                   llvm::SmallVectorImpl<mlir::Value> &values);
  /// Replaces the values of `list`, in the order of `pack`.
  static void unpack(mlir::ValueRange values, StageWeightsList &list);

  // WgmmaMainLoop.cpp
  /// Multiplies one tile; returns its sums. `position` moves on; `ahead` holds
  /// the first stages' weights.
  mlir::Value emitMainLoop(const WeightPointers &pointers,
                           RingPosition &position, StageWeightsList &ahead);
  mlir::Value emitRounds(int64_t rounds, mlir::Value sums,
                         const WeightPointers &pointers, RingPosition &position,
                         StageWeightsList &ahead);
  /// One group of stages; `first` (i1) whether it is the tile's first.
  mlir::Value emitGroup(mlir::Value sums, const StageWeightsList &group,
                        const WeightPointers &pointers, mlir::Value first,
                        RingPosition &position,
                        llvm::function_ref<void(int64_t)> loadNext);
  void emitLoadNext(const WeightPointers &pointers, mlir::Value stage,
                    int64_t known, int64_t i, StageWeightsList &next);
  mlir::Value emitStage(mlir::Value sums, const StageWeights &weights,
                        const WeightPointers &pointers, mlir::Value first,
                        RingPosition &position);
  mlir::Value emitMultiply(mlir::Value sums, const StageWeights &weights,
                           mlir::Value metadata, mlir::Value descriptor,
                           int64_t step, mlir::Value keepSums);
  void emitRelease(mlir::Value slot, mlir::Value condition);
  mlir::Value emitSlotBefore(mlir::Value slot);
  mlir::Type getSumsType();

  // WgmmaEpilogue.cpp
  void emitEpilogue(const WgmmaTile &tile, llvm::ArrayRef<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> emitExtractSums(mlir::Value sums);
  void emitMeet();
  /// The threads meet that read what one of them staged: the warp, or, token by
  /// token, the warpgroup.
  void emitMeetStaged();
  void emitAddUp(const WgmmaTile &tile, mlir::Value sums);
  /// The first of the warpgroup's 64 stored rows, and of the warp's 16.
  mlir::Value emitWarpgroupRow(const WgmmaTile &tile);
  mlir::Value emitWarpRow(const WgmmaTile &tile);
  /// The row of the result that is stored row `storedRow` (i32): index.
  mlir::Value emitResultRow(mlir::Value storedRow);
  /// Where the first token of row `row` (index) of a batch entry lies in y, in
  /// elements: i64.
  mlir::Value emitLine(mlir::Value row, mlir::Value batch);
  /// Where token `token` (i32) of the row of `line` lies.
  mlir::Value emitOffset(mlir::Value line, mlir::Value token);
  /// Whether the epilogue reads memory at a sum's place in the result.
  bool readsByPlace();
  mlir::Value emitLaneRow(const WgmmaTile &tile, int64_t half);
  mlir::Value emitTie(mlir::Value value, mlir::Value zero);
  void emitTieRound(WgmmaResultRows &rows,
                    llvm::MutableArrayRef<mlir::Value> sums,
                    mlir::Value unknownZero);
  void emitLoadRowOperands(const WgmmaTile &tile, WgmmaResultRows &rows);
  mlir::Value emitPairToken(const WgmmaTile &tile, int64_t block);
  WgmmaPair emitLoadPair(mlir::Value buffer, mlir::Value position);
  WgmmaPair emitLoadPairAt(mlir::Value buffer, mlir::Value offset);
  WgmmaPair emitResults(const WgmmaTile &tile, const WgmmaResultRows &rows,
                        llvm::ArrayRef<mlir::Value> sums, int64_t block,
                        int64_t half);
  WgmmaPair emitEpilogueBodies(const WgmmaPair &sums,
                               const WgmmaResultRows &rows, int64_t half,
                               mlir::Value token, mlir::Value offset);

  // WgmmaStore.cpp
  mlir::Value emitStagingAddress(mlir::Value line, mlir::Value bytes);
  /// `results`: of two blocks of 8 tokens, rows g and g + 8.
  void emitStageResults(const WgmmaPair (&results)[2][2], int64_t block);
  void emitStagePairs(const WgmmaPair (&results)[2][2], int64_t block);
  StagedPieces emitStagedPieces();
  /// Loads the lane's pieces of what was staged.
  llvm::SmallVector<mlir::Value> emitLoadStaged();
  /// Stores them: results from token `first` of the tile on.
  void emitStoreStaged(const WgmmaTile &tile, int64_t first,
                       llvm::ArrayRef<mlir::Value> pieces);
  mlir::Value emitIsResult(mlir::Value row, mlir::Value token);
  mlir::Value emitResultPlace(const WgmmaTile &tile, mlir::Value row,
                              mlir::Value token);

  int64_t stagesPerTile() const;
  /// Of the tiles that are being emitted.
  int64_t tileTokens() const;
  int64_t numChunks() const { return tileTokens() / wgmma::kChunkTokens; }

  SpmmOp op;
  const SpmmProblem &problem;
  const WgmmaSchedule &schedule;
  KernelArguments args;
  mlir::Value shared; ///< !llvm.ptr<3>
  /// In a cluster, `shared` of the CTA whose number is the lane's modulo 2:
  /// !llvm.ptr<7>.
  mlir::Value peerShared;
  mlir::Value thread;    ///< In the CTA; this and the following i32.
  mlir::Value warpgroup; ///< In the CTA.
  mlir::Value warp;      ///< In the warpgroup.
  mlir::Value lane;      ///< In the warp.
  mlir::Value ring;      ///< The ring that the thread works for.
  mlir::Value ringStart; ///< Its first byte in shared memory.
  mlir::Value firstTile; ///< The ring's first tile, and the distance to its
  mlir::Value tileStep;  ///< next.
  llvm::SmallVector<mlir::Value, 2> tileCounts; ///< Of every ring.
  /// Of the tiles that are being emitted: whole or cut.
  TileKind tileKind = TileKind::Whole;
  /// The weights that are loaded before the first tile: their kinds are those
  /// of every tile's first.
  StageWeightsList firstWeights;
  /// The staging area that is written or read, counted from 0.
  int64_t stagingArea = 0;
  /// The first op of the current tile's main loop.
  mlir::Operation *mainLoopStart = nullptr;
};

/// Builds the kernel of `op` as a function `name` at the builder's insertion
/// point, inside a gpu.module.
mlir::gpu::GPUFuncOp buildWgmmaKernel(mlir::OpBuilder &builder, SpmmOp op,
                                      llvm::StringRef name,
                                      const SpmmProblem &problem,
                                      const WgmmaSchedule &schedule);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_WGMMAKERNEL_H
