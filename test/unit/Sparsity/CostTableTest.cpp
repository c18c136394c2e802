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

/// The model's time of a dense product.
static double modelOf(const ProductShape &shape,
                      const std::optional<Pattern> &pattern = kDense) {
  return Roofline().estimate(ElementType::F16, shape, pattern);
}

TEST(CostTable, ScalesTheModelAndSaysSo) {
  // Both shapes take three times as long as the model says.
  CostTable table = tableOf(
      {{ElementType::F16, {64, 64, 64}, kDense, "a", 3 * modelOf({64, 64, 64})},
       {ElementType::F16,
        {64, 64, 256},
        kDense,
        "b",
        3 * modelOf({64, 64, 256})},
       {ElementType::F16,
        {64, 64, 256},
        kDense,
        "c",
        9 * modelOf({64, 64, 256})}});
  Cost inside = costOf(table, {64, 64, 200});
  EXPECT_NEAR(inside.microseconds, 3 * modelOf({64, 64, 200}), 1e-9);
  EXPECT_EQ(inside.source, Cost::Source::Interpolated);
  EXPECT_EQ(inside.family, "b");
  Cost outside = costOf(table, {64, 64, 100000});
  EXPECT_NEAR(outside.microseconds, 3 * modelOf({64, 64, 100000}), 1e-9);
  EXPECT_EQ(outside.source, Cost::Source::Extrapolated);
  EXPECT_EQ(costOf(table, {65, 64, 64}).source, Cost::Source::Extrapolated);
}

TEST(CostTable, WeighsNeighboursByDistance) {
  // Half-way in logarithms both ratios count the same: 1 and 4 give 2.
  CostTable table = tableOf(
      {{ElementType::F16, {64, 64, 16}, kDense, "a", modelOf({64, 64, 16})},
       {ElementType::F16,
        {64, 64, 256},
        kDense,
        "b",
        4 * modelOf({64, 64, 256})}});
  EXPECT_NEAR(costOf(table, {64, 64, 64}).microseconds,
              2 * modelOf({64, 64, 64}), 1e-9);
}

TEST(CostTable, TakesOtherMOfTheSameV) {
  // As many columns are multiplied at K = 128, M = 16 as at K = 64, M = 8.
  CostTable table = tableOf({{ElementType::F16,
                              {64, 64, 64},
                              kSparse,
                              "a",
                              2 * modelOf({64, 64, 64}, kSparse)},
                             {ElementType::F16,
                              {64, 512, 64},
                              kSparse,
                              "a",
                              7 * modelOf({64, 512, 64}, kSparse)}});
  Cost cost = costOf(table, {64, 128, 64}, Pattern{64, 2, 16});
  EXPECT_NEAR(cost.microseconds, 2 * modelOf({64, 128, 64}, Pattern{64, 2, 16}),
              1e-6);
  EXPECT_EQ(cost.source, Cost::Source::Interpolated);
  EXPECT_EQ(costOf(table, {64, 128, 64}, Pattern{32, 2, 16}).source,
            Cost::Source::Roofline);
}

TEST(CostTable, ListsSchedulesFastestFirst) {
  ProductShape small{64, 64, 64}, large{64, 64, 1024}, between{64, 64, 256};
  double modelSmall = modelOf(small, kSparse);
  double modelLarge = modelOf(large, kSparse);
  ScheduleFields narrow{{"token_tile", 64}}, wide{{"token_tile", 256}};
  CostTable table =
      tableOf({{ElementType::F16, small, kSparse, "f", 4 * modelSmall, narrow},
               {ElementType::F16, small, kSparse, "f", 5 * modelSmall, wide},
               {ElementType::F16, small, kSparse, "g", 1 * modelSmall},
               {ElementType::F16, large, kSparse, "f", 9 * modelLarge, narrow},
               {ElementType::F16, large, kSparse, "f", 5 * modelLarge, wide},
               {ElementType::F16, small, kDense, "cublas", 1e-3}});
  auto names = [&](const ProductShape &shape) {
    std::string text;
    for (const ScheduleCost &cost :
         take(table.lookUpSchedules(ElementType::F16, shape, *kSparse))) {
      text += cost.family;
      for (const auto &[name, value] : cost.schedule)
        text += " " + name + "=" + std::to_string(value);
      text += " " + toString(cost.cost.source).str() + "; ";
    }
    return text;
  };
  EXPECT_EQ(names(small), "g measured; f token_tile=64 measured; "
                          "f token_tile=256 measured; ");
  // g is extrapolated, and so last, though its time is the least.
  EXPECT_EQ(names(between), "f token_tile=256 interpolated; "
                            "f token_tile=64 interpolated; g extrapolated; ");
  EXPECT_TRUE(
      take(table.lookUpSchedules(ElementType::F32, small, *kSparse)).empty());
  EXPECT_EQ(
      messageOf(table.lookUpSchedules(ElementType::F16, {1, 1, 0}, *kSparse)),
      "requires R, K and T of a product to be at least 1, but they are "
      "1, 1 and 0");
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
               {ElementType::I8, {1, 2, 3}, kSparse, "mma.sp", 0.25},
               {ElementType::F16,
                {64, 128, 256},
                kSparse,
                "f",
                2,
                {{"stages", 3}, {"token_tile", 64}}}});
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
            "$.entries[0]: requires a positive time, but it is 0.000000");
  EXPECT_EQ(message("{" + good + R"(, "pattern": "64:2", "family": "f"})")
                .substr(0, 31),
            "$.entries[0].pattern: requires ");
  EXPECT_EQ(message("{" + good + R"(, "pattern": "dense", "family": "f"})"),
            "$.entries[0].microseconds: requires a number");
  std::string timed = good + R"(, "pattern": "dense", "family": "f",)"
                             R"( "microseconds": 1, "schedule": )";
  EXPECT_EQ(message("{" + timed + R"({"stages": 2}})"), "");
  EXPECT_EQ(message("{" + timed + "3}"),
            "$.entries[0].schedule: requires an object of positive integers");
  EXPECT_EQ(message("{" + timed + R"({"stages": 0}})"),
            "$.entries[0].schedule.stages: requires a positive integer");
  EXPECT_EQ(message("{}"), "$.entries[0].rows: requires an integer");
  EXPECT_EQ(message("3"), "$.entries[0]: requires an object");
  EXPECT_EQ(messageOf(CostTable::parse("{\"version\": 2}")),
            "$.version: requires 1");
  EXPECT_EQ(messageOf(CostTable::parse("3")), "$: requires an object");
  EXPECT_EQ(messageOf(CostTable::parse("{\"version\": 1}")),
            "$.device: requires a string");
  EXPECT_EQ(messageOf(CostTable::parse("{\"version\": 1, \"device\": \"d\"}")),
            "$.entries: requires an array");
  EXPECT_NE(messageOf(CostTable::parse("{")), "");
  EXPECT_EQ(messageOf(CostTable().lookUp(ElementType::F16, {1, 0, 1}, kDense)),
            "requires R, K and T of a product to be at least 1, but they are "
            "1, 0 and 1");
}
