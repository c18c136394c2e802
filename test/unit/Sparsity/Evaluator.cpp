// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the independent evaluator of plans.

#include "Evaluator.h"
#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>

using namespace vnm::sparsity;

static void require(bool condition, const std::string &what) {
  if (!condition)
    throw std::runtime_error("the plan is wrong: " + what);
}

/// What row `row` of the weight keeps of one group with metadata `nibble`.
static double keptOfGroup(const std::vector<float> &scores, long row, long cols,
                          const int32_t *ids, int nibble) {
  std::vector<double> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(ids[i] == cols ? 0.0 : double(scores[row * cols + ids[i]]));
  int low = nibble & 3, high = nibble >> 2 & 3;
  require(low < high, "positions do not ascend");
  double kept = all[low] + all[high];
  std::sort(all.begin(), all.end());
  require(kept == all[3] + all[2], "a row keeps less than it could");
  return kept;
}

double vnm::sparsity::test::evaluate(const std::vector<float> &scores,
                                     const Structure &structure) {
  long rows = structure.numRows, cols = structure.numCols;
  long v = structure.pattern.v, m = structure.pattern.m;
  long groups = (cols + m - 1) / m, words = (groups + 3) / 4;
  std::set<long> outputs;
  double sum = 0;
  for (long r = 0; r < rows; ++r) {
    long out = structure.rows.empty() ? r : structure.rows.at(r);
    require(out >= 0 && out < rows && outputs.insert(out).second,
            "rows are no permutation");
    const int32_t *ids = &structure.columns.at(r / v * groups * 4);
    if (r % v == 0) {
      std::set<int32_t> seen;
      for (long i = 0; i < groups * 4; ++i)
        require(ids[i] == cols || (ids[i] >= 0 && ids[i] < cols &&
                                   seen.insert(ids[i]).second),
                "a panel names a column twice");
    }
    for (long g = 0; g < groups; ++g)
      sum += keptOfGroup(
          scores, out, cols, ids + 4 * g,
          structure.metadata.at(r * words + g / 4) >> (g % 4 * 4) & 15);
  }
  return sum;
}
