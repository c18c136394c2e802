// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file times pruning and packing of one 4096 x 4096 weight.

#include "vnm/Sparsity/Prune.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cmath>
#include <random>

using namespace vnm::sparsity;

static constexpr int64_t kRows = 4096, kCols = 4096;

/// Gaussian weights, the same in every run.
static const std::vector<float> &weights() {
  static const std::vector<float> values = [] {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> result(kRows * kCols);
    for (float &value : result)
      value = normal(random);
    return result;
  }();
  return values;
}

static const std::vector<float> &scores() {
  static const std::vector<float> values = [] {
    std::vector<float> result = weights();
    for (float &value : result)
      value = std::fabs(value);
    return result;
  }();
  return values;
}

template <typename T>
static T unwrap(llvm::Expected<T> value) {
  if (!value)
    llvm::report_fatal_error(value.takeError());
  return std::move(*value);
}

/// Arguments: V, M and the column choice (0 exact, 1 L1); all cores.
static void prune4096(benchmark::State &state) {
  Pattern pattern{state.range(0), 2, state.range(1)};
  PruneOptions options;
  options.columnChoice = ColumnChoice(state.range(2));
  llvm::ArrayRef<float> importance = scores(); // made before the clock runs
  double retained = 0;
  for (auto _ : state) {
    Structure structure =
        unwrap(prune(importance, kRows, kCols, pattern, options));
    benchmark::DoNotOptimize(structure.columns.data());
    state.PauseTiming();
    retained = retainedImportance(importance, structure);
    state.ResumeTiming();
  }
  state.counters["retained"] = retained;
}
BENCHMARK(prune4096)
    ->ArgNames({"V", "M", "l1"})
    ->ArgsProduct({{64}, {4, 5, 8, 16, 32}, {0, 1}})
    ->Args({32, 8, 0})
    ->Args({128, 8, 0})
    ->Args({128, 32, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Importance, pruning and packing together, as vnm.compress does.
static void compress4096(benchmark::State &state) {
  Pattern pattern{64, 2, state.range(0)};
  MatrixView weight =
      MatrixView::rowMajor(weights().data(), ElementType::F32, kRows, kCols);
  for (auto _ : state) {
    Storage storage = unwrap(compress(weight, pattern, {}, {}));
    benchmark::DoNotOptimize(storage.values.data());
  }
}
BENCHMARK(compress4096)
    ->ArgName("M")
    ->Arg(8)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
//===----------------------------------------------------------------------===//
// Exchange of single columns, for groups too wide for the exact choice
//===----------------------------------------------------------------------===//

/// What `numRows` rows keep of 4 columns: the two largest scores of each.
static double keptOfFour(const float *const *columns, int64_t numRows) {
  double sum = 0;
  for (int64_t row = 0; row < numRows; ++row) {
    float a = columns[0][row], b = columns[1][row];
    float c = columns[2][row], d = columns[3][row];
    sum += std::max({std::max(a, b) + std::max(c, d), a + b, c + d});
  }
  return sum;
}

/// The best of all quadruples, tried one by one.
static double bestOfAll(const std::vector<float> &block, int64_t rows,
                        int64_t cols) {
  double best = 0;
  const float *four[4];
  auto column = [&](int64_t index) { return block.data() + index * rows; };
  for (int64_t a = 0; a < cols; ++a)
    for (int64_t b = a + 1; b < cols; ++b)
      for (int64_t c = b + 1; c < cols; ++c)
        for (int64_t d = c + 1; d < cols; ++d) {
          four[0] = column(a);
          four[1] = column(b);
          four[2] = column(c);
          four[3] = column(d);
          best = std::max(best, keptOfFour(four, rows));
        }
  return best;
}

/// How far exchanging single columns stays behind the best of all quadruples of
/// wide groups, in percent of what is kept; Gaussian magnitudes.
static void exchangeGap(benchmark::State &state) {
  int64_t rows = state.range(0), cols = state.range(1);
  constexpr int kBlocks = 16;
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  double gaps = 0, worst = 0;
  for (auto _ : state)
    for (int i = 0; i < kBlocks; ++i) {
      std::vector<float> block(rows * cols);
      for (float &score : block)
        score = std::fabs(normal(random));
      auto chosen = bestColumns(block, rows, cols);
      const float *four[4];
      for (int slot = 0; slot < 4; ++slot)
        four[slot] = block.data() + chosen[slot] * rows;
      double best = bestOfAll(block, rows, cols);
      double gap = 100 * (best - keptOfFour(four, rows)) / best;
      gaps += gap / kBlocks;
      worst = std::max(worst, gap);
    }
  state.counters["gap"] = gaps;
  state.counters["worst"] = worst;
}
BENCHMARK(exchangeGap)
    ->ArgNames({"V", "M"})
    ->ArgsProduct({{32, 64, 128}, {40, 64}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
