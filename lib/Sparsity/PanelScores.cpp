// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the scores of one panel.

#include "PanelScores.h"
#include "ColumnChoice.h"
#include "Detail.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <array>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

void PanelScores::gather(llvm::ArrayRef<float> scores, int64_t cols,
                         llvm::ArrayRef<int32_t> rows) {
  numRows = int64_t(rows.size());
  numCols = cols;
  stride = ceilDiv(cols + 1, kLanes) * kLanes;
  data.resize(numRows * stride);
  for (int64_t i = 0; i < numRows; ++i) {
    float *out = data.data() + i * stride;
    const float *in = scores.data() + rows[i] * cols;
    std::fill(std::copy(in, in + cols, out), out + stride, 0.0f);
  }
}

double PanelScores::kept(llvm::ArrayRef<int32_t> slots) const {
  double sum = 0;
  for (int64_t i = 0; i < numRows; ++i) {
    const float *scores = row(i);
    for (size_t slot = 0; slot < slots.size(); slot += kColumnsPerGroup) {
      float a = scores[slots[slot]], b = scores[slots[slot + 1]],
            c = scores[slots[slot + 2]], d = scores[slots[slot + 3]];
      float first = std::max(a, b), second = std::min(a, b);
      float third = std::max(c, d), fourth = std::min(c, d);
      sum += double(std::max(first, third)) +
             double(std::max(std::min(first, third),
                             first > third ? second : fourth));
    }
  }
  return sum;
}

/// Sets nibbles[i] to what row i keeps of the four columns.
static void findRowNibbles(const PanelScores &scores, const int32_t *columns,
                           std::vector<LaneBlock> &buffer,
                           std::vector<uint16_t> &nibbles) {
  int64_t numBlocks = ceilDiv(scores.getNumRows(), kLanes);
  buffer.assign(kColumnsPerGroup * numBlocks, LaneBlock{});
  nibbles.resize(numBlocks * kLanes);
  const LaneBlock *blocks[kColumnsPerGroup];
  for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
    LaneBlock *out = buffer.data() + slot * numBlocks;
    blocks[slot] = out;
    // An empty slot loses against any score, zero included.
    bool exists = columns[slot] < scores.getNumCols();
    for (int64_t i = 0; i < scores.getNumRows(); ++i)
      out[i / kLanes].lane[i % kLanes] =
          exists ? scores.row(i)[columns[slot]] : -1.0f;
  }
  findNibbles(blocks, numBlocks, nibbles.data());
}

void detail::storePanel(const PanelScores &scores,
                        llvm::ArrayRef<int32_t> slots, int64_t panel,
                        Structure &structure) {
  int64_t numGroups = structure.numGroups();
  std::vector<std::array<int32_t, kColumnsPerGroup>> groups(numGroups);
  for (int64_t group = 0; group < numGroups; ++group) {
    std::copy_n(slots.begin() + group * kColumnsPerGroup, kColumnsPerGroup,
                groups[group].begin());
    llvm::sort(groups[group]);
  }
  llvm::sort(groups);

  int64_t words = structure.pattern.numMetadataWords(structure.numCols);
  uint16_t *metadata =
      structure.metadata.data() + panel * structure.pattern.v * words;
  std::fill_n(metadata, scores.getNumRows() * words,
              uint16_t(kUnusedNibble * 0x1111));
  int32_t *columns =
      structure.columns.data() + panel * numGroups * kColumnsPerGroup;
  std::vector<LaneBlock> buffer;
  std::vector<uint16_t> nibbles;
  for (int64_t group = 0; group < numGroups; ++group) {
    columns = std::copy(groups[group].begin(), groups[group].end(), columns);
    findRowNibbles(scores, groups[group].data(), buffer, nibbles);
    unsigned shift = 4 * (group % kGroupsPerMetadataWord);
    for (int64_t i = 0; i < scores.getNumRows(); ++i) {
      uint16_t &word = metadata[i * words + group / kGroupsPerMetadataWord];
      word = uint16_t((word & ~(0xF << shift)) | nibbles[i] << shift);
    }
  }
}

/// What 16 rows keep of the groups of 4 columns in `slots`, whose scores are
/// `columns[column]`.
VNM_INLINE void addKept(const LaneBlock *columns, const int32_t *slots,
                        int64_t numSlots, LaneBlock *result) {
  Lanes sum;
  for (int64_t slot = 0; slot < numSlots; slot += kColumnsPerGroup) {
    Lanes a = load(columns[slots[slot]]), b = load(columns[slots[slot + 1]]);
    Lanes c = load(columns[slots[slot + 2]]),
          d = load(columns[slots[slot + 3]]);
    // The two largest of four add up to one of three sums.
    sum = sum + max(max(a, b) + max(c, d), max(a + b, c + d));
  }
  store(*result, sum);
}
VNM_PER_LEVEL(addKeptAt, addKept,
              (const LaneBlock *columns, const int32_t *slots, int64_t numSlots,
               LaneBlock *result),
              (columns, slots, numSlots, result))

std::vector<float>
detail::valuesInPanels(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
                       llvm::ArrayRef<std::vector<int32_t>> slots,
                       unsigned threads) {
  int64_t numPanels = int64_t(slots.size());
  std::vector<float> values(rows * numPanels);
  VectorLevel level = bestVectorLevel();
  parallelFor(threads, ceilDiv(rows, kLanes), kLanes * cols, [&](int64_t task) {
    int64_t begin = task * kLanes, count = std::min(kLanes, rows - begin);
    std::vector<LaneBlock> columns(cols + 1, LaneBlock{});
    for (int64_t i = 0; i < count; ++i)
      for (int64_t col = 0; col < cols; ++col)
        columns[col].lane[i] = scores[(begin + i) * cols + col];
    for (int64_t panel = 0; panel < numPanels; ++panel) {
      LaneBlock kept;
      addKeptAt(level, columns.data(), slots[panel].data(),
                int64_t(slots[panel].size()), &kept);
      for (int64_t i = 0; i < count; ++i)
        values[(begin + i) * numPanels + panel] = kept.lane[i];
    }
  });
  return values;
}
