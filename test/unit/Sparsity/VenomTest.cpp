// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests import and export of VENOM's arrays with an own decoder.

#include "vnm/Sparsity/Venom.h"
#include "TestUtils.h"
#include <cstring>
#include <limits>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// The dense f16 bits of VENOM's arrays by rules V1 to V3 of
/// docs/storage-format.md, K padded to a multiple of M; groups of the padding
/// are not read.
static std::vector<uint16_t> decodeVenom(const VenomArrays &arrays) {
  int64_t m = arrays.pattern.m, v = arrays.pattern.v;
  int64_t groups = (arrays.numCols + m - 1) / m;
  int64_t kp = (2 * groups + 15) / 16 * 16, allGroups = kp / 2;
  std::vector<uint16_t> dense(arrays.numRows * groups * m, 0);
  for (int64_t r = 0; r < arrays.numRows; ++r)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = 0; i < 2; ++i) {
        int64_t value = (r / 16) * 16 * kp + (g / 4) * 128 +
                        ((r % 16) / 4) * 32 + (g % 4) * 8 + (r % 4) * 2 + i;
        int64_t word = (r / 32) * (kp / 8) * 16 + (g / 4) * 16 + (r % 32) / 2;
        int64_t shift = (r % 2) * 16 + (g % 4) * 4 + i * 2;
        uint32_t position = arrays.metadata[word] >> shift & 3;
        uint32_t column =
            arrays.columnLocs[((r / v) * allGroups + g) * 4 + position];
        dense[r * groups * m + g * m + column] = arrays.values[value];
      }
  return dense;
}

/// decodeVenom without the columns behind K - 1, which must be zero.
static std::vector<char> trimmed(const VenomArrays &arrays) {
  std::vector<uint16_t> padded = decodeVenom(arrays);
  int64_t width = int64_t(padded.size()) / arrays.numRows;
  std::vector<char> bytes;
  for (int64_t r = 0; r < arrays.numRows; ++r)
    for (int64_t c = 0; c < width; ++c) {
      const char *bits = reinterpret_cast<const char *>(&padded[r * width + c]);
      if (c < arrays.numCols)
        bytes.insert(bytes.end(), bits, bits + 2);
      else
        EXPECT_EQ(padded[r * width + c], 0);
    }
  return bytes;
}

static bool same(const Storage &a, const Storage &b) {
  return a.structure.pattern == b.structure.pattern &&
         a.structure.form == b.structure.form &&
         a.structure.numRows == b.structure.numRows &&
         a.structure.numCols == b.structure.numCols &&
         a.structure.columns == b.structure.columns &&
         a.structure.metadata == b.structure.metadata && a.type == b.type &&
         a.values == b.values;
}

TEST(Venom, RoundTripsAndDecodes) {
  auto roundTrip = [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{int64_t(32) << pick(random, 0, 2), 2, pick(random, 4, 20)};
    int64_t rows = pattern.v * pick(random, 1, 2), cols = pick(random, 1, 130);
    Storage storage =
        randomStorage(random, pattern, ElementType::F16, rows, cols);
    VenomArrays arrays = take(exportVenom(storage));
    RC_ASSERT(trimmed(arrays) == decode(storage));
    RC_ASSERT(same(take(importVenom(arrays)), storage));
  };
  EXPECT_TRUE(rc::check("importVenom(exportVenom(s)) is s", roundTrip));
}

/// 32 x 20 at 32:2:8: three groups, the last of 4 columns, five of padding.
static VenomArrays makeArrays(uint64_t seed) {
  Random random(seed);
  return take(
      exportVenom(randomStorage(random, {32, 2, 8}, ElementType::F16, 32, 20)));
}

TEST(VenomDefects, KeptZerosKeepTheirPlaces) {
  // VENOM's packer takes positions from value != 0: with a tenth of zeros it
  // got 431 of 4096 groups wrong. Half of the values are zeros here.
  Random random(3);
  Dense dense = randomDense(random, ElementType::F16, 64, 128);
  std::vector<float> scores(64 * 128);
  for (float &score : scores)
    score = pickUnit(random);
  for (int64_t i = 0; i < 64 * 128; ++i)
    if (pick(random, 0, 1) != 0) {
      uint16_t zero = pick(random, 0, 1) != 0 ? 0x8000 : 0;
      std::memcpy(&dense.bytes[i * 2], &zero, 2);
    }
  Structure structure = take(prune(scores, 64, 128, {64, 2, 8}));
  Storage storage = take(pack(dense.view(), structure));
  VenomArrays arrays = take(exportVenom(storage));
  EXPECT_EQ(trimmed(arrays), decode(storage));
  EXPECT_TRUE(same(take(importVenom(arrays)), storage));
  EXPECT_EQ(maskOf(take(importVenom(arrays)).structure), maskOf(structure));
}

TEST(VenomDefects, PaddingHasLegalNibbles) {
  // VENOM writes 0 to nibbles of groups that rounding adds.
  VenomArrays arrays = makeArrays(4);
  ASSERT_EQ(arrays.metadata.size(), 16u * 2);
  for (int64_t row = 0; row < 32; ++row)
    for (int64_t group = 3; group < 8; ++group)
      EXPECT_EQ(arrays.metadata[group / 4 * 16 + row / 2] >>
                        (row % 2 * 16 + group % 4 * 4) &
                    15,
                4u);
}

TEST(Venom, ImportTakesAnyNibbleInPadding) {
  VenomArrays arrays = makeArrays(5);
  Storage expected = take(importVenom(arrays));
  for (size_t word = 0; word < arrays.metadata.size(); ++word)
    arrays.metadata[word] &= word < 16 ? 0x0FFF0FFF : 0; // groups 3 to 7
  Storage storage = take(importVenom(arrays));
  take(verifyStorage(storage));
  EXPECT_TRUE(same(storage, expected));
}

TEST(Venom, ImportRefusesIllegalNibblesElsewhere) {
  VenomArrays arrays = makeArrays(6);
  arrays.metadata[1] &= 0xFF0FFFFF; // row 3, group 1
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires a nibble of 4, 8, 9, 12, 13 or 14 in VENOM's metadata, "
            "but metadata[1] holds 0 for row 3, group 1");
}

TEST(Venom, ImportRefusesValuesInPadding) {
  VenomArrays arrays = makeArrays(7);
  arrays.values[128 + 1] = 0x3C00; // row 0, group 4
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires padding groups of VENOM's values to be zero, but "
            "values[129] (row 0, group 4) is not");
}

TEST(Venom, ImportRefusesBadColumns) {
  VenomArrays arrays = makeArrays(8);
  arrays.columnLocs[4 + 3] = 8;
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires VENOM's column-loc to be below M = 8, but column-loc[7] "
            "is 8");
  arrays = makeArrays(8);
  arrays.columnLocs[1] = arrays.columnLocs[0];
  std::string id = std::to_string(arrays.columnLocs[0]);
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires VENOM's column-loc to ascend within a group, but "
            "column-loc[0] and [1] are " +
                id + " and " + id);
}

TEST(Venom, ImportExchangesColumnsOfThePadding) {
  // The tail of K = 10 has columns 8 and 9; VENOM may keep others behind them.
  Random random(9);
  VenomArrays arrays = take(
      exportVenom(randomStorage(random, {32, 2, 8}, ElementType::F16, 32, 10)));
  EXPECT_EQ(
      std::vector<uint32_t>(&arrays.columnLocs[4], &arrays.columnLocs[4] + 4),
      (std::vector<uint32_t>{0, 1, 2, 3}));
  std::vector<uint16_t> before = decodeVenom(arrays);
  // Column 8 is dropped: what position 0 holds is a zero of column 9, and so
  // on.
  for (uint32_t slot = 0; slot < 4; ++slot)
    arrays.columnLocs[4 + slot] = slot + 1;
  for (int64_t row = 0; row < 32; ++row) {
    // Nibble 4 of group 1: column 9, then a zero of column 10.
    int64_t value = row / 16 * 16 * 16 + row % 16 / 4 * 32 + 8 + row % 4 * 2;
    arrays.values[value] = before[row * 16 + 9];
    arrays.values[value + 1] = 0;
  }
  Storage storage = take(importVenom(arrays));
  EXPECT_EQ(trimmed(arrays), decode(storage));
  EXPECT_EQ(std::vector<int32_t>(&storage.structure.columns[4],
                                 &storage.structure.columns[4] + 4),
            (std::vector<int32_t>{8, 9, 10, 10}));
  // A value behind K cannot be imported.
  arrays.values[9] = 0x3C00;
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires values of columns beyond K to be zero, but VENOM's "
            "values[9] (row 0, group 1) is not");
}

TEST(Venom, ImportRefusesBadSizes) {
  VenomArrays arrays = makeArrays(10);
  arrays.values.pop_back();
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires 512 elements in VENOM's values, but there are 511");
  arrays = makeArrays(10);
  arrays.metadata.push_back(0);
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires 32 elements in VENOM's metadata, but there are 33");
  arrays = makeArrays(10);
  arrays.columnLocs.clear();
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires 32 elements in VENOM's column-loc, but there are 0");
  arrays.pattern.v = 16;
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires V of at least 32 for VENOM, but V is 16");
  arrays.pattern.v = 64;
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires R to be a multiple of V = 64 for VENOM, but R is 32");
  arrays.numCols = 0;
  EXPECT_EQ(messageOf(importVenom(arrays)),
            "requires R and K to be in [1, 2147483647], but they are 32 and "
            "0");
  // Sizes that no memory holds are a mismatch, not an allocation.
  arrays.pattern.v = 32;
  arrays.numCols = std::numeric_limits<int32_t>::max();
  arrays.numRows = int64_t(1) << 30;
  EXPECT_NE(messageOf(importVenom(arrays)), "");
}

TEST(Venom, ExportRefusesWhatVenomCannotHold) {
  Random random(11);
  Storage storage =
      randomStorage(random, {32, 2, 8}, ElementType::BF16, 32, 16);
  EXPECT_EQ(messageOf(exportVenom(storage)),
            "requires f16 values for VENOM, but they are bf16");
  storage.type = ElementType::F16;
  EXPECT_EQ(messageOf(exportVenom(storage)), "");
  storage.structure.form = Form::Free;
  EXPECT_EQ(messageOf(exportVenom(storage)),
            "requires strict form for VENOM, but it is free");
  storage.structure.form = Form::Strict;
  for (int32_t row = 0; row < 32; ++row)
    storage.structure.rows.push_back(row);
  EXPECT_EQ(messageOf(exportVenom(storage)),
            "requires rows in their own order for VENOM, but they are "
            "permuted");
  EXPECT_EQ(messageOf(exportVenom(
                randomStorage(random, {32, 2, 8}, ElementType::F16, 33, 16))),
            "requires R to be a multiple of V = 32 for VENOM, but R is 33");
  EXPECT_EQ(messageOf(exportVenom(
                randomStorage(random, {16, 2, 8}, ElementType::F16, 32, 16))),
            "requires V of at least 32 for VENOM, but V is 16");
}
