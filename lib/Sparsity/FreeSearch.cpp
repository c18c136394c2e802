// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the search for the columns of one panel in free form.
//
// The groups exchange columns at one position at a time. With first >= second
// the two largest of a row's other three scores in a group, a fourth score x
// makes the row keep first + max(second, x). So what a group would keep with
// any column at that position costs one maximum and one addition per row, and
// the best exchange at one position of many groups is a linear sum assignment.

#include "FreeSearch.h"
#include "Gains.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

static constexpr int64_t kPositions = kColumnsPerGroup;

static int64_t roundUp(int64_t count) {
  return ceilDiv(count, kLanes) * kLanes;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// sums[c] += max(scores[c] - threshold, 0).
VNM_INLINE void addExcess(const float *scores, float threshold, int64_t stride,
                          float *sums) {
  for (int64_t col = 0; col < stride; col += kLanes)
    store(sums + col,
          load(sums + col) + max(load(scores + col) - threshold, Lanes{}));
}

/// For every group, the second largest of each row's scores a, b, c to
/// second[row][group], and the sum of the largest to base[group].
VNM_INLINE void splitOthers(const float *a, const float *b, const float *c,
                            int64_t stride, int64_t numRows, int64_t width,
                            float *second, float *base) {
  for (int64_t group = 0; group < width; group += kLanes) {
    Lanes sum;
    for (int64_t row = 0; row < numRows; ++row) {
      int64_t at = row * stride + group;
      Lanes x = load(a + at), y = load(b + at), z = load(c + at);
      Lanes high = max(x, y);
      sum = sum + max(high, z);
      store(second + row * width + group, max(min(x, y), min(high, z)));
    }
    store(base + group, sum);
  }
}

VNM_PER_LEVEL(addExcessAt, addExcess,
              (const float *scores, float threshold, int64_t stride,
               float *sums),
              (scores, threshold, stride, sums))
VNM_PER_LEVEL(splitOthersAt, splitOthers,
              (const float *a, const float *b, const float *c, int64_t stride,
               int64_t numRows, int64_t width, float *second, float *base),
              (a, b, c, stride, numRows, width, second, base))
//===----------------------------------------------------------------------===//
// Which columns
//===----------------------------------------------------------------------===//

/// The `rank`-th largest (from 1) of `values`, which it reorders.
static float rankValue(std::vector<float> &values, int64_t rank) {
  auto nth = values.begin() + (rank - 1);
  std::nth_element(values.begin(), nth, values.end(), std::greater<float>());
  return *nth;
}

void FreeSearch::findThresholds(const PanelScores &panel,
                                llvm::ArrayRef<int32_t> chosen, int64_t rank) {
  buffer.resize(chosen.size());
  for (int64_t row = 0; row < panel.getNumRows(); ++row) {
    const float *scores = panel.row(row);
    for (size_t i = 0; i < chosen.size(); ++i)
      buffer[i] = scores[chosen[i]];
    thresholds[row] = rankValue(buffer, rank);
  }
}

void FreeSearch::rankColumns(const PanelScores &panel, int64_t numSlots,
                             llvm::ArrayRef<int32_t> known) {
  int64_t numCols = panel.getNumCols();
  int64_t numChosen = std::min(numSlots, numCols);
  // A row keeps half of the chosen columns. What it keeps of them above what it
  // could keep elsewhere is what a column is worth to it.
  int64_t rank = std::max<int64_t>(1, numChosen / 2);
  thresholds.resize(panel.getNumRows());
  ranking.resize(numCols);
  std::iota(ranking.begin(), ranking.end(), 0);
  int64_t rounds = 1;
  if (!known.empty()) {
    findThresholds(panel, known, rank);
  } else {
    // A first guess, which a part of the columns is enough for.
    int64_t step = numCols >= 1024 ? 4 : 1;
    std::vector<int32_t> sample;
    for (int64_t col = 0; col < numCols; col += step)
      sample.push_back(int32_t(col));
    findThresholds(panel, sample, std::max<int64_t>(1, rank / step));
    rounds = numChosen < numCols ? 4 : 1;
  }
  for (int64_t round = 1;; ++round) {
    columnScores.assign(panel.getStride(), 0);
    for (int64_t row = 0; row < panel.getNumRows(); ++row)
      addExcessAt(level, panel.row(row), thresholds[row], panel.getStride(),
                  columnScores.data());
    auto before = [&](int32_t a, int32_t b) {
      return columnScores[a] != columnScores[b]
                 ? columnScores[a] > columnScores[b]
                 : a < b;
    };
    if (round == rounds)
      return llvm::sort(ranking, before);
    std::nth_element(ranking.begin(), ranking.begin() + numChosen,
                     ranking.end(), before);
    // In ascending order, for the sake of the cache.
    std::sort(ranking.begin(), ranking.begin() + numChosen);
    findThresholds(panel, llvm::ArrayRef(ranking).take_front(numChosen), rank);
  }
}

void FreeSearch::deal(const PanelScores &panel, std::vector<int32_t> &slots) {
  int64_t numSlots = int64_t(slots.size());
  int64_t groups = numSlots / kPositions;
  for (int64_t i = 0; i < numSlots; ++i) {
    // Forward, backward, forward, backward over the groups.
    int64_t position = i / groups, group = i % groups;
    if (position % 2)
      group = groups - 1 - group;
    slots[group * kPositions + position] =
        i < panel.getNumCols() ? ranking[i] : int32_t(panel.getNumCols());
  }
}

void FreeSearch::findReserve(const PanelScores &panel,
                             const std::vector<int32_t> &slots) {
  std::vector<char> used(panel.getNumCols() + 1, 0);
  for (int32_t column : slots)
    used[column] = 1;
  reserve.clear();
  size_t limit =
      size_t(int64_t(slots.size()) / kPositions * settings.reservePerGroup);
  for (int32_t column : ranking) {
    if (reserve.size() == limit)
      return;
    if (!used[column])
      reserve.push_back(column);
  }
}

//===----------------------------------------------------------------------===//
// One window
//===----------------------------------------------------------------------===//

void FreeSearch::applyExchange(const PanelScores &panel, int64_t position) {
  int32_t *chosen = columns.data() + position * groupWidth;
  int32_t *spare = columns.data() + kPositions * groupWidth;
  std::vector<int32_t> before(chosen, chosen + numGroups), changed, freed;
  std::vector<char> stays(numGroups, 0);
  for (int64_t group = 0; group < numGroups; ++group)
    if (assignment[group] < groupWidth)
      stays[assignment[group]] = 1;
  for (int64_t group = 0; group < numGroups; ++group)
    if (!stays[group])
      freed.push_back(before[group]);
  auto nextFreed = freed.begin();
  for (int64_t group = 0; group < numGroups; ++group) {
    int64_t source = assignment[group];
    if (source == group)
      continue;
    changed.push_back(int32_t(position * groupWidth + group));
    if (source < groupWidth) {
      chosen[group] = before[source];
      continue;
    }
    int32_t &taken = spare[source - groupWidth];
    chosen[group] = taken;
    taken = *nextFreed++;
    changed.push_back(int32_t(&taken - columns.data()));
  }
  for (int64_t row = 0; row < panel.getNumRows(); ++row) {
    const float *in = panel.row(row);
    float *out = scores.data() + row * windowStride;
    for (int32_t at : changed)
      out[at] = in[columns[at]];
  }
}

double FreeSearch::exchange(const PanelScores &panel, int64_t position) {
  const float *others[kPositions - 1];
  for (int64_t other = 0, next = 0; other < kPositions; ++other)
    if (other != position)
      others[next++] = scores.data() + other * groupWidth;
  int64_t numRows = panel.getNumRows();
  splitOthersAt(level, others[0], others[1], others[2], windowStride, numRows,
                groupWidth, second.data(), base.data());
  int64_t reserveWidth = windowStride - kPositions * groupWidth;
  int64_t gainStride = groupWidth + reserveWidth;
  findGains(level, second.data(), groupWidth, base.data(),
            scores.data() + position * groupWidth, groupWidth, windowStride,
            numRows, gains.data(), gainStride);
  findGains(level, second.data(), groupWidth, base.data(),
            scores.data() + kPositions * groupWidth, reserveWidth, windowStride,
            numRows, gains.data() + groupWidth, gainStride);
  for (int64_t group = 0; group < numGroups; ++group) {
    float *row = gains.data() + group * gainStride;
    float own = row[group];
    for (int64_t i = 0; i < gainStride; ++i)
      row[i] -= own;
    std::fill(row + numGroups, row + groupWidth,
              -std::numeric_limits<float>::infinity());
  }
  solver.solve(gains.data(), numGroups, groupWidth + numReserve, gainStride,
               start, assignment.data());
  double gain = 0;
  for (int64_t group = 0; group < numGroups; ++group)
    gain += gains[group * gainStride + assignment[group]];
  if (gain <= 0)
    return 0;
  applyExchange(panel, position);
  return gain;
}

double FreeSearch::runWindow(const PanelScores &panel,
                             llvm::MutableArrayRef<int32_t> reserve) {
  numReserve = int64_t(reserve.size());
  windowStride = kPositions * groupWidth + roundUp(numReserve);
  int64_t numRows = panel.getNumRows();
  columns.resize(windowStride, 0);
  std::fill(columns.begin() + kPositions * groupWidth, columns.end(),
            int32_t(panel.getNumCols()));
  std::copy(reserve.begin(), reserve.end(),
            columns.begin() + kPositions * groupWidth);
  scores.resize(numRows * windowStride);
  second.resize(numRows * groupWidth);
  base.resize(groupWidth);
  gains.resize(groupWidth * (groupWidth + roundUp(numReserve)));
  assignment.resize(numGroups);
  for (int64_t row = 0; row < numRows; ++row) {
    const float *in = panel.row(row);
    float *out = scores.data() + row * windowStride;
    for (int64_t i = 0; i < windowStride; ++i)
      out[i] = in[columns[i]];
  }
  double gain = 0;
  for (int64_t position = 0; position < kPositions; ++position)
    gain += exchange(panel, position);
  std::copy_n(columns.begin() + kPositions * groupWidth, numReserve,
              reserve.begin());
  return gain;
}

//===----------------------------------------------------------------------===//
// All windows
//===----------------------------------------------------------------------===//

double FreeSearch::runPass(const PanelScores &panel, Shuffler random,
                           std::vector<int32_t> &slots) {
  int64_t groups = int64_t(slots.size()) / kPositions;
  order.resize(groups);
  std::iota(order.begin(), order.end(), 0);
  random.shuffle<int32_t>(order);
  random.shuffle<int32_t>(reserve);
  for (int64_t group = 0; group < groups; ++group)
    random.shuffle(llvm::MutableArrayRef<int32_t>(
        slots.data() + group * kPositions, kPositions));
  int64_t windows = ceilDiv(groups, settings.window);
  int64_t spare = int64_t(reserve.size());
  double gain = 0;
  for (int64_t window = 0; window < windows; ++window) {
    int64_t begin = window * groups / windows;
    int64_t end = (window + 1) * groups / windows;
    numGroups = end - begin;
    groupWidth = roundUp(numGroups);
    columns.assign(kPositions * groupWidth, int32_t(panel.getNumCols()));
    for (int64_t i = 0; i < numGroups; ++i)
      for (int64_t position = 0; position < kPositions; ++position)
        columns[position * groupWidth + i] =
            slots[order[begin + i] * kPositions + position];
    int64_t first = window * spare / windows;
    gain +=
        runWindow(panel, llvm::MutableArrayRef<int32_t>(reserve).slice(
                             first, (window + 1) * spare / windows - first));
    for (int64_t i = 0; i < numGroups; ++i)
      for (int64_t position = 0; position < kPositions; ++position)
        slots[order[begin + i] * kPositions + position] =
            columns[position * groupWidth + i];
  }
  return gain;
}

void FreeSearch::improve(const PanelScores &panel, uint64_t seed,
                         std::vector<int32_t> &slots) {
  if (slots.empty())
    return;
  findReserve(panel, slots);
  double threshold = settings.minGain * panel.kept(slots);
  for (int64_t pass = 0; pass < settings.passes; ++pass) {
    bool priced = pass < settings.pricedPasses;
    start = priced ? AssignmentSolver::Start::Priced
                   : AssignmentSolver::Start::Exact;
    double gain = runPass(panel, Shuffler(seed, uint64_t(pass), 0), slots);
    if (!priced && gain <= threshold)
      return;
  }
}
