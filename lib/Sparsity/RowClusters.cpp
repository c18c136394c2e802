// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice of the rows that share a panel.

#include "RowClusters.h"
#include "Detail.h"
#include "RowExchange.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <functional>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

/// Rows that one task of a parallel loop handles.
static constexpr int64_t kTaskRows = 16;

//===----------------------------------------------------------------------===//
// What rows and panels want
//===----------------------------------------------------------------------===//

RowClusters::RowClusters(llvm::ArrayRef<float> scores, int64_t rows,
                         int64_t cols, const Pattern &pattern, unsigned threads,
                         VectorLevel level)
    : numRows(rows), numCols(cols), numPanels(pattern.numPanels(rows)),
      numChosen(std::min(pattern.numColumnSlots(cols), cols)),
      panelRows(pattern.v), threads(threads), level(level) {
  // With a single panel or no column to leave out, there is nothing to find.
  if (numPanels > 1 && numChosen < cols)
    findWishes(scores, rows);
}

void RowClusters::findWishes(llvm::ArrayRef<float> scores, int64_t rows) {
  maxWishes = std::max<int64_t>(1, numChosen / 2);
  wishColumns.resize(rows * maxWishes);
  wishExcess.resize(rows * maxWishes);
  wishCounts.resize(rows);
  parallelFor(threads, ceilDiv(rows, kTaskRows), kTaskRows * numCols,
              [&](int64_t task) {
                std::vector<float> buffer;
                int64_t end = std::min(rows, (task + 1) * kTaskRows);
                for (int64_t row = task * kTaskRows; row < end; ++row) {
                  llvm::ArrayRef<float> own =
                      scores.slice(row * numCols, numCols);
                  buffer.assign(own.begin(), own.end());
                  auto nth = buffer.begin() + (maxWishes - 1);
                  std::nth_element(buffer.begin(), nth, buffer.end(),
                                   std::greater<float>());
                  int64_t at = row * maxWishes;
                  for (int64_t col = 0; col < numCols; ++col)
                    if (own[col] > *nth) {
                      wishColumns[at] = int32_t(col);
                      wishExcess[at++] = own[col] - *nth;
                    }
                  wishCounts[row] = int32_t(at - row * maxWishes);
                }
              });
}

RowClusters::Wish RowClusters::wishOf(int64_t row) const {
  size_t count = size_t(wishCounts[row]);
  return {{wishColumns.data() + row * maxWishes, count},
          {wishExcess.data() + row * maxWishes, count}};
}

void RowClusters::addWish(Demand &demand, int64_t row, float sign) const {
  Wish wish = wishOf(row);
  for (size_t i = 0; i < wish.columns.size(); ++i)
    demand.sums[wish.columns[i]] += sign * wish.excess[i];
}

void RowClusters::refresh(Demand &demand, std::vector<float> &buffer) const {
  buffer = demand.sums;
  auto nth = buffer.begin() + (numChosen - 1);
  std::nth_element(buffer.begin(), nth, buffer.end(), std::greater<float>());
  demand.threshold = *nth;
  // The order inside buffer is the library's choice; that of sums is ours.
  demand.value = double(numChosen) * double(demand.threshold);
  for (float sum : demand.sums)
    demand.value += double(std::max(sum - demand.threshold, 0.0f));
}

RowClusters::Demand
RowClusters::demandOf(llvm::ArrayRef<int32_t> members) const {
  Demand demand;
  demand.sums.assign(numCols, 0);
  for (int32_t row : members)
    addWish(demand, row, 1);
  std::vector<float> buffer;
  refresh(demand, buffer);
  return demand;
}

std::vector<std::vector<int32_t>>
RowClusters::membersOf(llvm::ArrayRef<int32_t> panelOf, int64_t numPanels) {
  std::vector<std::vector<int32_t>> members(numPanels);
  for (size_t row = 0; row < panelOf.size(); ++row)
    members[panelOf[row]].push_back(int32_t(row));
  return members;
}

double RowClusters::refreshDemands(llvm::ArrayRef<int32_t> panelOf) {
  std::vector<std::vector<int32_t>> members = membersOf(panelOf, numPanels);
  demands.resize(numPanels);
  parallelFor(threads, numPanels, panelRows * maxWishes, [&](int64_t panel) {
    demands[panel] = demandOf(members[panel]);
  });
  double value = 0;
  for (const Demand &demand : demands)
    value += demand.value;
  return value;
}

//===----------------------------------------------------------------------===//
// Balanced k-means
//===----------------------------------------------------------------------===//

/// sums[panel] += excess where the panel takes the wish's column. takes is
/// K x width, 1 or 0.
VNM_INLINE void addTaken(const int32_t *columns, const float *excess,
                         int64_t count, const float *takes, int64_t width,
                         float *sums) {
  for (int64_t begin = 0; begin < width; begin += kLanes) {
    Lanes sum;
    for (int64_t i = 0; i < count; ++i) {
      Lanes take = load(takes + columns[i] * width + begin);
      // A product with 0 or 1 is exact, so that fusing it changes no bit.
      sum = {sum.value + take.value * excess[i]};
    }
    store(sums + begin, sum);
  }
}
VNM_PER_LEVEL(addTakenAt, addTaken,
              (const int32_t *columns, const float *excess, int64_t count,
               const float *takes, int64_t width, float *sums),
              (columns, excess, count, takes, width, sums))

std::vector<float> RowClusters::valuesInPanels() const {
  int64_t width = ceilDiv(numPanels, kLanes) * kLanes;
  std::vector<float> takes(numCols * width, 0);
  std::vector<int32_t> ids(numCols);
  for (int64_t panel = 0; panel < numPanels; ++panel) {
    const std::vector<float> &sums = demands[panel].sums;
    for (int64_t col = 0; col < numCols; ++col)
      ids[col] = int32_t(col);
    std::nth_element(ids.begin(), ids.begin() + numChosen, ids.end(),
                     [&](int32_t a, int32_t b) {
                       return sums[a] != sums[b] ? sums[a] > sums[b] : a < b;
                     });
    for (int64_t i = 0; i < numChosen; ++i)
      takes[ids[i] * width + panel] = 1;
  }
  std::vector<float> values(numRows * numPanels);
  parallelFor(threads, ceilDiv(numRows, kTaskRows),
              kTaskRows * maxWishes * width / 4, [&](int64_t task) {
                std::vector<float> sums(width);
                int64_t end = std::min(numRows, (task + 1) * kTaskRows);
                for (int64_t row = task * kTaskRows; row < end; ++row) {
                  Wish wish = wishOf(row);
                  addTakenAt(level, wish.columns.data(), wish.excess.data(),
                             int64_t(wish.columns.size()), takes.data(), width,
                             sums.data());
                  std::copy_n(sums.begin(), numPanels,
                              values.begin() + row * numPanels);
                }
              });
  return values;
}

void RowClusters::cluster(int64_t rounds, std::vector<int32_t> &panelOf) {
  double value = refreshDemands(panelOf);
  constexpr double kMinGain = 1e-5;
  for (int64_t round = 0; round < rounds; ++round) {
    std::vector<float> values = valuesInPanels();
    std::vector<int32_t> next = panelOf;
    RowExchange(values, numPanels).run(next);
    double nextValue = refreshDemands(next);
    if (nextValue > value)
      panelOf = next;
    if (nextValue <= value * (1 + kMinGain))
      return;
    value = nextValue;
  }
}

//===----------------------------------------------------------------------===//
// Exchanges between pairs of panels
//===----------------------------------------------------------------------===//

/// What a column is worth to a panel beyond its threshold.
static float worth(float sum, float threshold) {
  return std::max(sum - threshold, 0.0f);
}

float RowClusters::moveGain(const Demand &from, const Demand &to,
                            int64_t row) const {
  Wish wish = wishOf(row);
  float gain = 0;
  for (size_t i = 0; i < wish.columns.size(); ++i) {
    float excess = wish.excess[i];
    float source = from.sums[wish.columns[i]],
          target = to.sums[wish.columns[i]];
    gain +=
        (worth(source - excess, from.threshold) -
         worth(source, from.threshold)) +
        (worth(target + excess, to.threshold) - worth(target, to.threshold));
  }
  return gain;
}

float RowClusters::exchangeGain(const Demand &a, const Demand &b, int64_t first,
                                int64_t second,
                                llvm::ArrayRef<float> excess) const {
  // Where only one of the rows wants a column, the gains of the two moves add
  // up; where both do, they have to be computed together.
  float gain = moveGain(a, b, first) + moveGain(b, a, second);
  Wish wish = wishOf(second);
  for (size_t i = 0; i < wish.columns.size(); ++i) {
    int32_t column = wish.columns[i];
    float mine = excess[column], theirs = wish.excess[i];
    if (mine == 0)
      continue;
    auto correct = [&](const Demand &demand, float leaves, float enters) {
      float sum = demand.sums[column], threshold = demand.threshold;
      gain +=
          (worth(sum - leaves + enters, threshold) + worth(sum, threshold)) -
          (worth(sum - leaves, threshold) + worth(sum + enters, threshold));
    };
    correct(a, mine, theirs);
    correct(b, theirs, mine);
  }
  return gain;
}

std::vector<RowClusters::Candidate>
RowClusters::rankMoves(const Demand &from, const Demand &to,
                       llvm::ArrayRef<int32_t> members) const {
  std::vector<Candidate> moves;
  for (int32_t row : members)
    moves.push_back({row, moveGain(from, to, row), false});
  llvm::sort(moves, [](const Candidate &a, const Candidate &b) {
    return a.gain != b.gain ? a.gain > b.gain : a.row < b.row;
  });
  return moves;
}

double RowClusters::tryExchange(Demand &a, Demand &b, int32_t first,
                                int32_t second,
                                std::vector<float> &buffer) const {
  double before = a.value + b.value;
  auto exchange = [&](int32_t x, int32_t y) {
    addWish(a, x, -1);
    addWish(a, y, 1);
    addWish(b, y, -1);
    addWish(b, x, 1);
    refresh(a, buffer);
    refresh(b, buffer);
  };
  exchange(first, second);
  double gain = a.value + b.value - before;
  if (gain > 0)
    return gain;
  // The thresholds moved and took the gain back.
  exchange(second, first);
  return 0;
}

double RowClusters::exchangePair(int64_t a, int64_t b, int64_t tries,
                                 std::vector<std::vector<int32_t>> &members) {
  Demand &left = demands[a], &right = demands[b];
  std::vector<Candidate> leaving = rankMoves(left, right, members[a]);
  std::vector<Candidate> entering = rankMoves(right, left, members[b]);
  std::vector<float> excess(numCols, 0), buffer;
  double total = 0;
  for (Candidate &first : leaving) {
    Wish wish = wishOf(first.row);
    for (size_t i = 0; i < wish.columns.size(); ++i)
      excess[wish.columns[i]] = wish.excess[i];
    float best = 0;
    Candidate *partner = nullptr;
    int64_t tried = 0;
    for (Candidate &second : entering) {
      if (second.moved)
        continue;
      // The sum of the moves bounds the exchange from above.
      if (tried == tries || first.gain + second.gain <= best)
        break;
      ++tried;
      float gain = exchangeGain(left, right, first.row, second.row, excess);
      if (gain > best) {
        best = gain;
        partner = &second;
      }
    }
    for (int32_t column : wish.columns)
      excess[column] = 0;
    if (tried == 0)
      break;
    if (!partner)
      continue;
    double gain = tryExchange(left, right, first.row, partner->row, buffer);
    if (gain <= 0)
      continue;
    total += gain;
    partner->moved = first.moved = true;
    std::replace(members[a].begin(), members[a].end(), first.row, partner->row);
    std::replace(members[b].begin(), members[b].end(), partner->row, first.row);
  }
  return total;
}

double RowClusters::sweep(int64_t tries,
                          std::vector<std::vector<int32_t>> &members) {
  // A round-robin tournament: in each round every panel meets one other, so
  // that the pairs of a round can run at the same time.
  int64_t players = numPanels + numPanels % 2;
  double total = 0;
  std::vector<double> gains(players / 2);
  for (int64_t round = 0; round + 1 < players; ++round) {
    parallelFor(
        threads, players / 2, 4 * panelRows * maxWishes, [&](int64_t pair) {
          auto seat = [&](int64_t index) {
            return index == 0 ? 0 : 1 + (index - 1 + round) % (players - 1);
          };
          int64_t a = seat(pair), b = seat(players - 1 - pair);
          gains[pair] = 0;
          if (a < numPanels && b < numPanels)
            gains[pair] = exchangePair(a, b, tries, members);
        });
    for (double gain : gains)
      total += gain;
  }
  return total;
}

std::vector<int32_t> RowClusters::run(const RowClusterSettings &settings) {
  std::vector<int32_t> panelOf(numRows);
  for (int64_t row = 0; row < numRows; ++row)
    panelOf[row] = int32_t(row / panelRows);
  if (maxWishes == 0)
    return panelOf;
  cluster(settings.rounds, panelOf);
  double value = refreshDemands(panelOf);
  std::vector<std::vector<int32_t>> members = membersOf(panelOf, numPanels);
  constexpr double kMinGain = 1e-4;
  for (int64_t i = 0; i < settings.sweeps; ++i)
    if (sweep(settings.tries, members) <= kMinGain * value)
      break;
  for (int64_t panel = 0; panel < numPanels; ++panel)
    for (int32_t row : members[panel])
      panelOf[row] = int32_t(panel);
  return panelOf;
}
