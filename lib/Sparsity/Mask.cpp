// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements structures and their masks.

#include "Detail.h"
#include "vnm/Sparsity/Storage.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

llvm::StringRef vnm::sparsity::toString(Form form) {
  return form == Form::Strict ? "strict" : "free";
}

llvm::Expected<Form> vnm::sparsity::parseForm(llvm::StringRef text) {
  for (Form form : {Form::Strict, Form::Free})
    if (text == toString(form))
      return form;
  return makeError("requires a form of strict or free, but found '" + text +
                   "'");
}

std::vector<uint8_t> vnm::sparsity::maskOf(const Structure &structure) {
  std::vector<uint8_t> mask(structure.numRows * structure.numCols, 0);
  int64_t numGroups = structure.numGroups();
  for (int64_t row = 0; row < structure.numRows; ++row) {
    uint8_t *maskRow =
        mask.data() + int64_t(structure.outputRow(row)) * structure.numCols;
    for (int64_t group = 0; group < numGroups; ++group)
      for (unsigned which = 0; which < kValuesPerGroup; ++which)
        if (int32_t column = structure.column(row, group, which);
            column != structure.numCols)
          maskRow[column] = 1;
  }
  return mask;
}

namespace {
/// The block of one panel and one group, and the mask it is read from.
struct Block {
  llvm::ArrayRef<uint8_t> mask;
  int64_t panel, group;
  int64_t rowBegin, rowEnd, colBegin, colEnd, numCols;

  bool keeps(int64_t row, int64_t col) const {
    return mask[row * numCols + col] != 0;
  }
};
} // namespace

/// Fills `ids` with the columns `block` keeps, completed by its first other
/// columns and, at the right, by the sentinel.
static llvm::Error findColumns(const Block &block, int32_t *ids) {
  std::vector<char> used(block.colEnd - block.colBegin, 0);
  for (int64_t row = block.rowBegin; row < block.rowEnd; ++row)
    for (int64_t col = block.colBegin; col < block.colEnd; ++col)
      used[col - block.colBegin] |= char(block.keeps(row, col));
  int64_t numUsed = std::count(used.begin(), used.end(), 1);
  if (numUsed > kColumnsPerGroup)
    return makeError("requires at most 4 kept columns per block, but the block "
                     "of panel " +
                     Twine(block.panel) + " and group " + Twine(block.group) +
                     " keeps " + Twine(numUsed));
  int64_t width = block.colEnd - block.colBegin;
  int64_t missing = std::min(kColumnsPerGroup, width) - numUsed;
  for (int64_t col = 0; col < width && missing > 0; ++col)
    if (!used[col]) {
      used[col] = 1;
      --missing;
    }
  std::fill(ids, ids + kColumnsPerGroup, int32_t(block.numCols));
  for (int64_t col = 0; col < width; ++col)
    if (used[col])
      *ids++ = int32_t(block.colBegin + col);
  return llvm::Error::success();
}

/// The nibble of a row of `block` whose columns are `ids`: what it keeps,
/// completed to two by the lowest other positions.
static llvm::Expected<unsigned> findNibble(const Block &block, int64_t row,
                                           const int32_t *ids) {
  llvm::SmallVector<unsigned, 4> kept, others;
  for (unsigned position = 0; position < kColumnsPerGroup; ++position) {
    bool keeps =
        ids[position] != block.numCols && block.keeps(row, ids[position]);
    (keeps ? kept : others).push_back(position);
  }
  if (kept.size() > kValuesPerGroup)
    return makeError("requires at most 2 kept elements of a row per group, but "
                     "row " +
                     Twine(row) + " keeps " + Twine(kept.size()) +
                     " in group " + Twine(block.group));
  for (unsigned position : others)
    if (kept.size() < kValuesPerGroup)
      kept.push_back(position);
  llvm::sort(kept);
  return kept[0] | kept[1] << 2;
}

static llvm::Error fillBlock(const Block &block, Structure &structure) {
  int64_t numGroups = structure.numGroups();
  int32_t *ids = structure.columns.data() +
                 (block.panel * numGroups + block.group) * kColumnsPerGroup;
  if (llvm::Error error = findColumns(block, ids))
    return error;
  int64_t numWords = structure.pattern.numMetadataWords(structure.numCols);
  unsigned shift = 4 * (block.group % kGroupsPerMetadataWord);
  for (int64_t row = block.rowBegin; row < block.rowEnd; ++row) {
    llvm::Expected<unsigned> nibble = findNibble(block, row, ids);
    if (!nibble)
      return nibble.takeError();
    uint16_t &word =
        structure
            .metadata[row * numWords + block.group / kGroupsPerMetadataWord];
    word = uint16_t((word & ~(0xF << shift)) | *nibble << shift);
  }
  return llvm::Error::success();
}

llvm::Expected<Structure>
vnm::sparsity::structureFromMask(llvm::ArrayRef<uint8_t> mask, int64_t rows,
                                 int64_t cols, const Pattern &pattern) {
  if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
    return std::move(error);
  if (llvm::Error error = detail::checkShape(rows, cols))
    return std::move(error);
  if (int64_t(mask.size()) != rows * cols)
    return makeError("requires a mask of R x K = " + Twine(rows * cols) +
                     " elements, but it has " + Twine(mask.size()));
  Structure structure;
  structure.pattern = pattern;
  structure.numRows = rows;
  structure.numCols = cols;
  structure.columns.resize(structure.numPanels() *
                           pattern.numColumnSlots(cols));
  structure.metadata.assign(rows * pattern.numMetadataWords(cols),
                            kUnusedNibble * 0x1111);
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    for (int64_t group = 0; group < structure.numGroups(); ++group) {
      Block block{mask,
                  panel,
                  group,
                  panel * pattern.v,
                  std::min(rows, (panel + 1) * pattern.v),
                  group * pattern.m,
                  std::min(cols, (group + 1) * pattern.m),
                  cols};
      if (llvm::Error error = fillBlock(block, structure))
        return std::move(error);
    }
  return structure;
}
