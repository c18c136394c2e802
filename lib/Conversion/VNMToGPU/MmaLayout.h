// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares where the mma_sp kernel puts things in shared memory.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H
#define VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H

#include <cstdint>

namespace vnm::mma {

/// A stage is 16 groups of 4 gathered channels: of 16-bit elements two k32
/// steps of the instruction, which share one metadata register, of bytes one
/// k64 step.
constexpr int64_t kStageGroups = 16;
constexpr int64_t kStageSlots = 4 * kStageGroups;

/// What an asynchronous copy moves, and a row of an 8x8 matrix of ldmatrix.
constexpr int64_t kPieceBytes = 16;
/// What is moved through registers is put together to this.
constexpr int64_t kRegisterBytes = 4;
/// Elements of the destination that are stored together, at most.
constexpr int64_t kStoreElements = 8;

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

/// The row of shared memory that slot `slot` of feature-major bytes is in.
/// ldmatrix transposes units of 16 bits: of 8 rows a lane gets rows 2q and
/// 2q + 1, each at tokens 2g and 2g + 1. So rows 0 to 7 of 16 are slots 4q and
/// 4q + 1, rows 8 to 15 slots 4q + 2 and 4q + 3, and of both a lane puts
/// together slots 4q to 4q + 3 of either token. Bits only change places, so
/// that rows of neighbouring slots differ by constants.
constexpr int64_t getByteRow(int64_t slot) {
  return (slot & ~15) | (slot & 2) << 2 | (slot & 12) >> 1 | (slot & 1);
}

/// Metadata words of 16 bits of a weight row and stage; each has four groups.
constexpr int64_t kStageWords = kStageGroups / 4;
constexpr int64_t kWordBytes = 2;
/// Metadata is copied for a few stages at a time: a sector of 32 bytes per row.
constexpr int64_t kMetadataStages = 4;
constexpr int64_t kMetadataBytes = kMetadataStages * kStageWords * kWordBytes;
constexpr int64_t kMetadataPieces = kMetadataBytes / kPieceBytes;

/// Words that pad a line of staged sums. Lines of tokens are written in pairs
/// (rows g, tokens 2q and 2q + 1 by lane 4g + q), or of interleaved tokens in
/// fours, lines of rows one by one; the lanes that write at a time then meet
/// every bank once.
constexpr int64_t kTokenLinePadding = 8, kInterleavedLinePadding = 16;
constexpr int64_t kRowLinePadding = 4;

} // namespace vnm::mma

#endif // VNM_LIB_CONVERSION_VNMTOGPU_MMALAYOUT_H
