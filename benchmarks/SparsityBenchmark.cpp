// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file times pruning and packing of one 4096 x 4096 weight.

#include "vnm/Sparsity/Prune.h"
#include "llvm/Support/ErrorHandling.h"
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
