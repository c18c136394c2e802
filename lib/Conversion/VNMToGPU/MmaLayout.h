// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares where the mma_sp kernel puts things in shared memory.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H
#define VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H

#include <cstdint>

namespace vnm::mma {

/// A stage is 16 groups of 4 gathered channels: two k32 steps of the
/// instruction, which share one metadata register.
constexpr int64_t kStageGroups = 16;
constexpr int64_t kStageSlots = 4 * kStageGroups;

/// What an asynchronous copy moves, and a row of an 8x8 matrix of ldmatrix.
constexpr int64_t kPieceBytes = 16;
/// Its elements of 16 bits.
constexpr int64_t kElementBytes = 2;
constexpr int64_t kPieceElements = kPieceBytes / kElementBytes;
/// Elements that are moved through registers together.
constexpr int64_t kPairElements = 2, kPairBytes = 4;

/// What the pieces' numbers of row `row` of an array in shared memory are
/// XORed with, if a row has `pieces` pieces, a power of two. Shared memory has
/// 32 banks of 4 bytes, 8 pieces wide; with this the same piece of 8 rows in
/// a row, which ldmatrix reads at a time, lies in 8 different places of them.
constexpr int64_t getSwizzle(int64_t row, int64_t pieces) {
  return pieces >= 8 ? row % 8 : row / (8 / pieces) % pieces;
}

/// Byte of piece `piece` of row `row`.
constexpr int64_t getPieceOffset(int64_t row, int64_t piece, int64_t pieces) {
  return row * pieces * kPieceBytes +
         ((piece ^ getSwizzle(row, pieces)) * kPieceBytes);
}

/// Bytes and pieces of a weight row's values of a stage: two values of 16 bits
/// per group.
constexpr int64_t kValueBytes = 4 * kStageGroups;
constexpr int64_t kValuePieces = kValueBytes / kPieceBytes;
/// Metadata words of 16 bits of a weight row and stage; each has four groups.
constexpr int64_t kStageWords = kStageGroups / 4;
constexpr int64_t kWordBytes = 2;
/// Metadata is copied for a few stages at a time: a sector of 32 bytes per row.
constexpr int64_t kMetadataStages = 4;
constexpr int64_t kMetadataBytes = kMetadataStages * kStageWords * kWordBytes;
constexpr int64_t kMetadataPieces = kMetadataBytes / kPieceBytes;

/// Floats that pad a line of staged sums. Lines of tokens are written in pairs
/// (rows g, tokens 2q and 2q + 1 by lane 4g + q), lines of rows one by one; the
/// lanes that write at a time then meet every bank once.
constexpr int64_t kTokenLinePadding = 8;
constexpr int64_t kRowLinePadding = 4;

} // namespace vnm::mma

#endif // VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H
