// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the choice of a block's columns against brute force.

#include "ColumnChoice.h"
#include "TestUtils.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// Adds as Prune.h says: row l, l + 16, ... into lane l of 16, then the upper
/// half of the lanes onto the lower.
static float addInLanes(const std::vector<float> &rows) {
  float lanes[16] = {};
  for (size_t row = 0; row < rows.size(); ++row)
    lanes[row % 16] += rows[row];
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane)
      lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/// What the rows keep of four columns, from the definition: sort, add.
static float keptOf(const std::vector<float> &scores, int64_t rows,
                    const int32_t (&ids)[4]) {
  std::vector<float> kept(rows);
  for (int64_t row = 0; row < rows; ++row) {
    float four[4];
    for (int i = 0; i < 4; ++i)
      four[i] = scores[ids[i] * rows + row];
    std::sort(four, four + 4);
    kept[row] = four[3] + four[2];
  }
  return addInLanes(kept);
}

/// The first of all quadruples, in lexicographic order, that keeps the most.
static std::vector<int32_t> bruteForce(const std::vector<float> &scores,
                                       int64_t rows, int32_t cols) {
  std::vector<int32_t> best;
  float bestKept = -1;
  for (int32_t a = 0; a < cols; ++a)
    for (int32_t b = a + 1; b < cols; ++b)
      for (int32_t c = b + 1; c < cols; ++c)
        for (int32_t d = c + 1; d < cols; ++d)
          if (float kept = keptOf(scores, rows, {a, b, c, d});
              kept > bestKept) {
            bestKept = kept;
            best = {a, b, c, d};
          }
  return best;
}

static void expectBruteForce(const std::vector<float> &scores, int64_t rows,
                             int64_t cols, const char *what) {
  llvm::SmallVector<int32_t, 4> ids = bestColumns(scores, rows, cols);
  EXPECT_EQ(std::vector<int32_t>(ids.begin(), ids.end()),
            bruteForce(scores, rows, int32_t(cols)))
      << what << ": " << rows << " rows, " << cols << " columns";
}

/// Score distributions, from smooth to full of ties.
static float pickScore(Random &random, int kind, int64_t col) {
  switch (kind) {
  case 0: // Smooth.
    return pickUnit(random);
  case 1: // Few levels: exact ties between many quadruples.
    return float(pick(random, 0, 2));
  case 2: // Mostly zeros.
    return pick(random, 0, 15) == 0 ? 1.0f : 0.0f;
  case 3: // Equal columns in pairs.
    return float((uint64_t(col / 2) * 2654435761u + random() % 2) % 7);
  case 4: // Magnitudes from subnormal to huge.
    return std::ldexp(pickUnit(random), int(pick(random, -140, 100)));
  case 5: // Sums differ by their rounding: the order of addition decides.
    return 1.0f + float(pick(random, 0, 3)) * 0x1p-23f;
  default: // One column much larger than others, the rest nearly equal.
    return col == 3 ? 100.0f : 1.0f + float(pick(random, 0, 1)) * 0x1p-20f;
  }
}

/// Kinds of pickScore.
static constexpr int kNumKinds = 7;

class ColumnChoiceTest : public testing::TestWithParam<int64_t> {};

TEST_P(ColumnChoiceTest, IsBruteForceForEveryM) {
  int64_t rows = GetParam();
  Random random(rows);
  for (int64_t cols = 4; cols <= 32; ++cols)
    for (int kind = 0; kind < kNumKinds; ++kind) {
      std::vector<float> scores;
      for (int64_t col = 0; col < cols; ++col)
        for (int64_t row = 0; row < rows; ++row)
          scores.push_back(pickScore(random, kind, col));
      expectBruteForce(scores, rows, cols, std::to_string(kind).c_str());
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ColumnChoiceTest,
                         testing::Values(1, 7, 16, 32, 50, 64, 128));

TEST(ColumnChoice, BreaksTiesLexicographically) {
  for (int64_t cols : {5, 8, 9, 16, 32, 40}) {
    for (float score : {0.0f, 1.0f, 3e38f}) {
      // All equal, and so large that sums overflow: the first four.
      std::vector<float> scores(64 * cols, score);
      llvm::SmallVector<int32_t, 4> ids = bestColumns(scores, 64, cols);
      EXPECT_EQ(std::vector<int32_t>(ids.begin(), ids.end()),
                (std::vector<int32_t>{0, 1, 2, 3}))
          << cols << " columns of " << score;
    }
  }
  // Two good columns at the end: the others are ties.
  for (int64_t cols : {8, 16, 32}) {
    std::vector<float> scores(64 * cols, 1.0f);
    std::fill(scores.end() - 2 * 64, scores.end(), 2.0f);
    llvm::SmallVector<int32_t, 4> ids = bestColumns(scores, 64, cols);
    EXPECT_EQ(
        std::vector<int32_t>(ids.begin(), ids.end()),
        (std::vector<int32_t>{0, 1, int32_t(cols) - 2, int32_t(cols) - 1}));
  }
}

TEST(ColumnChoice, IsBruteForceWhereSumsOverflow) {
  Random random(9);
  for (int64_t cols : {8, 12, 17}) {
    std::vector<float> scores;
    for (int64_t i = 0; i < 64 * cols; ++i)
      scores.push_back(std::numeric_limits<float>::max() * pickUnit(random));
    expectBruteForce(scores, 64, cols, "overflow");
  }
}

TEST(ColumnChoice, TakesAllOfFewColumns) {
  for (int64_t cols = 1; cols <= 4; ++cols) {
    std::vector<float> scores(16 * cols, 1.0f);
    llvm::SmallVector<int32_t, 4> ids = bestColumns(scores, 16, cols);
    ASSERT_EQ(int64_t(ids.size()), cols);
    for (int32_t i = 0; i < cols; ++i)
      EXPECT_EQ(ids[i], i);
  }
}

TEST(ColumnChoice, ExchangeBeyondTheExactRangeIsNearlyExact) {
  Random random(10);
  double kept = 0, best = 0;
  for (int trial = 0; trial < 4; ++trial) {
    int64_t rows = 32;
    int32_t cols = 36;
    std::vector<float> scores;
    for (int64_t i = 0; i < rows * cols; ++i)
      scores.push_back(pickUnit(random));
    llvm::SmallVector<int32_t, 4> ids = bestColumns(scores, rows, cols);
    ASSERT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    std::vector<int32_t> brute = bruteForce(scores, rows, cols);
    kept += keptOf(scores, rows, {ids[0], ids[1], ids[2], ids[3]});
    best += keptOf(scores, rows, {brute[0], brute[1], brute[2], brute[3]});
  }
  EXPECT_LE(kept, best);
  EXPECT_GE(kept, 0.99 * best);
}

TEST(ColumnChoice, IsTheSameAtEveryVectorLevel) {
  Random random(11);
  for (int trial = 0; trial < 300; ++trial) {
    int64_t numBlocks = pick(random, 1, 9), cols = pick(random, 5, 40);
    int kind = int(pick(random, 0, kNumKinds - 1));
    std::vector<detail::LaneBlock> blocks(numBlocks * cols);
    for (int64_t i = 0; i < numBlocks * cols; ++i)
      for (float &score : blocks[i].lane)
        score = pickScore(random, kind, i / numBlocks);
    detail::BlockScores scores{blocks.data(), cols, numBlocks};
    for (ColumnChoice choice : {ColumnChoice::Exact, ColumnChoice::L1}) {
      std::vector<int32_t> expected;
      std::vector<uint16_t> expectedNibbles;
      for (int level = 0; level <= int(detail::bestVectorLevel()); ++level) {
        std::vector<int32_t> ids(4);
        detail::ColumnChooser(detail::VectorLevel(level))
            .choose(scores, choice, ids.data());
        const detail::LaneBlock *columns[4];
        for (int i = 0; i < 4; ++i)
          columns[i] = scores.column(ids[i]);
        std::vector<uint16_t> nibbles(numBlocks * detail::kLanes);
        detail::findNibbles(columns, numBlocks, nibbles.data(),
                            detail::VectorLevel(level));
        if (level == 0) {
          expected = ids;
          expectedNibbles = nibbles;
        }
        EXPECT_EQ(ids, expected) << "level " << level;
        EXPECT_EQ(nibbles, expectedNibbles) << "level " << level;
      }
    }
  }
}
