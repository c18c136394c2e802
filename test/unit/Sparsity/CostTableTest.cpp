// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests cost tables.

#include "vnm/Sparsity/CostTable.h"
#include "TestUtils.h"
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static const std::optional<Pattern> kDense;
static const std::optional<Pattern> kSparse = Pattern{64, 2, 8};

static CostTable tableOf(llvm::ArrayRef<CostEntry> entries) {
  CostTable table;
  for (const CostEntry &entry : entries)
    take(table.add(entry));
  return table;
}

static Cost costOf(const CostTable &table, const ProductShape &shape,
                   const std::optional<Pattern> &pattern = kDense) {
  return take(table.lookUp(ElementType::F16, shape, pattern));
}

TEST(CostTable, TakesTheFastestEntryOfAShape) {
  CostTable table =
      tableOf({{ElementType::F16, {64, 64, 64}, kDense, "slow", 9},
               {ElementType::F16, {64, 64, 64}, kDense, "fast", 4},
               {ElementType::F32, {64, 64, 64}, kDense, "other", 1},
               {ElementType::F16, {64, 64, 64}, kSparse, "sparse", 2}});
  Cost cost = costOf(table, {64, 64, 64});
  EXPECT_EQ(cost.microseconds, 4);
  EXPECT_EQ(cost.source, Cost::Source::Measured);
  EXPECT_EQ(cost.family, "fast");
  EXPECT_EQ(costOf(table, {64, 64, 64}, kSparse).microseconds, 2);
}

TEST(CostTable, InterpolatesRatesAndSaysSo) {
  // Both entries do 64 * 64 * 2 * 8 operations in a microsecond.
  CostTable table =
      tableOf({{ElementType::F16, {64, 64, 64}, kDense, "a", 8},
               {ElementType::F16, {64, 64, 256}, kDense, "b", 32},
               {ElementType::F16, {64, 64, 256}, kDense, "c", 99}});
  Cost inside = costOf(table, {64, 64, 200});
  EXPECT_NEAR(inside.microseconds, 25, 1e-9);
  EXPECT_EQ(inside.source, Cost::Source::Interpolated);
  EXPECT_EQ(inside.family, "b");
  Cost outside = costOf(table, {64, 64, 512});
  EXPECT_NEAR(outside.microseconds, 64, 1e-9);
  EXPECT_EQ(outside.source, Cost::Source::Extrapolated);
  EXPECT_EQ(costOf(table, {65, 64, 64}).source, Cost::Source::Extrapolated);
}

TEST(CostTable, WeighsNeighboursByDistance) {
  // Half-way in logarithms both rates count the same: 1 and 4 give 2.
  double operations = 2.0 * 64 * 64;
  CostTable table = tableOf(
      {{ElementType::F16, {64, 64, 16}, kDense, "a", operations * 16},
       {ElementType::F16, {64, 64, 256}, kDense, "b", operations * 256 / 4}});
  EXPECT_NEAR(costOf(table, {64, 64, 64}).microseconds, operations * 64 / 2,
              1e-6);
}

TEST(CostTable, FallsBackToTheModel) {
  CostTable table;
  // 2 * 4096 * 4096 * 4096 / 640e6 + 5 microseconds, bound by arithmetic.
  Cost dense = costOf(table, {4096, 4096, 4096});
  EXPECT_NEAR(dense.microseconds, 219.748, 1e-3);
  EXPECT_EQ(dense.source, Cost::Source::Roofline);
  // Half as many operations at 560e6.
  EXPECT_NEAR(costOf(table, {4096, 4096, 4096}, kSparse).microseconds, 127.713,
              1e-3);
  // (4096 * 4096 + 2 * 4096) * 2 bytes / 4e6 + 5, bound by memory.
  EXPECT_NEAR(costOf(table, {4096, 4096, 1}).microseconds, 13.3927, 1e-3);
  EXPECT_LT(costOf(table, {4096, 4096, 1}, kSparse).microseconds, 13.39);
}

TEST(CostTable, SurvivesItsOwnText) {
  CostTable table =
      tableOf({{ElementType::F16, {64, 128, 256}, kDense, "cublas", 8.5},
               {ElementType::I8, {1, 2, 3}, kSparse, "mma.sp", 0.25}});
  table.device = "some device";
  CostTable again = take(CostTable::parse(table.str()));
  EXPECT_EQ(again.str(), table.str());
  EXPECT_EQ(again.device, "some device");
  EXPECT_EQ(costOf(again, {64, 128, 256}).microseconds, 8.5);
}

TEST(CostTable, RefusesBadText) {
  auto message = [](llvm::StringRef entries) {
    return messageOf(CostTable::parse(
        ("{\"version\": 1, \"device\": \"d\", \"entries\": [" + entries + "]}")
            .str()));
  };
  std::string good = R"("dtype": "f16", "rows": 1, "cols": 1, "tokens": 1)";
  EXPECT_EQ(message("{" + good +
                    R"(, "pattern": "dense", "family": "f",)"
                    R"( "microseconds": 1})"),
            "");
  EXPECT_EQ(message("{" + good +
                    R"(, "pattern": "dense", "family": "f",)"
                    R"( "microseconds": 0})"),
            "entry 0 of the cost table: requires a positive time, but it is "
            "0.000000");
  EXPECT_EQ(message("{" + good + R"(, "pattern": "64:2", "family": "f"})")
                .substr(0, 27),
            "entry 0 of the cost table: ");
  EXPECT_EQ(message("{" + good + R"(, "pattern": "dense", "family": "f"})"),
            "entry 0 of the cost table: requires a number 'microseconds'");
  EXPECT_EQ(message("{}"),
            "entry 0 of the cost table: requires an integer 'rows'");
  EXPECT_EQ(message("3"), "entry 0 of the cost table: requires an object");
  EXPECT_EQ(messageOf(CostTable::parse("{\"version\": 2}")),
            "requires a cost table of version 1");
  EXPECT_NE(messageOf(CostTable::parse("{")), "");
  EXPECT_EQ(messageOf(CostTable().lookUp(ElementType::F16, {1, 0, 1}, kDense)),
            "requires R, K and T of a product to be at least 1, but they are "
            "1, 0 and 1");
}
