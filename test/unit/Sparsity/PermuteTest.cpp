// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests permutation for the free form with an independent evaluator.

#include "vnm/Sparsity/Permute.h"
#include "Ensembles.h"
#include "Evaluator.h"
#include "FreeSearch.h"
#include "TestUtils.h"
#include <cmath>
#include <numeric>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// Two sums of the same doubles in another order.
static constexpr double kRounding = 1e-12;

static bool same(const Structure &a, const Structure &b) {
  return a.columns == b.columns && a.metadata == b.metadata && a.rows == b.rows;
}

static double total(const std::vector<float> &scores) {
  return std::accumulate(scores.begin(), scores.end(), 0.0);
}

TEST(Permute, IsLegalAndNeverWorseOnRaggedShapes) {
  auto holds = [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{int64_t(16) << pick(random, 0, 2), 2, pick(random, 4, 18)};
    int64_t rows = pick(random, 1, 150), cols = pick(random, 1, 100);
    std::vector<float> scores(rows * cols);
    int64_t levels = pick(random, 0, 3);
    for (float &score : scores)
      score = levels ? float(pick(random, 0, levels)) : pickUnit(random);
    PermuteOptions options;
    options.effort = Effort(pick(random, 0, 2));
    options.columnChoice = ColumnChoice(pick(random, 0, 1));
    options.seed = seed;
    PruneOptions strictOptions;
    strictOptions.columnChoice = options.columnChoice;
    Structure strict = take(prune(scores, rows, cols, pattern, strictOptions));
    Structure free = take(permute(scores, rows, cols, pattern, options));
    options.permuteRows = true;
    Structure both = take(permute(scores, rows, cols, pattern, options));
    take(verifyStructure(free));
    take(verifyStructure(both));
    RC_ASSERT(free.rows.empty());
    double slack = kRounding * total(scores);
    double keptFree = evaluate(scores, free);
    RC_ASSERT(keptFree >= evaluate(scores, strict) - slack);
    RC_ASSERT(evaluate(scores, both) >= keptFree - slack);
    RC_ASSERT(std::abs(retainedImportance(scores, both) * total(scores) -
                       evaluate(scores, both)) <= slack + kRounding);
  };
  EXPECT_TRUE(rc::check("permute never keeps less", holds));
}

TEST(Permute, DoesNotDependOnThreads) {
  for (Ensemble ensemble : {Ensemble::Gauss, Ensemble::Clust}) {
    std::vector<float> scores = makeScores(ensemble, 300, 411);
    for (Effort effort : {Effort::Fast, Effort::Default, Effort::High})
      for (bool permuteRows : {false, true}) {
        PermuteOptions options;
        options.effort = effort;
        options.permuteRows = permuteRows;
        options.threads = 1;
        Structure expected =
            take(permute(scores, 300, 411, {32, 2, 8}, options));
        for (unsigned threads : {2, 3, 8}) {
          options.threads = threads;
          EXPECT_TRUE(same(
              expected, take(permute(scores, 300, 411, {32, 2, 8}, options))))
              << threads;
        }
      }
  }
}

TEST(Permute, DependsOnTheSeedOnly) {
  std::vector<float> scores = makeScores(Ensemble::Gauss, 64, 700);
  PermuteOptions options;
  Structure first = take(permute(scores, 64, 700, {64, 2, 8}, options));
  EXPECT_TRUE(same(first, take(permute(scores, 64, 700, {64, 2, 8}, options))));
  options.seed = 1;
  EXPECT_FALSE(
      same(first, take(permute(scores, 64, 700, {64, 2, 8}, options))));
}

TEST(Permute, OrdersColumnsAndRows) {
  std::vector<float> scores = makeScores(Ensemble::Clust, 256, 256);
  PermuteOptions options;
  options.permuteRows = true;
  Structure result = take(permute(scores, 256, 256, {64, 2, 8}, options));
  ASSERT_EQ(result.rows.size(), 256u);
  for (size_t i = 0; i < 256; ++i)
    EXPECT_TRUE(i % 64 == 0 || result.rows[i - 1] < result.rows[i]);
  for (size_t i = 0; i < result.columns.size(); ++i) {
    if (i % 4)
      EXPECT_LT(result.columns[i - 1], result.columns[i]);
    else if (i % 128)
      EXPECT_LT(result.columns[i - 4], result.columns[i]);
  }
}

/// Gain in percent over exact strict form, by the evaluator.
static double gainOf(Ensemble ensemble, const Pattern &pattern, Effort effort,
                     bool permuteRows) {
  std::vector<float> scores = makeScores(ensemble, 768, 768);
  PermuteOptions options;
  options.effort = effort;
  options.permuteRows = permuteRows;
  double exact = evaluate(scores, take(prune(scores, 768, 768, pattern)));
  double kept =
      evaluate(scores, take(permute(scores, 768, 768, pattern, options)));
  return 100 * (kept / exact - 1);
}

TEST(Permute, GainsWhatTheDocumentationSays) {
  struct Target {
    Pattern pattern;
    double gain;
  };
  for (const Target &target :
       {Target{{64, 2, 4}, 3.2}, Target{{64, 2, 5}, 4.4},
        Target{{64, 2, 8}, 5.4}, Target{{64, 2, 16}, 5.3},
        Target{{32, 2, 8}, 6.4}, Target{{128, 2, 8}, 4.3}})
    for (Ensemble ensemble :
         {Ensemble::Gauss, Ensemble::T3, Ensemble::Wanda, Ensemble::Heads})
      EXPECT_GE(gainOf(ensemble, target.pattern, Effort::Default, true),
                target.gain)
          << toString(ensemble).str() << " " << target.pattern.str();
  EXPECT_GE(gainOf(Ensemble::Clust, {64, 2, 8}, Effort::Default, true), 18);
  EXPECT_GE(gainOf(Ensemble::Gauss, {64, 2, 8}, Effort::Default, false), 3.7);
}

TEST(Permute, GainsMoreWithEffort) {
  for (Ensemble ensemble : {Ensemble::Gauss, Ensemble::Clust}) {
    double fast = gainOf(ensemble, {64, 2, 8}, Effort::Fast, true);
    double normal = gainOf(ensemble, {64, 2, 8}, Effort::Default, true);
    double high = gainOf(ensemble, {64, 2, 8}, Effort::High, true);
    EXPECT_GT(fast, 0);
    EXPECT_GT(normal, fast);
    EXPECT_GT(high, normal);
  }
}

TEST(Permute, ComparesWideRowsOnAPartOfTheColumns) {
  std::vector<float> scores = makeScores(Ensemble::Clust, 64, 5000);
  PermuteOptions options;
  double columns =
      evaluate(scores, take(permute(scores, 64, 5000, {16, 2, 8}, options)));
  options.permuteRows = true;
  Structure result = take(permute(scores, 64, 5000, {16, 2, 8}, options));
  take(verifyStructure(result));
  EXPECT_GT(evaluate(scores, result), 1.02 * columns);
}

TEST(Permute, KeepsEverythingOfNarrowWeights) {
  // 5 columns in 2 groups of 4 slots: with 3 and 2 of them, 4 of 5 stay.
  std::vector<float> scores = {1, 2, 3, 4, 5};
  Structure structure = take(permute(scores, 1, 5, {16, 2, 4}));
  take(verifyStructure(structure));
  EXPECT_EQ(evaluate(scores, structure), 14);
}

TEST(Permute, RefusesWhatPruneRefuses) {
  EXPECT_EQ(messageOf(permute({1, -1}, 1, 2, {16, 2, 4})),
            "requires scores to be finite and not negative, but score (0, 1) "
            "is -1.000000");
  EXPECT_EQ(messageOf(permute({1, NAN}, 1, 2, {16, 2, 4})),
            "requires scores to be finite and not negative, but score (0, 1) "
            "is nan");
  EXPECT_EQ(messageOf(permute({1}, 1, 2, {16, 2, 4})),
            "requires R x K = 1 x 2 = 2 scores, but there are 1");
}

/// The scores in another order.
static std::vector<float> permuted(const std::vector<float> &scores,
                                   const StrictPermutation &order) {
  std::vector<float> result;
  for (int32_t row : order.rows)
    for (int32_t col : order.columns)
      result.push_back(scores[size_t(row) * order.columns.size() + col]);
  return result;
}

TEST(PermuteStrict, IsLegalAndNeverWorse) {
  Random random(11);
  for (int i = 0; i < 60; ++i) {
    Pattern pattern{int64_t(16) << pick(random, 0, 1), 2, pick(random, 4, 12)};
    int64_t rows = pick(random, 1, 100), cols = pick(random, 1, 120);
    std::vector<float> scores(rows * cols);
    for (float &score : scores)
      score = pickUnit(random);
    StrictPermuteOptions options;
    options.columnChoice = ColumnChoice(pick(random, 0, 1));
    PruneOptions pruneOptions;
    pruneOptions.columnChoice = options.columnChoice;
    StrictPermutation result =
        take(permuteStrict(scores, rows, cols, pattern, options));
    take(verifyStructure(result.permuted));
    take(verifyStructure(result.absorbed));
    double kept = evaluate(scores, result.absorbed);
    double slack = kRounding * total(scores);
    EXPECT_NEAR(kept, evaluate(permuted(scores, result), result.permuted),
                slack);
    EXPECT_GE(kept, evaluate(scores, take(prune(scores, rows, cols, pattern,
                                                pruneOptions))) -
                        slack);
    options.threads = 2;
    EXPECT_TRUE(same(
        result.absorbed,
        take(permuteStrict(scores, rows, cols, pattern, options)).absorbed));
  }
}

TEST(PermuteStrict, LosesToHighEffort) {
  for (Ensemble ensemble : kEnsembles) {
    std::vector<float> scores = makeScores(ensemble, 768, 768);
    double strict = evaluate(scores, take(prune(scores, 768, 768, {64, 2, 8})));
    StrictPermuteOptions options;
    double paper = evaluate(
        scores,
        take(permuteStrict(scores, 768, 768, {64, 2, 8}, options)).absorbed);
    EXPECT_GT(paper, strict * 1.01);
    EXPECT_GT(gainOf(ensemble, {64, 2, 8}, Effort::High, true),
              100 * (paper / strict - 1) + 1);
  }
}

TEST(PermuteStrict, RefusesBadInput) {
  StrictPermuteOptions options;
  options.iterations = -1;
  EXPECT_EQ(messageOf(permuteStrict({1}, 1, 1, {16, 2, 4}, options)),
            "requires iterations to be at least 0, but they are -1");
  EXPECT_EQ(messageOf(permuteStrict({1, 2}, 1, 1, {16, 2, 4})),
            "requires R x K = 1 x 1 = 1 scores, but there are 2");
  EXPECT_EQ(messageOf(permuteStrict({1, -2}, 1, 2, {16, 2, 4})),
            "requires scores to be finite and not negative, but score (0, 1) "
            "is -2.000000");
}

TEST(FreeSearch, DoesNotDependOnTheVectorLevel) {
  std::vector<float> scores = makeScores(Ensemble::Wanda, 100, 300);
  std::vector<int32_t> rows(100);
  std::iota(rows.begin(), rows.end(), 0);
  detail::PanelScores panel;
  panel.gather(scores, 300, rows);
  std::vector<std::vector<int32_t>> results;
  for (detail::VectorLevel level :
       {detail::VectorLevel::Baseline, detail::VectorLevel::AVX2,
        detail::VectorLevel::AVX512}) {
    if (level > detail::bestVectorLevel())
      continue;
    detail::FreeSearch search({}, level);
    std::vector<int32_t> slots(4 * 38);
    search.rankColumns(panel, int64_t(slots.size()));
    search.deal(panel, slots);
    search.improve(panel, 5, slots);
    results.push_back(slots);
  }
  for (const std::vector<int32_t> &result : results)
    EXPECT_EQ(result, results[0]);
}

TEST(EffortName, Parses) {
  EXPECT_EQ(take(parseEffort("fast")), Effort::Fast);
  EXPECT_EQ(take(parseEffort("default")), Effort::Default);
  EXPECT_EQ(take(parseEffort("high")), Effort::High);
  EXPECT_EQ(messageOf(parseEffort("low")),
            "requires an effort of fast, default or high, but found 'low'");
}
