// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the kernel of one vnm.spmm computes (the problem),
// the choices made for an mma_sp kernel (the schedule), and how a kernel of any
// family is launched.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H

#include "MmaLayout.h"
#include "TensorMaps.h"

#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "llvm/Support/MathExtras.h"
#include <optional>
#include <string>

namespace vnm {

/// Static facts of one vnm.spmm, in the terms of its description.
struct SpmmProblem {
  explicit SpmmProblem(SpmmOp op);

  int64_t numRows; ///< R
  int64_t numCols; ///< K
  /// G, or, of a weight in fragments, 16 S: groups that rounding adds are like
  /// any other.
  int64_t numGroups;
  int64_t panelRows; ///< V
  /// T, or ShapedType::kDynamic.
  int64_t numTokens;
  /// Product of the batch dimensions, or ShapedType::kDynamic.
  int64_t numBatches;
  mlir::Type element;       ///< f16, bf16 or i8
  mlir::Type sumElement;    ///< f32, or i32 of i8
  mlir::Type resultElement; ///< element type of the destination
  bool xTokenMajor;
  bool yTokenMajor;
  bool wideIds; ///< Column ids of 32 bits.
  bool permutedRows;
  bool accumulate;
  bool fragments; ///< The weight's layout.
  /// Whether every panel's columns are 0 to K - 1, which M = 4 in strict form
  /// says if K is a multiple of 4.
  bool keepsAllColumns;
  /// M, and whether the columns of group g lie in [g M, (g + 1) M), which
  /// strict form says.
  int64_t blockColumns;
  bool columnsInBlocks;

  /// Column ids per panel.
  int64_t numSlots() const { return 4 * numGroups; }
  /// Metadata words per row.
  int64_t numWords() const { return (numGroups + 3) / 4; }
  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
};

/// What the host must know to launch a kernel.
struct LaunchShape {
  int64_t rowTile; ///< Rows and tokens of a tile.
  int64_t tokenTile;
  int64_t numThreads;
  /// CTAs at most, each of which takes tilesPerBlock tiles at a time; 0 for a
  /// CTA per tile.
  int64_t maxBlocks = 0;
  int64_t tilesPerBlock = 1;
  int64_t dynamicSharedBytes = 0;
  /// Whether the kernel waits, with griddepcontrol, for the one before it.
  bool dependentLaunch = false;
  /// The map of x, if the kernel takes one.
  std::optional<TensorMap> xMap = std::nullopt;
};

/// What a schedule may say of an mma_sp kernel; 0 leaves it open, and a window
/// out.
struct MmaFields {
  int64_t rows = 0;   ///< Of a tile.
  int64_t tokens = 0; ///< Of a tile.
  int64_t window = 0; ///< Panels of a tile, which share a window of x.
};

/// Choices for an mma_sp kernel. A CTA of four or eight warps computes rowTile
/// x tokenTile elements of one batch entry, in stages of 16 groups; its warps
/// form a warpRows x warpTokens grid over the tile.
struct SpmmSchedule {
  /// For `problem` on a chip of these limits, as `fields` say.
  SpmmSchedule(const SpmmProblem &problem, const ChipLimits &limits,
               const MmaFields &fields = {});

  static constexpr int64_t kWarpSize = 32;
  /// Warps that an SM runs at a time if the registers and the shared memory of
  /// all fit, in two CTAs or one: while one waits another multiplies.
  static constexpr int64_t kWarpsPerSM = 8;
  static constexpr int64_t kMinStages = 2, kMaxStages = 4;
  /// What the system takes of an SM's shared memory for a CTA.
  static constexpr int64_t kReservedSharedBytes = 1024;
  /// A grid that leaves more of the SMs idle takes smaller tiles.
  static constexpr int64_t kBusyPercent = 75;

  /// Panels that share a window of x, of which a warp picks its panel's rows;
  /// 0: a stage has one panel's gathered channels.
  int64_t window;
  int64_t rowTile;   ///< 16 to 256, a power of two; divides V or is window V.
  int64_t tokenTile; ///< 16 to 256, a power of two.
  int64_t warpRows = 1;   ///< Warps along the rows of a tile
  int64_t warpTokens = 1; ///< and along its tokens.
  int64_t numWarps = 4;   ///< Of a CTA, 4 or 8,
  int64_t blocksPerSM;    ///< as many of which as an SM is to run at a time.
  int64_t stages;         ///< Buffers in shared memory, at least 2.
  int64_t windowRows;     ///< Rows of x in a stage's window: 16 M.
  int64_t elementBytes;   ///< Of weight and activations: 2, or 1 of i8.
  /// Whether n8 tiles 2i and 2i + 1 are the even and the odd ones of 16 tokens
  /// (mma::getByteRow), not 8 neighbours each.
  bool interleavesTokens;
  /// Whether a window's rows are the slots of every panel, in order.
  bool sharesRows;

  int64_t numThreads() const { return numWarps * kWarpSize; }
  int64_t pieceElements() const { return mma::kPieceBytes / elementBytes; }
  int64_t registerElements() const {
    return mma::kRegisterBytes / elementBytes;
  }
  /// Steps of the instruction in a stage, k32 or k64.
  int64_t stepsPerStage() const { return elementBytes; }
  /// n8 tiles whose activations are loaded together, for one of the warp's
  /// panels.
  int64_t tilesPerLoad() const { return interleavesTokens ? 2 : 1; }
  int64_t loadsPerPanel() const { return tokenTilesPerWarp() / tilesPerLoad(); }
  int64_t loadsPerStep() const { return panelsPerWarp() * loadsPerPanel(); }
  /// Panels of a warp's tile that differ in their activations.
  int64_t panelsPerWarp() const {
    return sharesRows ? 1 : std::max<int64_t>(1, window / warpRows);
  }
  /// Rows and tokens of a warp's tile.
  int64_t rowsPerWarp() const { return rowTile / warpRows; }
  int64_t tokensPerWarp() const { return tokenTile / warpTokens; }
  /// m16 and n8 tiles per warp.
  int64_t rowTilesPerWarp() const { return rowsPerWarp() / 16; }
  int64_t tokenTilesPerWarp() const { return tokensPerWarp() / 8; }

  /// Rows that threads copy a piece of at a time, neighbours side by side.
  int64_t rowsAtOnce() const {
    return numThreads() * pieceElements() / tokenTile;
  }
  /// Rows of x in a stage: gathered channels, or a window, of whose last copies
  /// some may be unused.
  int64_t stageRows() const {
    return window ? llvm::alignTo(windowRows, rowsAtOnce()) : mma::kStageSlots;
  }
  /// A stage: rows of x, then values of the weight.
  int64_t lineBytes() const { return elementBytes * tokenTile; }
  int64_t channelBytes() const { return stageRows() * lineBytes(); }
  int64_t stageBytes() const { return channelBytes() + valueBytes() * rowTile; }
  /// Bytes and pieces of a row's values of a stage, two per group.
  int64_t valueBytes() const { return 2 * elementBytes * mma::kStageGroups; }
  int64_t valuePieces() const { return valueBytes() / mma::kPieceBytes; }
  /// Two buffers of metadata, behind the stages: while one is read, the other
  /// is filled.
  int64_t metadataOffset() const { return stages * stageBytes(); }
  int64_t metadataBytes() const { return mma::kMetadataBytes * rowTile; }
  /// A row of zeros, for slots without a row of the window.
  int64_t zeroOffset() const { return metadataOffset() + 2 * metadataBytes(); }
  int64_t pipelineBytes() const {
    return zeroOffset() + (window ? lineBytes() : 0);
  }
  /// Words that pad a line of staged sums.
  int64_t linePadding(bool tokenMajor) const;
  /// Bytes in which a warp stages sums.
  int64_t stagingBytes(bool tokenMajor) const;
  /// Shared memory of a CTA: the stages, later the sums.
  int64_t sharedBytes(bool yTokenMajor) const {
    return std::max(pipelineBytes(), numWarps * stagingBytes(yTokenMajor));
  }

  LaunchShape getLaunchShape(const SpmmProblem &problem) const {
    return {rowTile, tokenTile, numThreads(),
            0,       1,         sharedBytes(problem.yTokenMajor)};
  }
};

/// Why panels cannot share a window of activations, in the form of
/// explainMmaRefusal; empty if they can.
std::string explainWindowRefusal(const SpmmProblem &problem);

/// Why the family mma_sp cannot compute `problem` as `fields` say on a chip of
/// these limits, as "requires X, but Y"; empty if it can. `checkSupported` has
/// accepted the op.
std::string explainMmaRefusal(const SpmmProblem &problem,
                              const ChipLimits &limits,
                              const MmaFields &fields);

/// Whether a kernel can compute `op`; if not, an error at the op says what it
/// requires. The family mma_sp can compute what passes.
mlir::LogicalResult checkSupported(SpmmOp op);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H
