// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares where the wgmma_sp kernel puts things so that the
// canonical storage can be read as it is: the order of groups within a stage,
// and places in shared memory.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_WGMMALAYOUT_H
#define VNM_LIB_CONVERSION_VNMTOGPU_WGMMALAYOUT_H

#include <cstdint>

namespace vnm::wgmma {

/// A stage is 16 groups of 4 gathered channels: two k32 steps of the
/// instruction.
constexpr int64_t kStageGroups = 16;
constexpr int64_t kStageSlots = 4 * kStageGroups;

/// The instruction's group that stored group `group` of a stage becomes; both
/// count from 0 to 15.
///
/// The order of groups is free as long as values, metadata and gathered
/// channels agree. In the instruction's order, lane q of a quad holds values of
/// groups 8s + 4h + q (registers a0, a1 for h = 0 and a2, a3 for h = 1 of k32
/// step s; PTX ISA 9.7.15.6.1, "Register Fragments for sparse wgmma"). Giving
/// it stored groups 4q + 2s + h makes its four registers of a row 16
/// consecutive bytes. Metadata of k32 step s and columns 16h to 16h + 15 comes
/// from lane q = 2s + h: groups 8s + 4h + j, stored groups 4j + q, so nibble q
/// of the row's word j, for j = 0 to 3.
constexpr int64_t getInstructionGroup(int64_t group) {
  int64_t lane = group / 4, step = group / 2 % 2, half = group % 2;
  return 8 * step + 4 * half + lane;
}

/// Bytes of a gathered channel in one chunk: 64 tokens of 16 bits, the width of
/// the 128-byte swizzle.
constexpr int64_t kChunkBytes = 128;
constexpr int64_t kChunkTokens = 64;
/// Bytes from a chunk of 64 tokens to the next: all channels of a stage.
constexpr int64_t kChunkStride = kStageSlots * kChunkBytes;
/// Bytes that a descriptor's start advances by from one k32 step to the next.
constexpr int64_t kStepStride = 32 * kChunkBytes;

/// Byte in a stage of the 16-byte piece `piece` (8 tokens) of chunk 0 and
/// instruction slot `slot`: MN-major with the 128-byte swizzle, which permutes
/// the pieces of a row by the row's number modulo 8 (PTX ISA 9.7.15.5.1,
/// "Shared memory matrix layout"). A stage begins at a multiple of 1024 bytes.
constexpr int64_t getPieceOffset(int64_t slot, int64_t piece) {
  return slot * kChunkBytes + ((piece ^ (slot % 8)) << 4);
}

/// The matrix descriptor of a stage at address 0 (PTX ISA 9.7.15.5.1.2):
/// leading dimension offset from chunk to chunk, stride offset from 8 channels
/// to the next 8, 128-byte swizzle. The start address divided by 16 is added to
/// it.
constexpr uint64_t kDescriptorBase = uint64_t(kChunkStride >> 4) << 16 |
                                     uint64_t((8 * kChunkBytes) >> 4) << 32 |
                                     uint64_t(1) << 62;

} // namespace vnm::wgmma

#endif // VNM_LIB_CONVERSION_VNMTOGPU_WGMMALAYOUT_H
