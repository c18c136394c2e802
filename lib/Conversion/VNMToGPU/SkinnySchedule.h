// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choices made for a skinny kernel, where they put
// things in shared memory, and which products the family can compute.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SKINNYSCHEDULE_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SKINNYSCHEDULE_H

#include "Schedule.h"

#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include "llvm/Support/MathExtras.h"
#include <string>

namespace vnm {

/// A stage is 16 groups of 4 gathered channels: two k32 steps of the
/// instruction, which share a metadata register.
constexpr int64_t kStageGroups = 16;
constexpr int64_t kStageSlots = 4 * kStageGroups;

/// How a row's bytes of one step are copied to shared memory, in aligned
/// pieces. If rows are not multiples of a piece, the pieces are those of 16
/// bytes that the bytes lie in, and the bytes begin within the first.
struct RowPieces {
  int64_t pieceBytes; ///< 8 or 16.
  int64_t numPieces;  ///< Per row and step.
  bool shifted;       ///< Whether rows begin within pieces.
  int64_t pitch;      ///< Bytes from a row to the next in shared memory.

  /// For `stepBytes` of rows of `rowBytes`, both multiples of `granule`.
  RowPieces(int64_t rowBytes, int64_t stepBytes, int64_t granule);
};

/// Choices for a skinny kernel. A CTA computes `rowTile` rows of one batch
/// entry with all tokens. Its warps take the steps of the K dimension in turn;
/// a step is `stagesPerStep` stages of 64 gathered channels. Every warp brings
/// its own steps' weights, ids and activations through rings of its own in
/// shared memory; at the end the warps' sums are added up.
struct SkinnySchedule {
  /// For `problem` on `chip`, with tiles of `rows` rows and `warps` warps; 0
  /// chooses them.
  SkinnySchedule(const SpmmProblem &problem, const ChipInfo &chip,
                 int64_t rows = 0, int64_t warps = 0);

  static constexpr int64_t kWarpSize = 32;
  static constexpr int64_t kMaxTokens = 64;
  static constexpr int64_t kMaxWarps = 16;

  int64_t rowTile;       ///< 16, 32, 64 or 128.
  int64_t numWarps;      ///< A power of two.
  int64_t stagesPerStep; ///< 1, 2 or 4.
  /// Steps of a warp whose weights, and whose activations, are on their way.
  int64_t weightsAhead;
  int64_t activationsAhead;
  /// Whether all metadata of the tile is brought to shared memory at the start,
  /// rather than step by step: in long runs, but it must fit.
  bool residentMetadata;
  /// Whether all of x, rather than what is gathered of it, is brought to shared
  /// memory.
  bool residentX;
  /// Whether the only token's channels are gathered by pairs of neighbours, the
  /// least that a copy can have; half of each is not used.
  bool gathersPairs;
  /// Whether the kernel may start before the kernel before it has ended
  /// (griddepcontrol).
  bool dependentLaunch;

  // Facts of the problem.
  int64_t numRows, numCols, numGroups, numTokens, idBytes;
  bool xTokenMajor;
  bool fragments;

  static constexpr int64_t kMaxRows = 128;

  int64_t numWords() const { return llvm::divideCeil(numGroups, 4); }
  int64_t numThreads() const { return numWarps * kWarpSize; }
  int64_t stepGroups() const { return kStageGroups * stagesPerStep; }
  int64_t stepSlots() const { return kStageSlots * stagesPerStep; }
  int64_t numSteps() const { return llvm::divideCeil(numGroups, stepGroups()); }
  /// Steps of the warps that have the most.
  int64_t stepsPerWarp() const {
    return llvm::divideCeil(numSteps(), numWarps);
  }
  /// f32 sums per thread; more leave too few registers.
  static constexpr int64_t kMaxSums = 128;
  int64_t numSums() const { return 4 * rowTiles() * tokenTiles(); }
  int64_t tokenTiles() const { return llvm::divideCeil(numTokens, 8); }
  int64_t rowTiles() const { return rowTile / 16; }

  //===--------------------------------------------------------------------===//
  // Shared memory of a warp
  //===--------------------------------------------------------------------===//

  /// Shifted rows are an odd number of 16 bytes apart, which spreads them over
  /// the banks; of others, the pieces are permuted, see emitValuePlace.
  RowPieces valuePieces() const {
    return RowPieces(4 * numGroups, 4 * stepGroups(), /*granule=*/4);
  }
  RowPieces metadataPieces() const {
    return RowPieces(2 * numWords(), stepGroups() / 2, /*granule=*/2);
  }

  int64_t weightSlots() const {
    return std::min(weightsAhead + 1, stepsPerWarp());
  }
  int64_t metadataOffset() const { return rowTile * valuePieces().pitch; }
  int64_t weightBytes() const {
    return metadataOffset() +
           (residentMetadata ? 0 : rowTile * metadataPieces().pitch);
  }

  /// Ids come with the weights if x is resident, else so early that they are
  /// there when their activations are to be copied.
  int64_t idsAhead() const {
    return residentX ? weightsAhead : 2 * activationsAhead;
  }
  /// Which half of a pair is the channel's, ids say when it is multiplied.
  int64_t idSlots() const {
    int64_t slots = residentX ? weightsAhead + 1 : idsAhead() + gathersPairs;
    return std::min(slots, stepsPerWarp());
  }
  int64_t idsBytes() const { return stepSlots() * idBytes; }

  /// Bytes of a channel: whole 16-byte pieces of 8 tokens; 6 take the place of
  /// 7, which spread over the banks.
  int64_t channelBytes() const {
    if (gathersPairs)
      return 4;
    return 16 * (tokenTiles() == 6 ? 7 : tokenTiles());
  }
  /// One token is gathered into fragments by the warp, of resident x or of
  /// pairs, see emitGatherToken.
  bool gathersToken() const {
    return gathersPairs || (residentX && numTokens == 1);
  }
  int64_t tokenBytes() const { return gathersToken() ? 2 * stepSlots() : 0; }
  int64_t activationSlots() const {
    return residentX ? 0 : std::min(activationsAhead + 1, stepsPerWarp());
  }
  int64_t activationBytes() const { return stepSlots() * channelBytes(); }

  int64_t idsOffset() const { return weightSlots() * weightBytes(); }
  int64_t activationsOffset() const {
    return idsOffset() + idSlots() * idsBytes();
  }

  /// f32 sums of a row; odd multiples of 8 spread over the banks.
  int64_t sumsPitch() const { return 8 * (tokenTiles() | 1); }
  /// The warp's rings, and later its sums.
  int64_t warpBytes() const {
    return std::max(activationsOffset() + tokenBytes() +
                        activationSlots() * activationBytes(),
                    4 * rowTile * sumsPitch());
  }

  //===--------------------------------------------------------------------===//
  // Shared memory of a CTA: resident x and metadata, then the warps
  //===--------------------------------------------------------------------===//

  /// Elements from a token, or a channel, of resident x to the next. Channel K
  /// is zero, for ids that are not a channel.
  int64_t tokenStride() const {
    return xTokenMajor ? llvm::alignTo(numCols + 1, 8) : 1;
  }
  int64_t channelStride() const { return xTokenMajor ? 1 : numTokens; }
  int64_t residentXBytes() const {
    if (!residentX)
      return 0;
    int64_t elements =
        xTokenMajor ? numTokens * tokenStride() : (numCols + 1) * numTokens;
    return llvm::alignTo(2 * elements, 16);
  }

  /// Bytes from a row of resident metadata to the next. Where that is a
  /// multiple of 16 in memory, rows are set apart to spread over the banks;
  /// else they follow one another as in memory.
  bool spreadsMetadata() const { return numWords() % 8 == 0; }
  int64_t metadataPitch() const {
    return 2 * numWords() + (spreadsMetadata() ? 16 : 0);
  }
  int64_t residentMetadataBytes() const {
    return residentMetadata ? rowTile * metadataPitch() : 0;
  }
  int64_t residentBytes() const {
    return residentXBytes() + residentMetadataBytes();
  }

  int64_t sharedBytes() const {
    return residentBytes() + numWarps * warpBytes();
  }

  LaunchShape getLaunchShape() const {
    LaunchShape shape = {rowTile, numTokens, numThreads()};
    shape.dynamicSharedBytes = sharedBytes();
    shape.dependentLaunch = dependentLaunch;
    return shape;
  }

private:
  /// Whether tiles of 32 rows leave no SM with two.
  bool isOneWave(int64_t numSMs) const { return numRows <= 32 * numSMs; }
  /// Whether tiles of 128 rows are more than SMs.
  bool isManyWaves(int64_t numSMs) const { return numRows > 128 * numSMs; }
  void choosePairTile(bool oneWave, bool manyWaves);
  void chooseTile(int64_t panelRows, int64_t numSMs);
  /// `rows` and `warps` as for the constructor.
  void chooseDepth(int64_t bytes, int64_t rows, int64_t warps, int64_t numSMs);
};

/// Why the family cannot compute `problem` on `chip` in tiles of `rows` rows by
/// `warps` warps (0: any), as "requires X, but Y"; empty if it can.
/// `checkSupported` has accepted the op.
std::string explainSkinnyRefusal(const SpmmProblem &problem,
                                 const ChipInfo &chip, int64_t rows = 0,
                                 int64_t warps = 0);

/// Why a CTA with `sharedBytes` of shared memory cannot run the schedule; empty
/// if it can.
std::string explainScheduleRefusal(const SkinnySchedule &schedule,
                                   int64_t sharedBytes);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SKINNYSCHEDULE_H
