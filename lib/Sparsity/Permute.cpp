// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements permutation for the free form.

#include "vnm/Sparsity/Permute.h"
#include "Detail.h"
#include "FreeSearch.h"
#include "RowClusters.h"
#include "RowExchange.h"
#include "llvm/Support/ErrorHandling.h"
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

llvm::StringRef vnm::sparsity::toString(Effort effort) {
  switch (effort) {
  case Effort::Fast:
    return "fast";
  case Effort::Default:
    return "default";
  case Effort::High:
    return "high";
  }
  llvm_unreachable("unknown effort");
}

llvm::Expected<Effort> vnm::sparsity::parseEffort(llvm::StringRef text) {
  for (Effort effort : {Effort::Fast, Effort::Default, Effort::High})
    if (text == toString(effort))
      return effort;
  return makeError("requires an effort of fast, default or high, but found '" +
                   text + "'");
}

namespace {
/// All that an effort stands for.
struct Settings {
  FreeSearchSettings columns;
  RowClusterSettings rows;
  /// Times that rows move between panels whose columns are known, and the
  /// priced passes of the search after each.
  int64_t moves = 1, pricedPasses = 2;
  /// Rows are compared on at most this many columns at first.
  int64_t maxClusterColumns = 4096;
};

/// Which rows each panel holds and which columns; both search's state and its
/// result.
struct Plan {
  std::vector<std::vector<int32_t>> members;
  std::vector<std::vector<int32_t>> slots;
  /// What each panel keeps.
  std::vector<double> kept;

  double total() const {
    return std::accumulate(kept.begin(), kept.end(), 0.0);
  }
};

/// Searches plans for one weight.
class Permuter {
public:
  Permuter(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
           const Pattern &pattern, const PermuteOptions &options);

  /// Columns for rows in their natural order. No panel keeps less than its
  /// part of the strict plan does.
  Plan searchColumns(const Structure &strict);
  /// Rows, then columns.
  Plan searchRowsAndColumns();
  /// Writes the plan down.
  void store(const Plan &plan, Structure &structure);

private:
  /// The panel of every row, by which columns the rows want.
  std::vector<int32_t> clusterRows();
  /// Runs `body` with the index and the scores of every panel.
  void
  forEachPanel(const Plan &plan,
               llvm::function_ref<void(int64_t, const PanelScores &)> body);
  void searchPanels(Plan &plan, int64_t passes, bool warm, uint64_t stage);

  llvm::ArrayRef<float> scores;
  int64_t rows, cols;
  Pattern pattern;
  PermuteOptions options;
  Settings settings;
};
} // namespace

static Settings settingsFor(Effort effort) {
  // {window, passes, priced passes, reserve, gain}, {rounds, sweeps, tries},
  // moves, priced passes, cluster columns
  switch (effort) {
  case Effort::Fast:
    return {{64, 1, 1, 4, 2e-4}, {4, 0, 0}, 0, 1, 4096};
  case Effort::Default:
    return {{128, 3, 3, 3, 2e-4}, {10, 1, 8}, 1, 3, 4096};
  case Effort::High:
    return {{192, 6, 2, 4, 2e-4}, {15, 6, 32}, 2, 2, 8192};
  }
  llvm_unreachable("unknown effort");
}

Permuter::Permuter(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
                   const Pattern &pattern, const PermuteOptions &options)
    : scores(scores), rows(rows), cols(cols), pattern(pattern),
      options(options), settings(settingsFor(options.effort)) {}

void Permuter::forEachPanel(
    const Plan &plan,
    llvm::function_ref<void(int64_t, const PanelScores &)> body) {
  parallelFor(options.threads, int64_t(plan.members.size()), cols * pattern.v,
              [&](int64_t index) {
                PanelScores panel;
                panel.gather(scores, cols, plan.members[index]);
                body(index, panel);
              });
}

void Permuter::searchPanels(Plan &plan, int64_t passes, bool warm,
                            uint64_t stage) {
  FreeSearchSettings columns = settings.columns;
  columns.passes = passes;
  if (warm)
    columns.pricedPasses = settings.pricedPasses;
  plan.slots.resize(plan.members.size());
  plan.kept.resize(plan.members.size());
  forEachPanel(plan, [&](int64_t index, const PanelScores &panel) {
    std::vector<int32_t> &slots = plan.slots[index];
    FreeSearch search(columns);
    slots.resize(pattern.numColumnSlots(cols));
    search.rankColumns(panel, int64_t(slots.size()),
                       warm ? llvm::ArrayRef<int32_t>(slots)
                            : llvm::ArrayRef<int32_t>());
    if (!warm)
      search.deal(panel, slots);
    uint64_t seed = Shuffler(options.seed, uint64_t(index), stage).next();
    search.improve(panel, seed, slots);
    plan.kept[index] = panel.kept(slots);
  });
}

Plan Permuter::searchColumns(const Structure &strict) {
  Plan plan;
  plan.members.resize(pattern.numPanels(rows));
  for (int64_t row = 0; row < rows; ++row)
    plan.members[row / pattern.v].push_back(int32_t(row));
  searchPanels(plan, settings.columns.passes, /*warm=*/false, /*stage=*/0);
  int64_t numSlots = pattern.numColumnSlots(cols);
  forEachPanel(plan, [&](int64_t index, const PanelScores &panel) {
    const int32_t *first = strict.columns.data() + index * numSlots;
    std::vector<int32_t> strictSlots(first, first + numSlots);
    double strictKept = panel.kept(strictSlots);
    if (plan.kept[index] >= strictKept)
      return;
    // The search started from a worse place: start again from the strict plan.
    std::vector<int32_t> slots = strictSlots;
    FreeSearch search(settings.columns);
    search.rankColumns(panel, numSlots);
    search.improve(panel, options.seed, slots);
    plan.kept[index] = panel.kept(slots);
    if (plan.kept[index] < strictKept) {
      slots = strictSlots;
      plan.kept[index] = strictKept;
    }
    plan.slots[index] = slots;
  });
  return plan;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

std::vector<int32_t> Permuter::clusterRows() {
  int64_t step = ceilDiv(cols, settings.maxClusterColumns);
  if (step == 1)
    return RowClusters(scores, rows, cols, pattern, options.threads)
        .run(settings.rows);
  // Which rows are alike shows in a part of the columns, too.
  int64_t sampled = ceilDiv(cols, step);
  std::vector<float> sample(rows * sampled);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < sampled; ++i)
      sample[row * sampled + i] = scores[row * cols + i * step];
  return RowClusters(sample, rows, sampled, pattern, options.threads)
      .run(settings.rows);
}

Plan Permuter::searchRowsAndColumns() {
  int64_t numPanels = pattern.numPanels(rows);
  std::vector<int32_t> panelOf = clusterRows();
  Plan plan;
  plan.members = RowClusters::membersOf(panelOf, numPanels);
  // Rows move as soon as the columns are roughly known.
  int64_t firstPasses = std::min<int64_t>(2, settings.columns.passes);
  constexpr double kMinGain = 2e-4;
  searchPanels(plan, firstPasses, /*warm=*/false, /*stage=*/1);
  for (int64_t move = 0; move < settings.moves; ++move) {
    std::vector<float> values =
        valuesInPanels(scores, rows, cols, plan.slots, options.threads);
    double gain = RowExchange(values, numPanels).run(panelOf);
    plan.members = RowClusters::membersOf(panelOf, numPanels);
    searchPanels(plan, settings.columns.passes, /*warm=*/true,
                 uint64_t(2 + move));
    if (gain <= kMinGain * plan.total())
      break;
  }
  return plan;
}

void Permuter::store(const Plan &plan, Structure &structure) {
  structure.form = Form::Free;
  structure.rows.clear();
  for (const std::vector<int32_t> &members : plan.members)
    structure.rows.insert(structure.rows.end(), members.begin(), members.end());
  std::vector<int32_t> identity(rows);
  std::iota(identity.begin(), identity.end(), 0);
  if (structure.rows == identity)
    structure.rows.clear();
  forEachPanel(plan, [&](int64_t index, const PanelScores &panel) {
    storePanel(panel, plan.slots[index], index, structure);
  });
}

llvm::Expected<Structure>
vnm::sparsity::permute(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
                       const Pattern &pattern, const PermuteOptions &options) {
  PruneOptions pruneOptions;
  pruneOptions.columnChoice = options.columnChoice;
  pruneOptions.threads = options.threads;
  llvm::Expected<Structure> strict =
      prune(scores, rows, cols, pattern, pruneOptions);
  if (!strict)
    return strict.takeError();
  Structure structure = std::move(*strict);
  Permuter permuter(scores, rows, cols, pattern, options);
  Plan plan = permuter.searchColumns(structure);
  if (options.permuteRows && pattern.numPanels(rows) > 1) {
    Plan other = permuter.searchRowsAndColumns();
    if (other.total() > plan.total())
      plan = std::move(other);
  }
  permuter.store(plan, structure);
  return structure;
}
