// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests pruning against a plain implementation of its definition.

#include "TestUtils.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// The nibble of one row: its two largest of four, ties to the lower position;
/// an empty slot loses against any score.
static unsigned plainNibble(const std::vector<float> &scores, int64_t row,
                            int64_t cols, const int32_t *ids) {
  int positions[4] = {0, 1, 2, 3};
  auto scoreAt = [&](int position) {
    return ids[position] == cols ? -1.0f : scores[row * cols + ids[position]];
  };
  std::sort(positions, positions + 4, [&](int a, int b) {
    return scoreAt(a) != scoreAt(b) ? scoreAt(a) > scoreAt(b) : a < b;
  });
  return unsigned(std::min(positions[0], positions[1]) |
                  std::max(positions[0], positions[1]) << 2);
}

/// The columns of one block by the paper's rule: largest sums, ties to the
/// lower column.
static std::vector<int32_t> plainL1(const std::vector<float> &columnMajor,
                                    int64_t rows, int64_t cols) {
  std::vector<float> sums;
  for (int64_t col = 0; col < cols; ++col) {
    float lanes[16] = {};
    for (int64_t row = 0; row < rows; ++row)
      lanes[row % 16] += columnMajor[col * rows + row];
    for (int half = 8; half > 0; half /= 2)
      for (int lane = 0; lane < half; ++lane)
        lanes[lane] += lanes[lane + half];
    sums.push_back(lanes[0]);
  }
  std::vector<int32_t> ids(cols);
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
    return sums[a] != sums[b] ? sums[a] > sums[b] : a < b;
  });
  ids.resize(std::min<int64_t>(4, cols));
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// Prunes block by block. The exact choice of one block is bestColumns, which
/// has its own test against brute force.
static Structure plainPrune(const std::vector<float> &scores, int64_t rows,
                            int64_t cols, const Pattern &pattern,
                            const PruneOptions &options) {
  Structure result;
  result.pattern = pattern;
  result.form = options.form;
  result.numRows = rows;
  result.numCols = cols;
  int64_t words = pattern.numMetadataWords(cols);
  result.metadata.assign(rows * words, 0x4444);
  for (int64_t row0 = 0; row0 < rows; row0 += pattern.v)
    for (int64_t col0 = 0; col0 < cols; col0 += pattern.m) {
      int64_t height = std::min(pattern.v, rows - row0);
      int64_t width = std::min(pattern.m, cols - col0);
      std::vector<float> block;
      for (int64_t col = col0; col < col0 + width; ++col)
        for (int64_t row = row0; row < row0 + height; ++row)
          block.push_back(scores[row * cols + col]);
      std::vector<int32_t> ids = plainL1(block, height, width);
      if (options.columnChoice == ColumnChoice::Exact) {
        llvm::SmallVector<int32_t, 4> best = bestColumns(block, height, width);
        ids.assign(best.begin(), best.end());
      }
      for (int32_t &id : ids)
        id += int32_t(col0);
      ids.resize(4, int32_t(cols));
      result.columns.insert(result.columns.end(), ids.begin(), ids.end());
      int64_t group = col0 / pattern.m, shift = group % 4 * 4;
      for (int64_t row = row0; row < row0 + height; ++row) {
        uint16_t &word = result.metadata[row * words + group / 4];
        word = uint16_t((word & ~(15 << shift)) |
                        plainNibble(scores, row, cols, ids.data()) << shift);
      }
    }
  return result;
}

static std::vector<float> randomScores(Random &random, int64_t count,
                                       int64_t levels) {
  std::vector<float> scores(count);
  for (float &score : scores)
    score = levels ? float(pick(random, 0, levels)) : pickUnit(random);
  return scores;
}

static bool same(const Structure &a, const Structure &b) {
  return a.pattern == b.pattern && a.form == b.form && a.rows == b.rows &&
         a.columns == b.columns && a.metadata == b.metadata;
}

TEST(Prune, IsTheDefinitionOnRaggedShapes) {
  auto isPlain = [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{int64_t(16) << pick(random, 0, 3), 2, pick(random, 4, 18)};
    int64_t rows = pick(random, 1, 150), cols = pick(random, 1, 100);
    std::vector<float> scores =
        randomScores(random, rows * cols, pick(random, 0, 3));
    PruneOptions options;
    options.columnChoice = ColumnChoice(pick(random, 0, 1));
    Structure structure = take(prune(scores, rows, cols, pattern, options));
    take(verifyStructure(structure));
    RC_ASSERT(
        same(structure, plainPrune(scores, rows, cols, pattern, options)));
  };
  EXPECT_TRUE(rc::check("prune is its definition", isPlain));
}

TEST(Prune, KeepsWhatTheTailHas) {
  for (int64_t remainder = 1; remainder < 8; ++remainder) {
    std::vector<float> scores(3 * (8 + remainder), 1.0f);
    Structure structure = take(prune(scores, 3, 8 + remainder, {16, 2, 8}));
    for (int64_t slot = 0; slot < 4; ++slot)
      EXPECT_EQ(structure.columns[4 + slot], 8 + std::min(slot, remainder));
    std::vector<uint8_t> mask = maskOf(structure);
    EXPECT_EQ(std::count(mask.begin(), mask.end(), 1),
              3 * (2 + std::min<int64_t>(2, remainder)));
  }
}

TEST(Prune, DoesNotDependOnThreads) {
  Random random(2);
  std::vector<float> scores = randomScores(random, 600 * 1111, 0);
  for (int64_t m : {5, 8, 16, 32}) {
    PruneOptions options;
    options.threads = 1;
    Structure expected = take(prune(scores, 600, 1111, {64, 2, m}, options));
    for (unsigned threads : {2, 3, 8, 0}) {
      options.threads = threads;
      EXPECT_TRUE(
          same(expected, take(prune(scores, 600, 1111, {64, 2, m}, options))))
          << threads;
    }
  }
}

TEST(Prune, ExactNeverKeepsLessThanL1) {
  Random random(3);
  for (int64_t m : {5, 8, 16, 32, 48}) {
    std::vector<float> scores = randomScores(random, 128 * 192, 0);
    PruneOptions options;
    double exact = retainedImportance(
        scores, take(prune(scores, 128, 192, {64, 2, m}, options)));
    options.columnChoice = ColumnChoice::L1;
    double l1 = retainedImportance(
        scores, take(prune(scores, 128, 192, {64, 2, m}, options)));
    EXPECT_GT(exact, l1) << m;
  }
}

TEST(Prune, FreeFormKeepsMore) {
  Random random(4);
  std::vector<float> scores = randomScores(random, 40 * 50, 0);
  PruneOptions options;
  Structure strict = take(prune(scores, 40, 50, {16, 2, 8}, options));
  options.form = Form::Free;
  Structure free = take(prune(scores, 40, 50, {16, 2, 8}, options));
  take(verifyStructure(free));
  EXPECT_EQ(free.form, Form::Free);
  EXPECT_TRUE(free.rows.empty());
  EXPECT_GT(retainedImportance(scores, free),
            retainedImportance(scores, strict));
}

TEST(Prune, RefusesIllegalScores) {
  std::vector<float> scores(6 * 7, 1.0f);
  auto message = [&] { return messageOf(prune(scores, 6, 7, {16, 2, 4})); };
  EXPECT_EQ(message(), "");
  scores[3 * 7 + 4] = -0.0f;
  EXPECT_EQ(message(), "");
  scores[3 * 7 + 4] = -1.0f;
  EXPECT_EQ(message(), "requires scores to be finite and not negative, but "
                       "score (3, 4) is -1.000000");
  scores[3 * 7 + 4] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message(), "requires scores to be finite and not negative, but "
                       "score (3, 4) is inf");
  scores[2] = NAN;
  EXPECT_EQ(message(), "requires scores to be finite and not negative, but "
                       "score (0, 2) is nan");
}

TEST(Prune, RefusesImpossibleSizes) {
  EXPECT_EQ(messageOf(prune({}, 0, 8, {16, 2, 8})),
            "requires R and K to be in [1, 2147483647], but they are 0 and 8");
  EXPECT_EQ(messageOf(prune({}, 8, 0, {16, 2, 8})),
            "requires R and K to be in [1, 2147483647], but they are 8 and 0");
  EXPECT_EQ(messageOf(prune({1, 2, 3}, 2, 2, {16, 2, 8})),
            "requires R x K = 2 x 2 = 4 scores, but there are 3");
  EXPECT_EQ(messageOf(prune({1}, 1, 1, {17, 2, 8})),
            "requires V to be a power of two in [16, 1048576], but V is 17");
  EXPECT_EQ(messageOf(prune({1}, 1, 1, {16, 2, 3})),
            "requires M to be in [4, 1048576], but M is 3");
}

TEST(Prune, AcceptsPatternsLargerThanTheWeight) {
  std::vector<float> scores = {1, 5, 2, 4, 3};
  Structure structure = take(prune(scores, 1, 5, {1 << 20, 2, 1 << 20}));
  take(verifyStructure(structure));
  EXPECT_EQ(maskOf(structure), (std::vector<uint8_t>{0, 1, 0, 1, 0}));
}

TEST(Compress, PrunesAndPacksEveryType) {
  Random random(5);
  for (ElementType type : {ElementType::F16, ElementType::BF16,
                           ElementType::F32, ElementType::I8}) {
    Dense dense = randomDense(random, type, 50, 61);
    Storage storage = take(compress(dense.view(), {32, 2, 6}, {}, {}));
    take(verifyStorage(storage));
    EXPECT_EQ(storage.type, type);
    std::vector<float> scores = take(importance(dense.view(), {}));
    Structure structure = take(prune(scores, 50, 61, {32, 2, 6}));
    EXPECT_TRUE(same(storage.structure, structure));
    EXPECT_EQ(storage.values, take(pack(dense.view(), structure)).values);
  }
}

TEST(RetainedImportance, IsTheKeptShare) {
  std::vector<float> scores = {1, 2, 3, 4, 4, 3, 2, 1};
  Structure structure = take(prune(scores, 2, 4, {16, 2, 4}));
  EXPECT_DOUBLE_EQ(retainedImportance(scores, structure), 14.0 / 20.0);
  structure.rows = {1, 0};
  EXPECT_DOUBLE_EQ(retainedImportance(scores, structure), 6.0 / 20.0);
  EXPECT_EQ(retainedImportance(std::vector<float>(8, 0.0f), structure), 1.0);
}

TEST(ColumnChoiceName, Parses) {
  EXPECT_EQ(take(parseColumnChoice("exact")), ColumnChoice::Exact);
  EXPECT_EQ(take(parseColumnChoice("l1")), ColumnChoice::L1);
  EXPECT_EQ(messageOf(parseColumnChoice("L2")),
            "requires a column choice of exact or l1, but found 'L2'");
}
