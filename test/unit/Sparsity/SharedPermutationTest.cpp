// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the search for one order of channels that weights share.

#include "vnm/Sparsity/SharedPermutation.h"
#include "TestUtils.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <random>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

namespace {
/// Scores whose rows, and columns, prefer one another by their number modulo
/// `period`.
std::vector<float> makeScores(int64_t rows, int64_t cols, int64_t period,
                              uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<float> scores;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col) {
      float noise = float(generator() % 1000) / 1000;
      scores.push_back((row + col) % period == 0 ? 2 + noise : noise);
    }
  return scores;
}

SharedWeight makeWeight(const std::vector<float> &scores, int64_t rows,
                        int64_t cols, Form form) {
  SharedWeight weight;
  weight.scores = scores;
  weight.rows = rows;
  weight.cols = cols;
  weight.pattern = {16, 2, 8};
  weight.prune.form = form;
  return weight;
}

/// What `weight` retains with its rows, or columns, in `order`, summed without
/// the library's helpers.
double retainedInOrder(const SharedWeight &weight,
                       llvm::ArrayRef<int32_t> order, bool asRows) {
  std::vector<float> ordered;
  for (int64_t row = 0; row < weight.rows; ++row)
    for (int64_t col = 0; col < weight.cols; ++col)
      ordered.push_back(asRows ? weight.scores[order[row] * weight.cols + col]
                               : weight.scores[row * weight.cols + order[col]]);
  Structure structure = take(
      prune(ordered, weight.rows, weight.cols, weight.pattern, weight.prune));
  std::vector<uint8_t> mask = maskOf(structure);
  double kept = 0, all = 0;
  for (size_t i = 0; i < ordered.size(); ++i) {
    kept += mask[i] ? ordered[i] : 0;
    all += ordered[i];
  }
  return kept / all;
}

bool isPermutation(std::vector<int32_t> order) {
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != int32_t(i))
      return false;
  return true;
}
} // namespace

TEST(SharedPermutation, RetainsWhatItSays) {
  for (Form form : {Form::Free, Form::Strict}) {
    std::vector<float> up = makeScores(96, 64, 6, 1);
    std::vector<float> gate = makeScores(96, 40, 6, 2);
    std::vector<float> down = makeScores(33, 96, 6, 3);
    SharedWeight producers[] = {makeWeight(up, 96, 64, form),
                                makeWeight(gate, 96, 40, form)};
    SharedWeight consumers[] = {makeWeight(down, 33, 96, form)};
    SharedPermutation result = take(permuteShared(producers, consumers, 96));
    ASSERT_EQ(result.channels.size(), 96u);
    EXPECT_TRUE(isPermutation(result.channels));
    double before = 0, after = 0, elements = 0;
    for (int i = 0; i < 2; ++i) {
      EXPECT_NEAR(*result.after[i],
                  retainedInOrder(producers[i], result.channels, true), 1e-6);
      double size = double(producers[i].scores.size());
      before += *result.before[i] * size;
      after += *result.after[i] * size;
      elements += size;
    }
    ASSERT_EQ(result.after.size(), 3u);
    EXPECT_EQ(result.after[2].has_value(), form == Form::Strict);
    if (form == Form::Strict) {
      EXPECT_NEAR(*result.after[2],
                  retainedInOrder(consumers[0], result.channels, false), 1e-6);
      double size = double(consumers[0].scores.size());
      before += *result.before[2] * size;
      after += *result.after[2] * size;
      elements += size;
    }
    EXPECT_GT(after / elements, before / elements + 0.05);
  }
}

TEST(SharedPermutation, KeepsChannelsInTheirBlocks) {
  for (Form form : {Form::Free, Form::Strict}) {
    std::vector<float> value = makeScores(128, 48, 5, 4);
    std::vector<float> output = makeScores(24, 128, 5, 5);
    SharedWeight producer = makeWeight(value, 128, 48, form);
    SharedWeight consumer = makeWeight(output, 24, 128, form);
    SharedPermutationOptions options;
    options.block = 64;
    SharedPermutation result =
        take(permuteShared(producer, consumer, 128, options));
    ASSERT_EQ(result.channels.size(), 128u);
    EXPECT_TRUE(isPermutation(result.channels));
    for (size_t i = 0; i < 128; ++i)
      EXPECT_EQ(result.channels[i] / 64, int32_t(i / 64));
  }
}

TEST(SharedPermutation, IsTheIdentityWhereNothingGains) {
  // One panel, and columns in free form: no order is better.
  std::vector<float> up = makeScores(16, 32, 4, 6);
  std::vector<float> down = makeScores(20, 16, 4, 7);
  SharedWeight producer = makeWeight(up, 16, 32, Form::Free);
  SharedWeight consumer = makeWeight(down, 20, 16, Form::Free);
  SharedPermutation result = take(permuteShared(producer, consumer, 16));
  EXPECT_TRUE(result.channels.empty());
  EXPECT_EQ(result.before, result.after);
}

TEST(SharedPermutation, DoesNotDependOnThreads) {
  std::vector<float> up = makeScores(160, 96, 7, 8);
  std::vector<float> down = makeScores(48, 160, 7, 9);
  SharedWeight producer = makeWeight(up, 160, 96, Form::Strict);
  SharedWeight consumer = makeWeight(down, 48, 160, Form::Strict);
  std::vector<int32_t> expected;
  for (unsigned threads : {1u, 2u, 8u}) {
    SharedPermutationOptions options;
    options.threads = threads;
    std::vector<int32_t> channels =
        take(permuteShared(producer, consumer, 160, options)).channels;
    if (threads == 1)
      expected = channels;
    EXPECT_EQ(channels, expected);
  }
}

TEST(SharedPermutation, RefusesBadInput) {
  std::vector<float> scores(32 * 16, 1);
  SharedWeight weight = makeWeight(scores, 32, 16, Form::Strict);
  EXPECT_EQ(messageOf(permuteShared(weight, {}, 0)),
            "requires at least one channel, but there are 0");
  EXPECT_EQ(messageOf(permuteShared(weight, {}, 31)),
            "requires a producer of 31 channels to have as many rows, but it "
            "has 32");
  EXPECT_EQ(messageOf(permuteShared({}, weight, 32)),
            "requires a consumer of 32 channels to have as many columns, but "
            "it has 16");
  SharedPermutationOptions options;
  options.block = 5;
  EXPECT_EQ(messageOf(permuteShared(weight, {}, 32, options)),
            "requires a block that divides the 32 channels, but it is 5");
  scores[3] = -1;
  EXPECT_NE(messageOf(permuteShared(weight, {}, 32)), "");
  weight.scores = weight.scores.drop_back();
  EXPECT_EQ(messageOf(permuteShared(weight, {}, 32)),
            "requires R x K = 32 x 16 = 512 scores, but there are 511");
}
