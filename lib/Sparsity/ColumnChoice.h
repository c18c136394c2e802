// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choice of the 4 columns that a block keeps.

#ifndef VNM_LIB_SPARSITY_COLUMNCHOICE_H
#define VNM_LIB_SPARSITY_COLUMNCHOICE_H

#include "Vector.h"
#include "vnm/Sparsity/Prune.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity::detail {

/// The scores of one block of a weight, column by column: the rows of column c
/// are the blocks [c * blocksPerColumn, (c + 1) * blocksPerColumn), filled up
/// with rows of zeros, which change no sum.
struct BlockScores {
  const LaneBlock *columns;
  int64_t numColumns;
  int64_t blocksPerColumn;

  const LaneBlock *column(int64_t index) const {
    return columns + index * blocksPerColumn;
  }
};

/// Chooses columns block after block; holds the scratch memory for it.
class ColumnChooser {
public:
  /// The processor must have `level`.
  explicit ColumnChooser(VectorLevel level = bestVectorLevel())
      : level(level) {}

  /// Sets ids[0..3] to the ascending columns to keep of a block of more than 4.
  void choose(const BlockScores &scores, ColumnChoice choice, int32_t *ids);

private:
  VectorLevel level;
  /// Two scores of every row, such as the two largest of three columns.
  std::vector<LaneBlock> scratch;
  /// What each three columns would keep, indexed [a][b][c], a < b < c.
  std::vector<float> triples;
};

/// Sets nibbles[row] to the metadata nibble of each of 16 * numBlocks rows:
/// the two largest of the four columns, ties to the lower position.
void findNibbles(const LaneBlock *const columns[4], int64_t numBlocks,
                 uint16_t *nibbles, VectorLevel level = bestVectorLevel());

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_COLUMNCHOICE_H
