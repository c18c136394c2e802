// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the kernel of one vnm.spmm computes (the problem),
// the choices made for an mma_sp kernel (the schedule), and how a kernel of any
// family is launched.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H

#include "vnm/Dialect/VNM/IR/VNMOps.h"

namespace vnm {

/// Static facts of one vnm.spmm, in the terms of its description.
struct SpmmProblem {
  explicit SpmmProblem(SpmmOp op);

  int64_t numRows;   ///< R
  int64_t numCols;   ///< K
  int64_t numGroups; ///< G
  int64_t panelRows; ///< V
  /// T, or ShapedType::kDynamic.
  int64_t numTokens;
  /// Product of the batch dimensions, or ShapedType::kDynamic.
  int64_t numBatches;
  mlir::Type element;       ///< f16 or bf16
  mlir::Type resultElement; ///< element type of the destination
  bool xTokenMajor;
  bool yTokenMajor;
  bool wideIds; ///< Column ids of 32 bits.
  bool permutedRows;
  bool accumulate;

  /// Column ids per panel.
  int64_t numSlots() const { return 4 * numGroups; }
  /// Metadata words per row.
  int64_t numWords() const { return (numGroups + 3) / 4; }
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
};

/// Choices for an mma_sp kernel. A CTA computes rowTile x tokenTile elements of
/// one batch entry, in steps of kStageSlots gathered channels; its warps form a
/// warpRows x warpTokens grid over the tile.
struct SpmmSchedule {
  explicit SpmmSchedule(const SpmmProblem &problem);

  /// Gathered channels per step: two mma.sp steps, which share one metadata
  /// register, of 32.
  static constexpr int64_t kStageSlots = 64;
  static constexpr int64_t kStageGroups = kStageSlots / 4;
  /// Shared memory buffers of gathered channels.
  static constexpr int64_t kStages = 2;
  /// Elements that pad a row of gathered channels: 16 bytes, so that the 8
  /// rows an ldmatrix phase reads lie in different banks.
  static constexpr int64_t kRowPadding = 8;
  static constexpr int64_t kWarpSize = 32;

  int64_t rowTile;
  int64_t tokenTile;
  int64_t warpRows;
  int64_t warpTokens;

  int64_t numThreads() const { return warpRows * warpTokens * kWarpSize; }
  /// m16 and n8 tiles per warp.
  int64_t rowTilesPerWarp() const { return rowTile / warpRows / 16; }
  int64_t tokenTilesPerWarp() const { return tokenTile / warpTokens / 8; }

  LaunchShape getLaunchShape() const {
    return {rowTile, tokenTile, numThreads()};
  }
};

/// Whether a kernel can compute `op`; if not, an error at the op says what it
/// requires. The family mma_sp can compute what passes.
mlir::LogicalResult checkSupported(SpmmOp op);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H
