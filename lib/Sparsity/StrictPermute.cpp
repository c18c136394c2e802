// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements permutation for the strict form.

#include "Assignment.h"
#include "Detail.h"
#include "Gains.h"
#include "PanelScores.h"
#include "RowExchange.h"
#include "vnm/Sparsity/Permute.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using llvm::Twine;

/// More rows than this are exchanged, not assigned: R^2 numbers are too many.
static constexpr int64_t kMaxAssignedRows = 4096;

namespace {
/// Two orders and what the weight keeps with them.
struct State {
  std::vector<int32_t> columns, rows;
  std::vector<float> permuted;
  Structure structure;
  double kept = 0;
};

class StrictPermuter {
public:
  StrictPermuter(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
                 const Pattern &pattern, const StrictPermuteOptions &options)
      : scores(scores), numRows(rows), numCols(cols), pattern(pattern),
        options(options), level(bestVectorLevel()) {}

  llvm::Expected<StrictPermutation> run();

private:
  /// Prunes with other orders and takes them if the weight keeps more.
  llvm::Error offer(std::vector<int32_t> columns, std::vector<int32_t> rows);
  /// The columns by their sums, dealt over the groups.
  std::vector<int32_t> dealColumns() const;
  /// Assigns the columns at one position of all full groups anew.
  std::vector<int32_t> assignColumns(int64_t position);
  /// A group without one of its columns: the best columns left and what they
  /// keep.
  struct Rest {
    llvm::SmallVector<int32_t, 4> columns;
    float kept = 0;
  };
  Rest findRest(int64_t panel, int64_t group, int64_t position) const;
  /// What the rows of a panel keep of up to four columns.
  float keptOf(int64_t panel, llvm::ArrayRef<int32_t> ids) const;
  /// Adds to gains[candidate] what the rows of a panel keep of a group whose
  /// column at `position` is replaced by each candidate.
  void addPanelGains(int64_t panel, int64_t group, int64_t position,
                     llvm::ArrayRef<float> candidates, float *gains) const;
  std::vector<int32_t> assignRows();
  const float *permutedRow(int64_t row) const {
    return state.permuted.data() + row * numCols;
  }

  llvm::ArrayRef<float> scores;
  int64_t numRows, numCols;
  Pattern pattern;
  StrictPermuteOptions options;
  VectorLevel level;
  State state;
};
} // namespace

llvm::Error StrictPermuter::offer(std::vector<int32_t> columns,
                                  std::vector<int32_t> rows) {
  State next;
  next.permuted.resize(numRows * numCols);
  for (int64_t row = 0; row < numRows; ++row) {
    const float *in = scores.data() + rows[row] * numCols;
    float *out = next.permuted.data() + row * numCols;
    for (int64_t col = 0; col < numCols; ++col)
      out[col] = in[columns[col]];
  }
  PruneOptions pruneOptions;
  pruneOptions.columnChoice = options.columnChoice;
  pruneOptions.threads = options.threads;
  llvm::Expected<Structure> structure =
      prune(next.permuted, numRows, numCols, pattern, pruneOptions);
  if (!structure)
    return structure.takeError();
  next.kept = retainedImportance(next.permuted, *structure);
  if (!state.rows.empty() && next.kept <= state.kept)
    return llvm::Error::success();
  next.structure = std::move(*structure);
  next.columns = std::move(columns);
  next.rows = std::move(rows);
  state = std::move(next);
  return llvm::Error::success();
}

std::vector<int32_t> StrictPermuter::dealColumns() const {
  std::vector<double> sums(numCols, 0);
  for (int64_t i = 0; i < numRows * numCols; ++i)
    sums[i % numCols] += scores[i];
  std::vector<int32_t> order(numCols), result(numCols);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int32_t a, int32_t b) {
    return sums[a] != sums[b] ? sums[a] > sums[b] : a < b;
  });
  int64_t groups = numCols / pattern.m;
  for (int64_t i = 0; i < numCols; ++i) {
    if (i >= groups * pattern.m) {
      result[i] = order[i]; // the least important go to the short group
      continue;
    }
    int64_t position = i / groups, group = i % groups;
    if (position % 2)
      group = groups - 1 - group;
    result[group * pattern.m + position] = order[i];
  }
  return result;
}

StrictPermuter::Rest StrictPermuter::findRest(int64_t panel, int64_t group,
                                              int64_t position) const {
  int32_t moving = int32_t(group * pattern.m + position);
  llvm::ArrayRef<int32_t> chosen =
      llvm::ArrayRef(state.structure.columns)
          .slice((panel * state.structure.numGroups() + group) *
                     kColumnsPerGroup,
                 kColumnsPerGroup);
  Rest rest;
  for (int32_t id : chosen)
    if (id != moving)
      rest.columns.push_back(id);
  if (rest.columns.size() == kColumnsPerGroup) {
    rest.kept = keptOf(panel, rest.columns);
    return rest;
  }
  // The moving column was chosen; the best of the others takes its place.
  int32_t best = -1;
  rest.columns.push_back(0);
  for (int32_t id = int32_t(group * pattern.m);
       id < int32_t((group + 1) * pattern.m); ++id) {
    if (id == moving || llvm::is_contained(chosen, id))
      continue;
    rest.columns.back() = id;
    float kept = keptOf(panel, rest.columns);
    if (best >= 0 && kept <= rest.kept)
      continue;
    rest.kept = kept;
    best = id;
  }
  rest.columns.back() = best;
  if (best < 0) // M = 4: there are no others
    rest.columns.pop_back();
  return rest;
}

float StrictPermuter::keptOf(int64_t panel, llvm::ArrayRef<int32_t> ids) const {
  float sum = 0;
  int64_t begin = panel * pattern.v;
  for (int64_t i = begin; i < std::min(begin + pattern.v, numRows); ++i) {
    const float *row = permutedRow(i);
    float first = 0, second = 0;
    for (int32_t id : ids) {
      second = std::max(second, std::min(first, row[id]));
      first = std::max(first, row[id]);
    }
    sum += first + second;
  }
  return sum;
}

void StrictPermuter::addPanelGains(int64_t panel, int64_t group,
                                   int64_t position,
                                   llvm::ArrayRef<float> candidates,
                                   float *gains) const {
  int64_t begin = panel * pattern.v;
  int64_t count = std::min(pattern.v, numRows - begin);
  int64_t stride = int64_t(candidates.size()) / pattern.v;
  Rest rest = findRest(panel, group, position);
  // A new column replaces one of the four, or none.
  std::vector<float> second(count * kTileGroups), tile(kTileGroups * stride);
  float base[kTileGroups] = {};
  for (int64_t i = 0; i < count; ++i)
    for (int64_t way = 0; way < kTileGroups; ++way) {
      const float *row = permutedRow(begin + i);
      float high = 0, low = 0;
      for (size_t slot = 0; slot < rest.columns.size(); ++slot) {
        if (rest.columns.size() == kColumnsPerGroup && int64_t(slot) == way)
          continue;
        low = std::max(low, std::min(high, row[rest.columns[slot]]));
        high = std::max(high, row[rest.columns[slot]]);
      }
      base[way] += high;
      second[i * kTileGroups + way] = low;
    }
  findGains(level, second.data(), kTileGroups, base, candidates.data(), stride,
            stride, count, tile.data(), stride);
  for (int64_t i = 0; i < stride; ++i) {
    float kept = rest.kept;
    for (int64_t way = 0; way < kTileGroups; ++way)
      kept = std::max(kept, tile[way * stride + i]);
    gains[i] += kept;
  }
}

std::vector<int32_t> StrictPermuter::assignColumns(int64_t position) {
  int64_t groups = numCols / pattern.m;
  int64_t stride = ceilDiv(groups, kLanes) * kLanes;
  std::vector<float> gains(groups * stride, 0);
  std::vector<float> candidates(pattern.v * stride, 0);
  for (int64_t panel = 0; panel < pattern.numPanels(numRows); ++panel) {
    int64_t begin = panel * pattern.v;
    int64_t count = std::min(pattern.v, numRows - begin);
    for (int64_t i = 0; i < count; ++i)
      for (int64_t group = 0; group < groups; ++group)
        candidates[i * stride + group] =
            permutedRow(begin + i)[group * pattern.m + position];
    parallelFor(options.threads, groups, stride * count, [&](int64_t group) {
      addPanelGains(panel, group, position, candidates,
                    gains.data() + group * stride);
    });
  }
  // Only differences matter, and small numbers lose less to rounding.
  for (int64_t group = 0; group < groups; ++group) {
    float own = gains[group * stride + group];
    for (int64_t i = 0; i < groups; ++i)
      gains[group * stride + i] -= own;
  }
  std::vector<int32_t> assigned(groups), columns = state.columns;
  AssignmentSolver(level).solve(gains.data(), groups, groups, stride,
                                AssignmentSolver::Start::Exact,
                                assigned.data());
  for (int64_t group = 0; group < groups; ++group)
    columns[group * pattern.m + position] =
        state.columns[assigned[group] * pattern.m + position];
  return columns;
}

std::vector<int32_t> StrictPermuter::assignRows() {
  int64_t numPanels = pattern.numPanels(numRows);
  int64_t numSlots = pattern.numColumnSlots(numCols);
  std::vector<std::vector<int32_t>> slots(numPanels);
  for (int64_t panel = 0; panel < numPanels; ++panel) {
    const int32_t *first = state.structure.columns.data() + panel * numSlots;
    slots[panel].assign(first, first + numSlots);
  }
  std::vector<float> values =
      valuesInPanels(state.permuted, numRows, numCols, slots, options.threads);
  std::vector<int32_t> panelOf(numRows);
  for (int64_t row = 0; row < numRows; ++row)
    panelOf[row] = int32_t(row / pattern.v);
  if (numRows > kMaxAssignedRows) {
    RowExchange(values, numPanels).run(panelOf);
  } else {
    int64_t stride = ceilDiv(numRows, kLanes) * kLanes;
    std::vector<float> matrix(numRows * stride);
    for (int64_t row = 0; row < numRows; ++row)
      for (int64_t place = 0; place < numRows; ++place)
        matrix[row * stride + place] =
            values[row * numPanels + place / pattern.v] -
            values[row * numPanels + row / pattern.v];
    AssignmentSolver(level).solve(matrix.data(), numRows, numRows, stride,
                                  AssignmentSolver::Start::Exact,
                                  panelOf.data());
    for (int32_t &place : panelOf)
      place /= int32_t(pattern.v);
  }
  std::vector<int32_t> places(numRows), rows(numRows);
  std::iota(places.begin(), places.end(), 0);
  llvm::sort(places, [&](int32_t a, int32_t b) {
    return panelOf[a] != panelOf[b] ? panelOf[a] < panelOf[b] : a < b;
  });
  for (int64_t row = 0; row < numRows; ++row)
    rows[row] = state.rows[places[row]];
  return rows;
}

llvm::Expected<StrictPermutation> StrictPermuter::run() {
  std::vector<int32_t> columns(numCols), rows(numRows);
  std::iota(columns.begin(), columns.end(), 0);
  std::iota(rows.begin(), rows.end(), 0);
  llvm::Error error = offer(columns, rows);
  bool permuteColumns = options.permuteColumns && numCols >= 2 * pattern.m;
  if (!error && permuteColumns && options.iterations > 0)
    error = offer(dealColumns(), state.rows);
  for (int64_t i = 0; i < options.iterations && !error; ++i) {
    for (int64_t position = 0; permuteColumns && position < pattern.m && !error;
         ++position)
      error = offer(assignColumns(position), state.rows);
    if (!error && options.permuteRows && numRows > pattern.v)
      error = offer(state.columns, assignRows());
  }
  if (error)
    return std::move(error);
  StrictPermutation result;
  result.columns = state.columns;
  result.rows = state.rows;
  result.permuted = state.structure;
  result.absorbed = std::move(state.structure);
  result.absorbed.form = Form::Free;
  result.absorbed.rows = state.rows;
  for (int32_t &id : result.absorbed.columns)
    id = id == numCols ? id : state.columns[id];
  return result;
}

llvm::Expected<StrictPermutation>
vnm::sparsity::permuteStrict(llvm::ArrayRef<float> scores, int64_t rows,
                             int64_t cols, const Pattern &pattern,
                             const StrictPermuteOptions &options) {
  if (options.iterations < 0)
    return makeError("requires iterations to be at least 0, but they are " +
                     Twine(options.iterations));
  if (llvm::Error error =
          detail::checkSizes(scores.size(), rows, cols, pattern))
    return std::move(error);
  return StrictPermuter(scores, rows, cols, pattern, options).run();
}
