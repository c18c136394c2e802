// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the search for the columns of one panel in free form.

#ifndef VNM_LIB_SPARSITY_FREESEARCH_H
#define VNM_LIB_SPARSITY_FREESEARCH_H

#include "Assignment.h"
#include "PanelScores.h"
#include "Shuffle.h"

namespace vnm::sparsity::detail {

/// How hard to search.
struct FreeSearchSettings {
  /// Groups that exchange columns with one another at a time.
  int64_t window = 128;
  /// At most this many rounds over all groups.
  int64_t passes = 3;
  /// So many of the first rounds start assignments with prices: many times
  /// faster, but not quite the best exchange.
  int64_t pricedPasses = 2;
  /// At most this many columns per group, beyond those chosen, are tried.
  int64_t reservePerGroup = 4;
  /// A pass that gains less than this share of the value is the last.
  double minGain = 2e-4;
};

/// Searches panel after panel; holds the scratch memory for it. The result
/// depends on the panel's scores, the settings and the seed only.
class FreeSearch {
public:
  explicit FreeSearch(const FreeSearchSettings &settings,
                      VectorLevel level = bestVectorLevel())
      : settings(settings), level(level), solver(level) {}

  /// Ranks the columns for the next calls, which are about the same panel and
  /// as many slots. Columns known to be good, such as those of a plan, save
  /// most of the time.
  void rankColumns(const PanelScores &panel, int64_t numSlots,
                   llvm::ArrayRef<int32_t> known = {});

  /// Makes `slots` the columns of largest score beyond each row's threshold,
  /// dealt over the groups. There are as many slots as before.
  void deal(const PanelScores &panel, std::vector<int32_t> &slots);

  /// Exchanges columns while the rows keep more. Never keeps less, up to the
  /// rounding of sums.
  void improve(const PanelScores &panel, uint64_t seed,
               std::vector<int32_t> &slots);

private:
  /// Makes thresholds[row] the rank-th largest of the row's scores in `chosen`.
  void findThresholds(const PanelScores &panel, llvm::ArrayRef<int32_t> chosen,
                      int64_t rank);
  /// Lists the best columns that are in no slot.
  void findReserve(const PanelScores &panel, const std::vector<int32_t> &slots);
  /// One round over all groups; returns what it gained.
  double runPass(const PanelScores &panel, Shuffler random,
                 std::vector<int32_t> &slots);
  double runWindow(const PanelScores &panel,
                   llvm::MutableArrayRef<int32_t> reserve);
  /// Exchanges the columns at one position of the window's groups.
  double exchange(const PanelScores &panel, int64_t position);
  void applyExchange(const PanelScores &panel, int64_t position);

  FreeSearchSettings settings;
  VectorLevel level;
  AssignmentSolver solver;

  /// Columns, the best first; the first ranked are chosen.
  std::vector<int32_t> ranking;
  std::vector<float> columnScores, thresholds, buffer;
  std::vector<int32_t> reserve, order;
  AssignmentSolver::Start start = AssignmentSolver::Start::Exact;

  // The window: per panel row the scores of position 0 to 3 of its groups and
  // of its reserve, each filled up to a multiple of 16.
  int64_t numGroups = 0, groupWidth = 0, numReserve = 0, windowStride = 0;
  std::vector<int32_t> columns;
  std::vector<float> scores, second, base, gains;
  std::vector<int32_t> assignment;
};

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_FREESEARCH_H
