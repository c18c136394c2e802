// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests masks and the structures that have them.

#include "TestUtils.h"
#include <cmath>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// Counts the legal structures of one block of `rows` rows and M columns by
/// trying all arrays of ids and nibbles.
static int64_t countStructures(int64_t rows, int64_t m) {
  Structure structure;
  structure.pattern = {16, 2, m};
  structure.numRows = rows;
  structure.numCols = m;
  structure.columns.resize(4);
  structure.metadata.resize(rows);
  int64_t count = 0, quads = int64_t(std::pow(m + 1, 4)), masks = 1 << 4 * rows;
  for (int64_t quad = 0; quad < quads; ++quad) {
    int64_t rest = quad;
    for (int32_t &id : structure.columns) {
      id = int32_t(rest % (m + 1));
      rest /= m + 1;
    }
    for (int64_t mask = 0; mask < masks; ++mask) {
      for (int64_t row = 0; row < rows; ++row)
        structure.metadata[row] = uint16_t(0x4440 | (mask >> 4 * row & 15));
      count += messageOf(verifyStructure(structure)).empty();
    }
  }
  return count;
}

TEST(Mask, CountIsBinomialTimesPowerOfSix) {
  EXPECT_EQ(countStructures(1, 4), 1 * 6);
  EXPECT_EQ(countStructures(1, 5), 5 * 6);
  EXPECT_EQ(countStructures(2, 5), 5 * 36);
  EXPECT_EQ(countStructures(1, 6), 15 * 6);
  EXPECT_EQ(countStructures(2, 6), 15 * 36);
}

TEST(Mask, NibblesAgreeWithTheSemiStructuredTable) {
  // PyTorch's table for rows that keep exactly two of four.
  const std::pair<const char *, unsigned> table[] = {
      {"TT..", 0b0100}, {"T.T.", 0b1000}, {".TT.", 0b1001},
      {"T..T", 0b1100}, {".T.T", 0b1101}, {"..TT", 0b1110}};
  for (auto [text, nibble] : table) {
    std::vector<uint8_t> mask;
    for (int i = 0; i < 4; ++i)
      mask.push_back(text[i] == 'T');
    Structure structure = take(structureFromMask(mask, 1, 4, {16, 2, 4}));
    EXPECT_EQ(structure.nibble(0, 0), nibble) << text;
    EXPECT_EQ(maskOf(structure), mask) << text;
  }
}

TEST(Mask, CompletesRowsThatKeepFewer) {
  // Nothing, column 5, column 7, all of one row's two.
  const std::vector<uint8_t> mask = {0, 0, 0, 0, 0, 0, 0, 0, //
                                     0, 0, 0, 0, 0, 1, 0, 0, //
                                     0, 0, 0, 0, 0, 0, 0, 1, //
                                     0, 1, 0, 0, 0, 0, 0, 1};
  Structure structure = take(structureFromMask(mask, 4, 8, {16, 2, 8}));
  EXPECT_EQ(structure.columns, (std::vector<int32_t>{0, 1, 5, 7}));
  EXPECT_EQ(structure.nibble(0, 0), 4u);  // 0 and 1
  EXPECT_EQ(structure.nibble(1, 0), 8u);  // 0 and 2
  EXPECT_EQ(structure.nibble(2, 0), 12u); // 0 and 3
  EXPECT_EQ(structure.nibble(3, 0), 13u); // 1 and 3
  take(verifyStructure(structure));
}

TEST(Mask, RoundTripsThroughStructures) {
  auto roundTrip = [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{int64_t(16) << pick(random, 0, 2), 2, pick(random, 4, 11)};
    int64_t rows = pick(random, 1, 70), cols = pick(random, 1, 50);
    std::vector<float> scores(rows * cols);
    for (float &score : scores)
      score = pickUnit(random);
    std::vector<uint8_t> mask =
        maskOf(take(prune(scores, rows, cols, pattern)));
    Structure again = take(structureFromMask(mask, rows, cols, pattern));
    take(verifyStructure(again));
    RC_ASSERT(maskOf(again) == mask);
  };
  EXPECT_TRUE(rc::check("maskOf(structureFromMask(mask)) == mask", roundTrip));
}

TEST(Mask, KeepsAtLeastTheMask) {
  auto covers = [](uint64_t seed) {
    Random random(seed);
    int64_t rows = pick(random, 1, 40), cols = pick(random, 1, 50);
    // Rows of this structure may keep an empty slot where a column is left.
    std::vector<uint8_t> mask = maskOf(
        randomStructure(random, {16, 2, 9}, rows, cols, Form::Strict, false));
    Structure again = take(structureFromMask(mask, rows, cols, {16, 2, 9}));
    take(verifyStructure(again));
    std::vector<uint8_t> kept = maskOf(again);
    for (size_t i = 0; i < mask.size(); ++i)
      RC_ASSERT(kept[i] >= mask[i]);
  };
  EXPECT_TRUE(rc::check("structureFromMask(mask) keeps the mask", covers));
}

TEST(Mask, RefusesMasksThatDoNotConform) {
  std::vector<uint8_t> mask(2 * 8, 0);
  mask[0] = mask[1] = mask[2] = 1;
  EXPECT_EQ(messageOf(structureFromMask(mask, 2, 8, {16, 2, 8})),
            "requires at most 2 kept elements of a row per group, but row 0 "
            "keeps 3 in group 0");
  mask[2] = 0;
  mask[8 + 4] = mask[8 + 5] = 1;
  EXPECT_EQ(messageOf(structureFromMask(mask, 2, 8, {16, 2, 8})), "");
  std::vector<uint8_t> wide(3 * 8, 0);
  for (int i = 0; i < 6; ++i)
    wide[i / 2 * 8 + i] = 1;
  EXPECT_EQ(messageOf(structureFromMask(wide, 3, 8, {16, 2, 8})),
            "requires at most 4 kept columns per block, but the block of panel "
            "0 and group 0 keeps 6");
  EXPECT_EQ(messageOf(structureFromMask(wide, 3, 9, {16, 2, 8})),
            "requires a mask of R x K = 27 elements, but it has 24");
  EXPECT_EQ(messageOf(structureFromMask({}, 0, 9, {16, 2, 8})),
            "requires R and K to be in [1, 2147483647], but they are 0 and 9");
  EXPECT_EQ(messageOf(structureFromMask(wide, 3, 8, {16, 4, 8})),
            "requires N to be 2, the hardware's 2:4 pattern, but N is 4");
}

TEST(Form, ParsesItsNames) {
  EXPECT_EQ(take(parseForm("strict")), Form::Strict);
  EXPECT_EQ(take(parseForm("free")), Form::Free);
  EXPECT_EQ(messageOf(parseForm("loose")),
            "requires a form of strict or free, but found 'loose'");
}
