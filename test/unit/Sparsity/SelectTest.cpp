// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the choice of patterns.

#include "vnm/Sparsity/Select.h"
#include "Ensembles.h"
#include "TestUtils.h"
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static const Pattern k32x5{32, 2, 5}, k64x8{64, 2, 8}, k128x8{128, 2, 8},
    k64x16{64, 2, 16};

/// A table in which a product of this shape takes 100 dense and these times
/// with the patterns above.
static void addCosts(CostTable &table, const ProductShape &shape,
                     llvm::ArrayRef<double> times) {
  take(table.add({ElementType::F16, shape, std::nullopt, "dense", 100}));
  const Pattern patterns[] = {k32x5, k64x8, k128x8, k64x16};
  for (size_t i = 0; i < times.size(); ++i)
    take(table.add({ElementType::F16, shape, patterns[i], "mma", times[i]}));
}

// The example of docs/algorithms.md.
TEST(SelectUniform, FollowsThePapersRule) {
  CostTable table;
  ProductShape shape{768, 768, 4096};
  addCosts(table, shape, {80, 45, 40, 30});
  SelectLayer layer;
  layer.name = "fc";
  layer.shape = shape;
  const Pattern all[] = {k32x5, k64x8, k128x8, k64x16};
  auto select = [&](double speedup) {
    return take(selectUniform(layer, all, table, speedup,
                              SelectRule::MaskDiversity))
        .layers[0]
        .pattern;
  };
  EXPECT_EQ(select(1), std::nullopt);
  EXPECT_EQ(select(1.2), k32x5);
  EXPECT_EQ(select(2), k64x8);
  EXPECT_EQ(select(2.4), k128x8);
  EXPECT_EQ(select(3), k64x16);
  EXPECT_EQ(
      messageOf(selectUniform(layer, all, table, 4, SelectRule::MaskDiversity)),
      "requires a speed-up of 4.000, but the candidates reach at most "
      "3.333, with 64:2:16");
}

TEST(SelectUniform, RanksByWhatWeightsRetain) {
  CostTable table;
  ProductShape shape{256, 320, 64};
  addCosts(table, shape, {80, 45, 40, 30});
  std::vector<float> scores = makeScores(Ensemble::Gauss, 256, 320);
  SelectLayer layer{"fc", ElementType::F16, shape, scores, 1};
  const Pattern all[] = {k64x16, k128x8, k64x8};
  Selection selection =
      take(selectUniform(layer, all, table, 2, SelectRule::Retained));
  EXPECT_EQ(selection.layers[0].pattern, k64x8);
  EXPECT_NEAR(selection.layers[0].retained,
              retainedImportance(scores, take(prune(scores, 256, 320, k64x8))),
              1e-12);
  EXPECT_NEAR(selection.speedup(), 100.0 / 45, 1e-12);
}

TEST(SelectUniform, KeepsLayersDenseThatWouldBeSlower) {
  CostTable table;
  ProductShape wide{768, 768, 4096}, thin{768, 768, 16};
  addCosts(table, wide, {80, 30, 40, 30});
  addCosts(table, thin, {120, 130, 110, 105});
  SelectLayer layers[2];
  layers[0].shape = wide;
  layers[1].shape = thin;
  Selection selection =
      take(selectUniform(layers, k64x8, table, 1.5, SelectRule::MaskDiversity));
  EXPECT_EQ(selection.layers[0].pattern, k64x8);
  EXPECT_EQ(selection.layers[1].pattern, std::nullopt);
  EXPECT_EQ(selection.microseconds, 130);
  EXPECT_EQ(selection.denseMicroseconds, 200);
}

/// A layer whose importance is in few columns, and one of noise.
static std::vector<std::vector<float>> twoLayers() {
  return {makeScores(Ensemble::Wanda, 256, 320),
          makeScores(Ensemble::Gauss, 256, 320)};
}

TEST(SelectPerLayer, BeatsOnePatternInTheSameTime) {
  CostTable table;
  ProductShape shape{256, 320, 64};
  addCosts(table, shape, {80, 45, 40, 20});
  std::vector<std::vector<float>> scores = twoLayers();
  SelectLayer layers[] = {{"peaked", ElementType::F16, shape, scores[0], 1},
                          {"noise", ElementType::F16, shape, scores[1], 1}};
  const Pattern all[] = {k32x5, k64x8, k64x16};
  Selection uniform =
      take(selectUniform(layers, all, table, 2, SelectRule::Retained));
  EXPECT_EQ(uniform.microseconds, 90);
  Selection mixed =
      take(selectPerLayer(layers, all, table, uniform.microseconds + 10));
  EXPECT_LE(mixed.microseconds, 100);
  EXPECT_GT(mixed.retained, uniform.retained);
  EXPECT_NE(mixed.layers[0].pattern, mixed.layers[1].pattern);
}

TEST(SelectPerLayer, IsTheBestOfAllCombinationsOrCloseToIt) {
  Random random(7);
  for (int trial = 0; trial < 20; ++trial) {
    CostTable table;
    std::vector<std::vector<float>> scores;
    std::vector<SelectLayer> layers;
    const Pattern all[] = {k32x5, k64x8, k64x16};
    for (int64_t i = 0; i < 4; ++i) {
      ProductShape shape{64, 80, 100 + i};
      double time = double(pick(random, 50, 95));
      addCosts(table, shape, {time, time * 0.7, time * 0.65, time * 0.4});
      scores.push_back(makeScores(kEnsembles[i], 64, 80, trial + 1));
      layers.push_back(
          {"l", ElementType::F16, shape, {}, double(pick(random, 1, 5))});
    }
    for (size_t i = 0; i < 4; ++i)
      layers[i].scores = scores[i];
    double budget = double(pick(random, 200, 390));
    Selection found = take(selectPerLayer(layers, all, table, budget));
    EXPECT_LE(found.microseconds, budget);
    // All 4^4 combinations of dense and three patterns.
    double best = 0;
    for (int code = 0; code < 256; ++code) {
      double time = 0, value = 0, weights = 0;
      for (int i = 0; i < 4; ++i) {
        int pickOf = code >> (2 * i) & 3;
        std::optional<Pattern> pattern;
        double retained = 1;
        if (pickOf) {
          pattern = all[pickOf - 1];
          retained = retainedImportance(
              scores[i], take(prune(scores[i], 64, 80, *pattern)));
        }
        time += take(table.lookUp(ElementType::F16, layers[i].shape, pattern))
                    .microseconds;
        value += layers[i].weight * retained;
        weights += layers[i].weight;
      }
      if (time <= budget)
        best = std::max(best, value / weights);
    }
    EXPECT_LE(found.retained, best + 1e-12);
    EXPECT_GE(found.retained, 0.99 * best);
  }
}

TEST(SelectPerLayer, StaysDenseWithinTheBudget) {
  CostTable table;
  ProductShape shape{256, 320, 64};
  addCosts(table, shape, {80, 45, 40, 20});
  std::vector<std::vector<float>> scores = twoLayers();
  SelectLayer layer{"fc", ElementType::F16, shape, scores[0], 1};
  Selection selection = take(selectPerLayer(layer, k64x8, table, 100));
  EXPECT_EQ(selection.layers[0].pattern, std::nullopt);
  EXPECT_EQ(selection.retained, 1);
  EXPECT_EQ(messageOf(selectPerLayer(layer, k64x8, table, 44)),
            "requires a time of at most 44.000 us, but the candidates reach at "
            "least 45.000 us");
}

TEST(Select, RefusesBadInput) {
  CostTable table;
  SelectLayer layer;
  layer.name = "fc";
  layer.shape = {16, 16, 16};
  auto uniform = [&](llvm::ArrayRef<SelectLayer> layers,
                     llvm::ArrayRef<Pattern> candidates, double speedup) {
    return messageOf(selectUniform(layers, candidates, table, speedup,
                                   SelectRule::MaskDiversity));
  };
  EXPECT_EQ(uniform({}, k64x8, 2),
            "requires at least one layer, but there is none");
  EXPECT_EQ(uniform(layer, {}, 2),
            "requires at least one candidate, but there is none");
  EXPECT_EQ(uniform(layer, k64x8, 0.5),
            "requires a speed-up of at least 1, but it is 0.500");
  EXPECT_NE(uniform(layer, k64x8, NAN), "");
  EXPECT_EQ(messageOf(selectPerLayer(layer, k64x8, table, 10)),
            "requires importance scores of every layer, but 'fc' has none");
  std::vector<float> scores(256, 1);
  layer.scores = scores;
  EXPECT_EQ(messageOf(selectPerLayer(layer, k64x8, table, -1)),
            "requires a positive time budget, but it is -1.000");
  scores[3] = -1;
  EXPECT_EQ(messageOf(selectPerLayer(layer, k64x8, table, 10)),
            "layer 'fc': requires scores to be finite and not negative, but "
            "score (0, 3) is -1.000000");
  layer.weight = -1;
  EXPECT_EQ(uniform(layer, k64x8, 2),
            "requires the weight of a layer to be finite and not negative, but "
            "that of 'fc' is -1.000000");
  layer.weight = 1;
  layer.shape.rows = 0;
  EXPECT_EQ(uniform(layer, k64x8, 2),
            "layer 'fc': requires R, K and T of a product to be at least 1, "
            "but they are 0, 16 and 16");
}

TEST(Select, ComputesScoresLayerByLayer) {
  // The same answer as with scores given, asked for once per layer.
  std::vector<float> first(64 * 32), second(64 * 32);
  for (size_t i = 0; i < first.size(); ++i) {
    first[i] = float(i * 7919 % 101);
    second[i] = float(i * 104729 % 211);
  }
  std::vector<SelectLayer> given(2), lazy(2);
  int calls = 0;
  for (int i = 0; i < 2; ++i) {
    const std::vector<float> &scores = i ? second : first;
    given[i].name = lazy[i].name = "layer";
    given[i].shape = lazy[i].shape = {64, 32, 128};
    given[i].scores = scores;
    lazy[i].computeScores = [&calls,
                             &scores]() -> llvm::Expected<std::vector<float>> {
      ++calls;
      return scores;
    };
  }
  Pattern candidates[] = {{64, 2, 5}, {64, 2, 8}, {128, 2, 16}};
  CostTable costs;
  take(costs.add({ElementType::F16, {64, 32, 128}, std::nullopt, "", 100}));
  for (const Pattern &pattern : candidates)
    take(costs.add({ElementType::F16,
                    {64, 32, 128},
                    pattern,
                    "",
                    400.0 / double(pattern.m)}));
  Selection expected =
      take(selectUniform(given, candidates, costs, 1.2, SelectRule::Retained));
  Selection selection =
      take(selectUniform(lazy, candidates, costs, 1.2, SelectRule::Retained));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(selection.retained, expected.retained);
  EXPECT_EQ(selection.layers[0].pattern, expected.layers[0].pattern);

  lazy[1].computeScores = []() -> llvm::Expected<std::vector<float>> {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "no scores");
  };
  EXPECT_EQ(messageOf(selectUniform(lazy, candidates, costs, 1.2,
                                    SelectRule::Retained)),
            "layer 'layer': no scores");
}
