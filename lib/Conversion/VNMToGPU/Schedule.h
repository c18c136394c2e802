// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the mma_sp kernel of one vnm.spmm computes (the
// problem) and the choices made for it (the schedule).

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
  mlir::Type element;       ///< f16 or bf16
  mlir::Type resultElement; ///< element type of the destination
  bool xTokenMajor;
  bool yTokenMajor;
  bool permutedRows;
  bool accumulate;

  /// Column ids per panel.
  int64_t numSlots() const { return 4 * numGroups; }
  /// Metadata words per row.
  int64_t numWords() const { return (numGroups + 3) / 4; }
};

/// Choices for the kernel. A CTA computes rowTile x tokenTile elements of one
/// batch entry, in steps of kStageSlots gathered channels; its warps form a
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
};

/// Whether the kernel family can compute `op`; if not, an error at the op says
/// what it requires.
mlir::LogicalResult checkSupported(SpmmOp op);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULE_H
