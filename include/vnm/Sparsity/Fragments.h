// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the layout of packed weights in the order of a sparse
// tensor core's registers, and its derivation from the canonical storage.

#ifndef VNM_SPARSITY_FRAGMENTS_H
#define VNM_SPARSITY_FRAGMENTS_H

#include "vnm/Sparsity/Storage.h"

namespace vnm::sparsity {

/// Rows of a block: the instruction's m16.
inline constexpr int64_t kBlockRows = 16;
/// Groups of a stage: two of the instruction's k32 steps, which share a
/// metadata register.
inline constexpr int64_t kStageGroups = 16;
inline constexpr int64_t kStepsPerStage = 2;
/// Lanes of a warp, and a lane's values of a block and step: four registers.
inline constexpr int64_t kLanes = 32;
inline constexpr int64_t kLaneValues = 8;
/// Bytes of a block's values in a step and in a stage, and of its metadata in a
/// stage.
inline constexpr int64_t kStepValueBytes = 2 * kLanes * kLaneValues;
inline constexpr int64_t kStageValueBytes = kStepsPerStage * kStepValueBytes;
inline constexpr int64_t kStageMetadataBytes = 4 * kLanes;

/// Extents of the fragments of an R x K weight. V is a multiple of 16, so a
/// block lies in one panel.
struct FragmentShape {
  FragmentShape(const Pattern &pattern, int64_t rows, int64_t cols)
      : numBlocks(ceilDiv(rows, kBlockRows)),
        numStages(ceilDiv(pattern.numGroups(cols), kStageGroups)) {}

  int64_t numBlocks; ///< ceil(R / 16)
  int64_t numStages; ///< ceil(G / 16)

  /// Column slots of a panel.
  int64_t numSlots() const {
    return kColumnsPerGroup * kStageGroups * numStages;
  }
  /// Values of the weight.
  int64_t numValues() const {
    return numBlocks * numStages * kStepsPerStage * kLanes * kLaneValues;
  }
};

/// A packed weight of 16-bit elements in the order of the registers of
/// mma.sp.m16n8k32 and of wgmma.sp with A in registers (PTX ISA 9.7.14.6.2,
/// "Matrix Fragments for sparse mma.m16n8k32", and 9.7.15.6.1). With lane l,
/// g = l / 4 and q = l % 4, in block b, stage s and step h:
///
/// * `values[b][s][h][l][2 i + j]`: value j of register a_i, which is of row
///   16 b + g + 8 (i % 2) and group 16 s + 8 h + q + 4 (i / 2).
/// * `metadata[b][s][l]`: the words of groups 16 s + 4 q to 16 s + 4 q + 3, of
///   row 16 b + g in the low half and of row 16 b + g + 8 in the high half.
/// * `columns[p][4 g' + i]`: as in the canonical storage.
///
/// Groups and rows that rounding adds have values +0, nibbles 4 and no columns
/// (id K). A warp reads 1024 bytes of values and 128 of metadata that follow
/// one another per block and stage.
struct Fragments {
  std::vector<char> values;       ///< B x S x 2 x 32 x 8
  std::vector<uint32_t> metadata; ///< B x S x 32
  std::vector<int32_t> columns;   ///< P x 64 S
};

/// The fragments of `storage`, which must hold elements of 16 bits. Errors: a
/// storage that breaks a rule of docs/storage-format.md, elements of another
/// width. `threads`: 0 for all cores.
llvm::Expected<Fragments> packFragments(const Storage &storage,
                                        unsigned threads = 0);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_FRAGMENTS_H
