// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file times the searches for permutations and the weight update, and
// prints what they gain. docs/algorithms.md has its results.

#include "Ensembles.h"
#include "vnm/Sparsity/Permute.h"
#include "vnm/Sparsity/Update.h"
#include "llvm/Support/ErrorHandling.h"
#include <benchmark/benchmark.h>
#include <functional>
#include <random>
#include <tuple>

using namespace vnm::sparsity;

template <typename T>
static T unwrap(llvm::Expected<T> value) {
  if (!value)
    llvm::report_fatal_error(value.takeError());
  return std::move(*value);
}

/// Scores are made once; only the last are kept, as large ones fill the memory.
static const std::vector<float> &scoresOf(Ensemble ensemble, int64_t rows,
                                          int64_t cols) {
  static std::tuple<Ensemble, int64_t, int64_t> key;
  static std::vector<float> scores;
  if (scores.empty() || key != std::tuple(ensemble, rows, cols)) {
    key = {ensemble, rows, cols};
    scores = makeScores(ensemble, rows, cols);
  }
  return scores;
}

/// Sets the counter "gain": percent of retained importance over the exact
/// strict plan.
static void setGain(benchmark::State &state, const std::vector<float> &scores,
                    const Pattern &pattern, const Structure &structure) {
  Structure strict =
      unwrap(prune(scores, structure.numRows, structure.numCols, pattern));
  double exact = retainedImportance(scores, strict);
  state.counters["exact"] = exact;
  state.counters["gain"] =
      100 * (retainedImportance(scores, structure) / exact - 1);
}

static void runPermute(benchmark::State &state, Ensemble ensemble, int64_t rows,
                       int64_t cols, const Pattern &pattern, Effort effort,
                       bool permuteRows) {
  const std::vector<float> &scores = scoresOf(ensemble, rows, cols);
  PermuteOptions options;
  options.effort = effort;
  options.permuteRows = permuteRows;
  Structure structure;
  for (auto _ : state)
    structure = unwrap(permute(scores, rows, cols, pattern, options));
  setGain(state, scores, pattern, structure);
}

static void runStrict(benchmark::State &state, Ensemble ensemble, int64_t rows,
                      int64_t cols, const Pattern &pattern) {
  const std::vector<float> &scores = scoresOf(ensemble, rows, cols);
  Structure structure;
  for (auto _ : state)
    structure = unwrap(permuteStrict(scores, rows, cols, pattern)).absorbed;
  setGain(state, scores, pattern, structure);
}

/// Activations whose neighbouring channels are alike.
static std::vector<float> activations(int64_t samples, int64_t cols) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(samples * cols);
  for (int64_t i = 0; i < samples * cols; ++i)
    x[i] =
        i % cols ? 0.9f * x[i - 1] + 0.436f * normal(random) : normal(random);
  return x;
}

static void runUpdate(benchmark::State &state, int64_t size, bool inOrder) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> weight(size * size);
  for (float &value : weight)
    value = normal(random);
  MatrixView view =
      MatrixView::rowMajor(weight.data(), ElementType::F32, size, size);
  int64_t samples = 2 * size;
  std::vector<float> gram =
      unwrap(gramMatrix(activations(samples, size), samples, size));
  PruneOptions options;
  options.form = Form::Free;
  Structure structure = unwrap(
      prune(unwrap(importance(view, {})), size, size, {64, 2, 8}, options));
  std::vector<float> updated;
  for (auto _ : state)
    updated = unwrap((inOrder ? updateWeightInOrder
                              : updateWeight)(view, structure, gram, {}));
  if (size > 1024)
    return;
  std::vector<uint8_t> mask = maskOf(structure);
  std::vector<float> masked = weight;
  for (size_t i = 0; i < masked.size(); ++i)
    masked[i] *= float(mask[i]);
  state.counters["masked"] =
      relativeOutputError(weight, masked, gram, size, size);
  state.counters["error"] =
      relativeOutputError(weight, updated, gram, size, size);
}

static void add(const std::string &name,
                std::function<void(benchmark::State &)> body) {
  benchmark::RegisterBenchmark(name.c_str(), std::move(body))
      ->Unit(benchmark::kMillisecond)
      ->Iterations(1)
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

static void addPermute(Ensemble ensemble, int64_t rows, int64_t cols,
                       const Pattern &pattern, Effort effort,
                       bool permuteRows) {
  add("permute/" + std::to_string(rows) + "x" + std::to_string(cols) + "/" +
          pattern.str() + "/" + toString(effort).str() +
          (permuteRows ? "+rows/" : "/") + toString(ensemble).str(),
      [=](benchmark::State &state) {
        runPermute(state, ensemble, rows, cols, pattern, effort, permuteRows);
      });
}

static void addSmall() {
  const Pattern patterns[] = {{64, 2, 4},  {64, 2, 5}, {64, 2, 8},
                              {64, 2, 16}, {32, 2, 8}, {128, 2, 8}};
  for (Ensemble ensemble : kEnsembles)
    for (const Pattern &pattern : patterns) {
      addPermute(ensemble, 768, 768, pattern, Effort::Default, false);
      for (Effort effort : {Effort::Fast, Effort::Default, Effort::High})
        addPermute(ensemble, 768, 768, pattern, effort, true);
      add("strict/768x768/" + pattern.str() + "/" + toString(ensemble).str(),
          [=](benchmark::State &state) {
            runStrict(state, ensemble, 768, 768, pattern);
          });
    }
}

static void addLarge() {
  for (int64_t cols : {4096, 11008})
    for (Ensemble ensemble :
         {Ensemble::Gauss, Ensemble::Wanda, Ensemble::Clust})
      for (Effort effort : {Effort::Fast, Effort::Default, Effort::High}) {
        addPermute(ensemble, 4096, cols, {64, 2, 8}, effort, false);
        addPermute(ensemble, 4096, cols, {64, 2, 8}, effort, true);
      }
}

int main(int argc, char **argv) {
  addSmall();
  addLarge();
  add("update/768x768", [](auto &state) { runUpdate(state, 768, false); });
  add("update_in_order/768x768",
      [](auto &state) { runUpdate(state, 768, true); });
  add("update/4096x4096", [](auto &state) { runUpdate(state, 4096, false); });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
