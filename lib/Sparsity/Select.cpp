// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice of patterns.

#include "vnm/Sparsity/Select.h"
#include "Detail.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using llvm::Twine;

namespace {
/// What a layer may get: dense first, then each candidate.
using Choices = std::vector<SelectedLayer>;
} // namespace

static std::string print(double number) {
  return llvm::formatv("{0:f3}", number).str();
}

static llvm::Error checkLayers(llvm::ArrayRef<SelectLayer> layers,
                               llvm::ArrayRef<Pattern> candidates,
                               bool needsScores) {
  if (layers.empty())
    return makeError("requires at least one layer, but there is none");
  if (candidates.empty())
    return makeError("requires at least one candidate, but there is none");
  for (const Pattern &pattern : candidates)
    if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
      return error;
  for (const SelectLayer &layer : layers) {
    if (!std::isfinite(layer.weight) || layer.weight < 0)
      return makeError("requires the weight of a layer to be finite and not "
                       "negative, but that of '" +
                       layer.name + "' is " + std::to_string(layer.weight));
    if (needsScores && layer.scores.empty() && !layer.computeScores)
      return makeError("requires importance scores of every layer, but '" +
                       Twine(layer.name) + "' has none");
  }
  return llvm::Error::success();
}

/// Finds what every choice costs and, if asked, retains.
static llvm::Expected<std::vector<Choices>>
findChoices(llvm::ArrayRef<SelectLayer> layers,
            llvm::ArrayRef<Pattern> candidates, const CostTable &costs,
            bool measure, const SelectOptions &options) {
  std::vector<Choices> result;
  for (const SelectLayer &layer : layers) {
    auto inLayer = [&](llvm::Error error) {
      return makeError("layer '" + layer.name +
                       "': " + llvm::toString(std::move(error)));
    };
    Choices choices(1 + candidates.size());
    llvm::ArrayRef<float> scores = layer.scores;
    std::vector<float> computed;
    if (measure && scores.empty()) {
      llvm::Expected<std::vector<float>> result = layer.computeScores();
      if (!result)
        return inLayer(result.takeError());
      computed = std::move(*result);
      scores = computed;
    }
    for (size_t i = 0; i < choices.size(); ++i) {
      if (i > 0)
        choices[i].pattern = candidates[i - 1];
      llvm::Expected<Cost> cost =
          costs.lookUp(layer.type, layer.shape, choices[i].pattern);
      if (!cost)
        return inLayer(cost.takeError());
      choices[i].cost = *cost;
      choices[i].denseMicroseconds = choices[0].cost.microseconds;
      if (i == 0 || !measure)
        continue;
      llvm::Expected<Structure> structure =
          prune(scores, layer.shape.rows, layer.shape.cols, candidates[i - 1],
                options.prune);
      if (!structure)
        return inLayer(structure.takeError());
      choices[i].retained = retainedImportance(scores, *structure);
    }
    result.push_back(std::move(choices));
  }
  return result;
}

/// The selection that takes choices[layer][picks[layer]].
static Selection combine(llvm::ArrayRef<SelectLayer> layers,
                         llvm::ArrayRef<Choices> choices,
                         llvm::ArrayRef<size_t> picks) {
  Selection selection;
  double retained = 0, weights = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const SelectedLayer &picked = choices[i][picks[i]];
    selection.layers.push_back(picked);
    selection.microseconds += picked.cost.microseconds;
    selection.denseMicroseconds += picked.denseMicroseconds;
    retained += layers[i].weight * picked.retained;
    weights += layers[i].weight;
  }
  selection.retained = weights > 0 ? retained / weights : 1;
  return selection;
}

llvm::Expected<Selection>
vnm::sparsity::selectUniform(llvm::ArrayRef<SelectLayer> layers,
                             llvm::ArrayRef<Pattern> candidates,
                             const CostTable &costs, double speedup,
                             SelectRule rule, const SelectOptions &options) {
  bool measure = rule == SelectRule::Retained;
  if (llvm::Error error = checkLayers(layers, candidates, measure))
    return std::move(error);
  if (!std::isfinite(speedup) || speedup < 1)
    return makeError("requires a speed-up of at least 1, but it is " +
                     print(speedup));
  llvm::Expected<std::vector<Choices>> choices =
      findChoices(layers, candidates, costs, measure, options);
  if (!choices)
    return choices.takeError();
  std::vector<size_t> picks(layers.size(), 0);
  if (speedup == 1)
    return combine(layers, *choices, picks);

  std::optional<Selection> best;
  double bestRank = 0, reachable = 0;
  size_t fastest = 0;
  for (size_t i = 1; i <= candidates.size(); ++i) {
    for (size_t layer = 0; layer < layers.size(); ++layer) {
      const Choices &own = (*choices)[layer];
      picks[layer] =
          own[i].cost.microseconds < own[0].cost.microseconds ? i : 0;
    }
    Selection selection = combine(layers, *choices, picks);
    if (selection.speedup() > reachable) {
      reachable = selection.speedup();
      fastest = i;
    }
    if (selection.speedup() < speedup)
      continue;
    double rank =
        measure ? selection.retained : candidates[i - 1].log2MaskDiversity();
    if (best && (rank < bestRank ||
                 (rank == bestRank && selection.speedup() <= best->speedup())))
      continue;
    best = std::move(selection);
    bestRank = rank;
  }
  if (best)
    return std::move(*best);
  return makeError("requires a speed-up of " + print(speedup) +
                   ", but the candidates reach at most " + print(reachable) +
                   ", with " + candidates[fastest - 1].str());
}

//===----------------------------------------------------------------------===//
// Per layer
//===----------------------------------------------------------------------===//

/// The choice of every layer if a microsecond costs `price`: largest weight *
/// retained - price * time, ties to the faster.
static std::vector<size_t> pickAtPrice(llvm::ArrayRef<SelectLayer> layers,
                                       llvm::ArrayRef<Choices> choices,
                                       double price) {
  std::vector<size_t> picks;
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    size_t best = 0;
    double bestValue = 0;
    for (size_t i = 0; i < choices[layer].size(); ++i) {
      const SelectedLayer &choice = choices[layer][i];
      double value = layers[layer].weight * choice.retained -
                     price * choice.cost.microseconds;
      bool faster =
          choice.cost.microseconds < choices[layer][best].cost.microseconds;
      if (i == 0 || value > bestValue || (value == bestValue && faster)) {
        best = i;
        bestValue = value;
      }
    }
    picks.push_back(best);
  }
  return picks;
}

namespace {
/// Another choice for one layer.
struct Change {
  size_t layer, choice;
  double gain, time;
};
} // namespace

/// Improves a selection by the best change of one or two layers that fits the
/// budget, again and again: what no price of time finds.
static void improve(llvm::ArrayRef<SelectLayer> layers,
                    llvm::ArrayRef<Choices> choices, double budget,
                    std::vector<size_t> &picks) {
  for (;;) {
    double left = budget - combine(layers, choices, picks).microseconds;
    std::vector<Change> changes;
    for (size_t layer = 0; layer < layers.size(); ++layer)
      for (size_t i = 0; i < choices[layer].size(); ++i) {
        const SelectedLayer &now = choices[layer][picks[layer]];
        const SelectedLayer &next = choices[layer][i];
        changes.push_back(
            {layer, i, layers[layer].weight * (next.retained - now.retained),
             next.cost.microseconds - now.cost.microseconds});
      }
    // Below this, a gain is rounding.
    double best = 1e-12;
    const Change *first = nullptr, *second = nullptr;
    for (const Change &a : changes)
      for (const Change &b : changes) {
        // A layer's present choice is a change, too: pairs include singles.
        if (a.layer >= b.layer && layers.size() > 1)
          continue;
        double gain = a.gain + b.gain, time = a.time + b.time;
        if (a.layer == b.layer) {
          gain = a.gain;
          time = a.time;
        }
        if (gain <= best || time > left)
          continue;
        best = gain;
        first = &a;
        second = a.layer == b.layer ? &a : &b;
      }
    if (!first)
      return;
    picks[first->layer] = first->choice;
    picks[second->layer] = second->choice;
  }
}

/// The choices at the lowest price of time at which they fit the budget;
/// `fastest` fits.
static std::vector<size_t> pickByPrice(llvm::ArrayRef<SelectLayer> layers,
                                       llvm::ArrayRef<Choices> choices,
                                       double budget,
                                       std::vector<size_t> fastest) {
  std::vector<size_t> picks = pickAtPrice(layers, choices, 0);
  if (combine(layers, choices, picks).microseconds <= budget)
    return picks;
  picks = std::move(fastest);
  double low = -60, high = 60; // powers of two
  constexpr int kSteps = 60;
  for (int step = 0; step < kSteps; ++step) {
    double middle = (low + high) / 2;
    std::vector<size_t> next = pickAtPrice(layers, choices, std::exp2(middle));
    bool fits = combine(layers, choices, next).microseconds <= budget;
    (fits ? high : low) = middle;
    if (fits)
      picks = std::move(next);
  }
  return picks;
}

llvm::Expected<Selection> vnm::sparsity::selectPerLayer(
    llvm::ArrayRef<SelectLayer> layers, llvm::ArrayRef<Pattern> candidates,
    const CostTable &costs, double microseconds, const SelectOptions &options) {
  if (llvm::Error error = checkLayers(layers, candidates, true))
    return std::move(error);
  if (!std::isfinite(microseconds) || microseconds <= 0)
    return makeError("requires a positive time budget, but it is " +
                     print(microseconds));
  llvm::Expected<std::vector<Choices>> choices =
      findChoices(layers, candidates, costs, true, options);
  if (!choices)
    return choices.takeError();

  // The fastest of everything, for which any price high enough will do.
  std::vector<size_t> fastest;
  for (const Choices &own : *choices)
    fastest.push_back(size_t(
        std::min_element(own.begin(), own.end(),
                         [](const SelectedLayer &a, const SelectedLayer &b) {
                           return a.cost.microseconds < b.cost.microseconds;
                         }) -
        own.begin()));
  double least = combine(layers, *choices, fastest).microseconds;
  if (least > microseconds)
    return makeError("requires a time of at most " + print(microseconds) +
                     " us, but the candidates reach at least " + print(least) +
                     " us");

  // Prices, and one pattern for all: the result is never worse than the latter.
  std::vector<std::vector<size_t>> starts = {
      pickByPrice(layers, *choices, microseconds, fastest)};
  for (size_t i = 1; i <= candidates.size(); ++i) {
    std::vector<size_t> picks;
    for (const Choices &own : *choices)
      picks.push_back(own[i].cost.microseconds < own[0].cost.microseconds ? i
                                                                          : 0);
    if (combine(layers, *choices, picks).microseconds <= microseconds)
      starts.push_back(std::move(picks));
  }
  std::optional<Selection> best;
  for (std::vector<size_t> &picks : starts) {
    improve(layers, *choices, microseconds, picks);
    Selection selection = combine(layers, *choices, picks);
    if (!best || selection.retained > best->retained)
      best = std::move(selection);
  }
  return std::move(*best);
}
