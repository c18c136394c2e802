// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements V:N:M pruning.

#include "vnm/Sparsity/Prune.h"
#include "ColumnChoice.h"
#include "Detail.h"
#include "vnm/Sparsity/Permute.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

using namespace vnm::sparsity;
using detail::ColumnChooser;
using detail::kLanes;
using detail::LaneBlock;
using detail::makeError;
using llvm::Twine;

llvm::StringRef vnm::sparsity::toString(ColumnChoice choice) {
  return choice == ColumnChoice::Exact ? "exact" : "l1";
}

llvm::Expected<ColumnChoice>
vnm::sparsity::parseColumnChoice(llvm::StringRef text) {
  for (ColumnChoice choice : {ColumnChoice::Exact, ColumnChoice::L1})
    if (text == toString(choice))
      return choice;
  return makeError("requires a column choice of exact or l1, but found '" +
                   text + "'");
}

//===----------------------------------------------------------------------===//
// One panel, some groups
//===----------------------------------------------------------------------===//

namespace {
/// Prunes consecutive groups of one panel. Everything it writes to belongs to
/// it alone: a chunk starts at a group that starts a metadata word.
class ChunkPruner {
public:
  ChunkPruner(llvm::ArrayRef<float> scores, const PruneOptions &options,
              Structure &structure)
      : scores(scores), options(options), structure(structure) {}

  /// Prunes groups [beginGroup, endGroup) of `panel`. Returns whether a score
  /// may be illegal; the result then means nothing.
  bool run(int64_t panel, int64_t beginGroup, int64_t endGroup);

private:
  /// Copies the chunk's scores column by column; returns as run() does.
  bool gather(int64_t beginCol, int64_t endCol);
  void pruneGroup(int64_t panel, int64_t group, int64_t beginCol);
  void storeWords(int64_t word);

  llvm::ArrayRef<float> scores;
  const PruneOptions &options;
  Structure &structure;

  ColumnChooser chooser;
  int64_t beginRow = 0, numRows = 0, numBlocks = 0;
  std::vector<LaneBlock> columns;
  /// Scores of a slot without a column: below every legal score.
  std::vector<LaneBlock> emptySlot;
  std::vector<uint16_t> nibbles, words;
};
} // namespace

bool ChunkPruner::gather(int64_t beginCol, int64_t endCol) {
  columns.assign((endCol - beginCol) * numBlocks, LaneBlock{});
  uint32_t suspicious = 0;
  for (int64_t block = 0; block < numBlocks; ++block) {
    int64_t rowsInBlock = std::min(kLanes, numRows - block * kLanes);
    const float *in =
        scores.data() + (beginRow + block * kLanes) * structure.numCols;
    // 16 x 16 tiles: every cache line read or written is used whole.
    for (int64_t tile = beginCol; tile < endCol; tile += kLanes) {
      int64_t tileEnd = std::min(endCol, tile + kLanes);
      for (int64_t col = tile; col < tileEnd; ++col) {
        float *out = columns[(col - beginCol) * numBlocks + block].lane;
        for (int64_t row = 0; row < rowsInBlock; ++row) {
          float score = in[row * structure.numCols + col];
          // Set sign or an exponent of ones: negative, infinite or NaN; or -0,
          // which the caller lets pass.
          suspicious |= llvm::bit_cast<uint32_t>(score) >= 0x7F800000;
          out[row] = score;
        }
      }
    }
  }
  return suspicious != 0;
}

void ChunkPruner::pruneGroup(int64_t panel, int64_t group, int64_t beginCol) {
  int64_t groupCol = group * structure.pattern.m;
  int64_t width = std::min(structure.pattern.m, structure.numCols - groupCol);
  const LaneBlock *block = columns.data() + (groupCol - beginCol) * numBlocks;
  int32_t ids[kColumnsPerGroup] = {0, 1, 2, 3};
  if (width > kColumnsPerGroup)
    chooser.choose({block, width, numBlocks}, options.columnChoice, ids);

  int32_t *out = structure.columns.data() +
                 (panel * structure.numGroups() + group) * kColumnsPerGroup;
  const LaneBlock *chosen[kColumnsPerGroup];
  for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
    bool exists = slot < width;
    out[slot] = int32_t(exists ? groupCol + ids[slot] : structure.numCols);
    chosen[slot] = exists ? block + ids[slot] * numBlocks : emptySlot.data();
  }
  detail::findNibbles(chosen, numBlocks, nibbles.data());
  unsigned shift = 4 * (group % kGroupsPerMetadataWord);
  for (int64_t row = 0; row < numRows; ++row)
    words[row] =
        uint16_t((words[row] & ~(0xF << shift)) | nibbles[row] << shift);
}

void ChunkPruner::storeWords(int64_t word) {
  int64_t numWords = structure.pattern.numMetadataWords(structure.numCols);
  for (int64_t row = 0; row < numRows; ++row)
    structure.metadata[(beginRow + row) * numWords + word] = words[row];
  std::fill(words.begin(), words.end(), uint16_t(kUnusedNibble * 0x1111));
}

bool ChunkPruner::run(int64_t panel, int64_t beginGroup, int64_t endGroup) {
  const Pattern &pattern = structure.pattern;
  beginRow = panel * pattern.v;
  numRows = std::min(pattern.v, structure.numRows - beginRow);
  numBlocks = ceilDiv(numRows, kLanes);
  LaneBlock empty;
  std::fill(std::begin(empty.lane), std::end(empty.lane), -1.0f);
  emptySlot.assign(numBlocks, empty);
  nibbles.assign(numBlocks * kLanes, 0);
  words.assign(numRows, uint16_t(kUnusedNibble * 0x1111));

  int64_t beginCol = beginGroup * pattern.m;
  int64_t endCol = std::min(structure.numCols, endGroup * pattern.m);
  bool suspicious = gather(beginCol, endCol);
  for (int64_t group = beginGroup; group < endGroup; ++group) {
    pruneGroup(panel, group, beginCol);
    if (group % kGroupsPerMetadataWord == kGroupsPerMetadataWord - 1 ||
        group + 1 == endGroup)
      storeWords(group / kGroupsPerMetadataWord);
  }
  return suspicious;
}

//===----------------------------------------------------------------------===//
// The whole weight
//===----------------------------------------------------------------------===//

/// The error that names the first illegal score, or success.
static llvm::Error checkScores(llvm::ArrayRef<float> scores, int64_t cols) {
  for (size_t i = 0; i < scores.size(); ++i)
    if (!std::isfinite(scores[i]) || scores[i] < 0)
      return makeError("requires scores to be finite and not negative, but "
                       "score (" +
                       Twine(int64_t(i) / cols) + ", " +
                       Twine(int64_t(i) % cols) + ") is " +
                       std::to_string(scores[i]));
  return llvm::Error::success();
}

/// Groups of a chunk: a multiple of a metadata word's, and few enough that the
/// chunk's scores stay in a core's cache.
static int64_t groupsPerChunk(const Structure &structure) {
  constexpr int64_t kChunkElements = int64_t(1) << 15;
  int64_t panelRows = std::min(structure.pattern.v, structure.numRows);
  int64_t perWord = kGroupsPerMetadataWord * structure.pattern.m * panelRows;
  return kGroupsPerMetadataWord *
         std::max<int64_t>(1, kChunkElements / perWord);
}

llvm::Error detail::checkSizes(size_t numScores, int64_t rows, int64_t cols,
                               const Pattern &pattern) {
  if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
    return error;
  if (llvm::Error error = detail::checkShape(rows, cols))
    return error;
  if (int64_t(numScores) != rows * cols)
    return makeError("requires R x K = " + Twine(rows) + " x " + Twine(cols) +
                     " = " + Twine(rows * cols) + " scores, but there are " +
                     Twine(numScores));
  return llvm::Error::success();
}

llvm::Expected<Structure> vnm::sparsity::prune(llvm::ArrayRef<float> scores,
                                               int64_t rows, int64_t cols,
                                               const Pattern &pattern,
                                               const PruneOptions &options) {
  if (options.form == Form::Free)
    return permute(scores, rows, cols, pattern,
                   {options.effort, options.permuteRows, options.columnChoice,
                    /*seed=*/0, options.threads});
  if (llvm::Error error =
          detail::checkSizes(scores.size(), rows, cols, pattern))
    return std::move(error);

  Structure structure;
  structure.pattern = pattern;
  structure.form = options.form;
  structure.numRows = rows;
  structure.numCols = cols;
  structure.columns.resize(structure.numPanels() *
                           pattern.numColumnSlots(cols));
  structure.metadata.resize(rows * pattern.numMetadataWords(cols));

  int64_t numGroups = structure.numGroups();
  int64_t chunkGroups = groupsPerChunk(structure);
  int64_t numChunks = ceilDiv(numGroups, chunkGroups);
  std::atomic<bool> suspicious{false};
  detail::parallelFor(
      options.threads, structure.numPanels() * numChunks,
      std::min(pattern.v, rows) * std::min(cols, chunkGroups * pattern.m),
      [&](int64_t task) {
        int64_t begin = task % numChunks * chunkGroups;
        ChunkPruner pruner(scores, options, structure);
        if (pruner.run(task / numChunks, begin,
                       std::min(numGroups, begin + chunkGroups)))
          suspicious = true;
      });
  if (suspicious)
    if (llvm::Error error = checkScores(scores, cols))
      return std::move(error);
  return structure;
}

llvm::Expected<Storage>
vnm::sparsity::compress(const MatrixView &weight, const Pattern &pattern,
                        const ImportanceOptions &importanceOptions,
                        const PruneOptions &pruneOptions,
                        const PackOptions &packOptions) {
  llvm::Expected<std::vector<float>> scores =
      importance(weight, importanceOptions);
  if (!scores)
    return scores.takeError();
  llvm::Expected<Structure> structure =
      prune(*scores, weight.rows, weight.cols, pattern, pruneOptions);
  if (!structure)
    return structure.takeError();
  return pack(weight, *structure, packOptions);
}

double vnm::sparsity::retainedImportance(llvm::ArrayRef<float> scores,
                                         const Structure &structure) {
  assert(int64_t(scores.size()) == structure.numRows * structure.numCols &&
         "scores of another shape");
  double all = 0, kept = 0;
  for (float score : scores)
    all += score;
  int64_t numGroups = structure.numGroups();
  for (int64_t row = 0; row < structure.numRows; ++row) {
    const float *scoreRow =
        scores.data() + int64_t(structure.outputRow(row)) * structure.numCols;
    for (int64_t group = 0; group < numGroups; ++group)
      for (unsigned which = 0; which < kValuesPerGroup; ++which)
        if (int32_t column = structure.column(row, group, which);
            column != structure.numCols)
          kept += scoreRow[column];
  }
  return all == 0 ? 1 : kept / all;
}

llvm::SmallVector<int32_t, 4>
vnm::sparsity::bestColumns(llvm::ArrayRef<float> columnMajor, int64_t numRows,
                           int64_t numColumns) {
  assert(int64_t(columnMajor.size()) == numRows * numColumns &&
         "scores of another shape");
  llvm::SmallVector<int32_t, 4> ids;
  for (int64_t i = 0; i < std::min(numColumns, kColumnsPerGroup); ++i)
    ids.push_back(int32_t(i));
  if (numColumns <= kColumnsPerGroup)
    return ids;
  int64_t numBlocks = ceilDiv(numRows, kLanes);
  std::vector<LaneBlock> blocks(numBlocks * numColumns, LaneBlock{});
  for (int64_t col = 0; col < numColumns; ++col)
    for (int64_t row = 0; row < numRows; ++row)
      blocks[col * numBlocks + row / kLanes].lane[row % kLanes] =
          columnMajor[col * numRows + row];
  ColumnChooser chooser;
  chooser.choose({blocks.data(), numColumns, numBlocks}, ColumnChoice::Exact,
                 ids.data());
  return ids;
}
