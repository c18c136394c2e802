// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file replays what a GPU computed, instruction by instruction. The
// variable VNM_INSTRUCTION_RESULTS names a file to take instead of the few
// samples in Inputs, and prints a table of it.

#include "DeviceResults.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace vnm::emulator::test;

namespace {
struct Comparison {
  size_t words = 0, equal = 0;
  /// Largest relative difference of finite results.
  double largest = 0;
};
} // namespace

static std::vector<DeviceResults> readResults() {
  const char *path = std::getenv("VNM_INSTRUCTION_RESULTS");
  auto results = DeviceResults::readFile(path ? path : VNM_DEVICE_RESULTS);
  if (results)
    return std::move(*results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

static double relativeDifference(uint32_t got, uint32_t want) {
  float x, y;
  std::memcpy(&x, &got, 4);
  std::memcpy(&y, &want, 4);
  if (!std::isfinite(x) || !std::isfinite(y) || y == 0)
    return got == want ? 0 : 1;
  return std::fabs((double(x) - double(y)) / double(y));
}

static Comparison compare(const DeviceResults &results) {
  Comparison comparison;
  for (size_t sample = 0; sample < results.getNumSamples(); ++sample) {
    auto replayed = results.replay(sample);
    if (!replayed) {
      ADD_FAILURE() << llvm::toString(replayed.takeError());
      return comparison;
    }
    for (size_t i = 0; i < replayed->size(); ++i) {
      uint32_t got = (*replayed)[i],
               want = results.d[sample * results.keptD + i];
      ++comparison.words;
      comparison.equal += got == want;
      if (results.getText("acc") == "f32")
        comparison.largest =
            std::max(comparison.largest, relativeDifference(got, want));
    }
  }
  return comparison;
}

TEST(DeviceResultsTest, EveryInstructionIsBitIdentical) {
  std::vector<DeviceResults> all = readResults();
  // The table of scripts/instructions/table.py.
  EXPECT_GE(all.size(), 125u);
  bool print = std::getenv("VNM_INSTRUCTION_RESULTS");
  if (print)
    std::printf("| instruction | samples | results | identical | largest "
                "relative difference |\n|---|---|---|---|---|\n");
  for (const DeviceResults &results : all) {
    SCOPED_TRACE(results.getText("name"));
    Comparison comparison = compare(results);
    EXPECT_GT(comparison.words, 0u);
    EXPECT_EQ(comparison.equal, comparison.words);
    if (print)
      std::printf("| %s | %zu | %zu | %.4f %% | %.1e |\n",
                  results.getText("name").c_str(), results.getNumSamples(),
                  comparison.words,
                  100 * double(comparison.equal) / double(comparison.words),
                  comparison.largest);
  }
}

// What the comparison is worth: a bit flipped in an operand is seen.
TEST(DeviceResultsTest, AFlippedBitShows) {
  for (DeviceResults &results : readResults()) {
    if (results.getText("family") != "mma" || results.getText("acc") == "s32")
      continue;
    SCOPED_TRACE(results.getText("name"));
    // The sign of an element of A of the first sample, which is of the kind
    // "normal".
    results.a[0] ^= 0x80000000;
    Comparison comparison = compare(results);
    EXPECT_LT(comparison.equal, comparison.words);
  }
}
