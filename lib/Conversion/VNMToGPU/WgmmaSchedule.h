// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choices made for a wgmma_sp kernel, and what a chip
// must offer for them.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_WGMMASCHEDULE_H
#define VNM_LIB_CONVERSION_VNMTOGPU_WGMMASCHEDULE_H

#include "Schedule.h"
#include "WgmmaLayout.h"

#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include <string>

namespace vnm {

/// Choices for a wgmma_sp kernel. A persistent CTA has two warpgroups that
/// multiply and one whose warps gather, but for the last, which fences. They
/// work through one or two rings of stages in shared memory: one ring feeds
/// both multiplying warpgroups, which then share a tile of 128 rows; of two
/// rings each feeds one warpgroup, with a tile of 64 rows. Where tiles are too
/// few for the SMs, both work on one tile of 64 rows, each on one half of the
/// gathered channels, and add up their sums in shared memory.
///
/// Where a panel's columns are all of them in order, nothing is gathered: one
/// thread per ring has tensor copies bring boxes of x. Panels then share what
/// is copied, so V is irrelevant and there is one ring. Two CTAs of a cluster
/// can take neighbouring row tiles, whose boxes are the same: each copies half
/// of them to both.
///
/// Tiles that do not fill a last wave can be cut into narrower ones, which more
/// CTAs work on.
struct WgmmaSchedule {
  /// For `problem` on a chip of these limits, with tiles of `tokens` tokens; 0
  /// chooses them. `cluster`: CTAs that share what they copy, 0 for one.
  WgmmaSchedule(const SpmmProblem &problem, const ChipLimits &limits,
                int64_t tokens, int64_t cluster = 0);

  static constexpr int64_t kWarpSize = 32;
  static constexpr int64_t kWarpgroupSize = 128;
  static constexpr int64_t kConsumerThreads = 2 * kWarpgroupSize;
  static constexpr int64_t kThreads = 3 * kWarpgroupSize;
  static constexpr int64_t kGatherWarps = 3;
  /// A warp gathers a stage in units of 4 groups.
  static constexpr int64_t kUnitsPerStage = 4;
  /// Rows of a tile that a warpgroup multiplies.
  static constexpr int64_t kWarpgroupRows = 64;
  /// A warp stages results while it reads those that it staged before.
  static constexpr int64_t kStagingAreas = 2;

  bool copies;       ///< Tensor copies instead of a gather.
  int64_t cluster;   ///< CTAs that share what they copy: 1 or 2.
  int64_t rings;     ///< 1 or 2.
  int64_t tokenTile; ///< 64, 128, 192 or 256 tokens of a tile.
  /// Tokens of the last wave's tiles: `tokenTile`, or less, which it is a
  /// multiple of.
  int64_t tailTile;
  int64_t stages;   ///< Per ring.
  bool splitsDepth; ///< Two rings share a tile.
  /// Whether every stage's weights are loaded by themselves, as soon as those
  /// of the stage a group before have been copied; else by groups.
  bool rollsWeights;
  /// Stages whose weights are loaded at a time, or are being loaded: 2 or 4.
  int64_t weightGroup;
  /// Registers of a stage's weights.
  int64_t weightRegisters;
  int64_t resultBytes; ///< Of one result: 2 or 4.
  bool yTokenMajor;    ///< Results are stored token by token.
  /// Tokens of a tile whose results a warp stages at a time.
  int64_t stagingTokens;
  /// Units for which a gathering warp loads column ids at a time.
  int64_t unitsAhead;
  /// Registers per thread that each role asks for (setmaxnreg).
  int64_t consumerRegisters = 224;
  int64_t producerRegisters = 56;
  int64_t numSMs; ///< CTAs of a full grid.

  /// Rows of a tile.
  int64_t rowTile() const { return 128 / rings; }
  /// Tiles that a CTA works on at a time.
  int64_t tilesPerBlock() const { return splitsDepth ? 1 : rings; }
  int64_t consumersPerRing() const { return kConsumerThreads / rings; }
  int64_t chunks() const { return tokenTile / wgmma::kChunkTokens; }
  int64_t stageBytes() const { return chunks() * wgmma::kChunkStride; }
  /// f32 sums per thread.
  int64_t numSums() const { return tokenTile / 2; }
  /// Whether the last wave's tiles are cut, and in how many.
  bool cutsTail() const { return tailTile < tokenTile; }
  int64_t tailCuts() const { return tokenTile / tailTile; }

  /// Where the staging areas and the barriers begin in shared memory, behind
  /// the rings, and where all ends.
  int64_t stagingOffset() const { return rings * stages * stageBytes(); }
  int64_t exchangeOffset() const { return stagingOffset() + stagingBytes(); }
  int64_t barrierOffset() const { return exchangeOffset() + exchangeBytes(); }
  /// One warpgroup's sums, where the other adds them to its own.
  int64_t exchangeBytes() const {
    return splitsDepth ? kWarpgroupSize * numSums() * 4 : 0;
  }
  /// Lines of a warpgroup's staging area: its rows, or tokens if results are
  /// stored token by token.
  int64_t stagingLines() const {
    return yTokenMajor ? stagingTokens : kWarpgroupRows;
  }
  int64_t stagingLineBytes() const {
    return resultBytes * (yTokenMajor ? kWarpgroupRows : stagingTokens);
  }
  /// One area of both warpgroups, and all areas.
  int64_t stagingAreaBytes() const {
    return kConsumerThreads / kWarpgroupSize * stagingLines() *
           stagingLineBytes();
  }
  int64_t stagingBytes() const { return kStagingAreas * stagingAreaBytes(); }
  /// Three mbarriers per stage: full, ready and empty.
  int64_t sharedBytes() const {
    return barrierOffset() + 3 * 8 * rings * stages;
  }

  LaunchShape getLaunchShape(const SpmmProblem &problem) const;

  /// Stages of a tile in each of its rings.
  int64_t stagesPerTile(const SpmmProblem &problem) const;
  /// Tiles of one batch entry, uncut; T must be static.
  int64_t numTiles(const SpmmProblem &problem) const;
  /// Tiles that all CTAs work on at a time; whole waves of them, and the tiles
  /// left over.
  int64_t tilesPerWave() const { return numSMs * tilesPerBlock(); }
  int64_t numWaves(const SpmmProblem &problem) const;
  int64_t numTailTiles(const SpmmProblem &problem) const;

  /// Whether a cluster of two CTAs can share what they copy.
  bool canShareCopies(const SpmmProblem &problem) const;

private:
  int64_t chooseTokenTile(const SpmmProblem &problem);
  int64_t chooseTailTile(const SpmmProblem &problem);
  int64_t getTailCost(const SpmmProblem &problem, int64_t tokens) const;
  bool canSplitDepth(const SpmmProblem &problem) const;
};

/// Why the family cannot compute `problem` on `chip` in tiles of `tokens`
/// tokens (0: any) and clusters of `cluster` CTAs (0: any), as "requires X, but
/// Y"; empty if it can. `checkSupported` has accepted the op.
std::string explainWgmmaRefusal(const SpmmProblem &problem,
                                const ChipInfo &chip, int64_t tokens,
                                int64_t cluster);

/// Why a chip of these limits cannot run the schedule; empty if it can.
std::string explainScheduleRefusal(const WgmmaSchedule &schedule,
                                   const ChipLimits &limits);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_WGMMASCHEDULE_H
