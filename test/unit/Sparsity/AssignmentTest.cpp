// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the assignment solver against all permutations.

#include "Assignment.h"
#include "TestUtils.h"
#include <algorithm>
#include <limits>
#include <numeric>
#include <rapidcheck.h>
#include <set>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using namespace vnm::sparsity::test;

using Start = AssignmentSolver::Start;
static constexpr float kInfinity = std::numeric_limits<float>::infinity();

namespace {
struct Problem {
  int64_t rows, cols, stride;
  std::vector<float> values;
};
} // namespace

/// Values are small integers, with many ties, or fractions of 2^24: sums are
/// exact either way.
static Problem randomProblem(Random &random, int64_t maxRows, int64_t maxCols) {
  Problem problem;
  problem.rows = pick(random, 1, maxRows);
  problem.cols = pick(random, problem.rows, maxCols);
  problem.stride = (problem.cols + 15) / 16 * 16 + 16 * pick(random, 0, 1);
  problem.values.assign(problem.rows * problem.stride, 1e9f);
  int64_t levels = pick(random, 0, 1) ? 3 : 1 << 20;
  for (int64_t i = 0; i < problem.rows; ++i)
    for (int64_t j = 0; j < problem.cols; ++j)
      problem.values[i * problem.stride + j] =
          float(pick(random, -levels, levels));
  return problem;
}

/// The value of an assignment, which must be one.
static double valueOf(const Problem &problem,
                      const std::vector<int32_t> &columnOf) {
  std::set<int32_t> used;
  double sum = 0;
  for (int64_t i = 0; i < problem.rows; ++i) {
    RC_ASSERT(columnOf[i] >= 0 && columnOf[i] < problem.cols);
    RC_ASSERT(used.insert(columnOf[i]).second);
    sum += problem.values[i * problem.stride + columnOf[i]];
  }
  return sum;
}

static double bestByEnumeration(const Problem &problem) {
  std::vector<int32_t> columns(problem.cols);
  std::iota(columns.begin(), columns.end(), 0);
  double best = -kInfinity;
  do {
    double sum = 0;
    for (int64_t i = 0; i < problem.rows; ++i)
      sum += problem.values[i * problem.stride + columns[i]];
    best = std::max(best, sum);
  } while (std::next_permutation(columns.begin(), columns.end()));
  return best;
}

TEST(Assignment, IsTheBestOfAllPermutations) {
  auto isBest = [](uint64_t seed) {
    Random random(seed);
    Problem problem = randomProblem(random, 7, 7);
    std::vector<int32_t> columnOf(problem.rows, -1);
    std::vector<float> values = problem.values;
    AssignmentSolver().solve(values.data(), problem.rows, problem.cols,
                             problem.stride, Start::Exact, columnOf.data());
    RC_ASSERT(valueOf(problem, columnOf) == bestByEnumeration(problem));
  };
  EXPECT_TRUE(rc::check("exact starts give the best", isBest));
}

TEST(Assignment, IsOneWithPricesToo) {
  auto isAssignment = [](uint64_t seed) {
    Random random(seed);
    Problem problem = randomProblem(random, 40, 70);
    std::vector<int32_t> exact(problem.rows, -1), priced(problem.rows, -1);
    std::vector<float> values = problem.values;
    AssignmentSolver solver;
    solver.solve(values.data(), problem.rows, problem.cols, problem.stride,
                 Start::Exact, exact.data());
    solver.solve(values.data(), problem.rows, problem.cols, problem.stride,
                 Start::Priced, priced.data());
    RC_ASSERT(valueOf(problem, priced) <= valueOf(problem, exact));
    // Square problems leave no column over: prices cost nothing.
    if (problem.rows == problem.cols)
      RC_ASSERT(valueOf(problem, priced) == valueOf(problem, exact));
  };
  EXPECT_TRUE(rc::check("priced starts give an assignment", isAssignment));
}

TEST(Assignment, DoesNotDependOnTheVectorLevel) {
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    Problem problem = randomProblem(random, 60, 150);
    std::vector<std::vector<int32_t>> results;
    for (VectorLevel level :
         {VectorLevel::Baseline, VectorLevel::AVX2, VectorLevel::AVX512}) {
      if (level > bestVectorLevel())
        continue;
      std::vector<int32_t> columnOf(problem.rows, -1);
      std::vector<float> values = problem.values;
      AssignmentSolver(level).solve(values.data(), problem.rows, problem.cols,
                                    problem.stride, Start::Priced,
                                    columnOf.data());
      results.push_back(columnOf);
    }
    for (const std::vector<int32_t> &result : results)
      EXPECT_EQ(result, results[0]);
  }
}

TEST(Assignment, RespectsBarredColumns) {
  std::vector<float> values(2 * 16, 0);
  values[0] = values[16] = -kInfinity; // column 0 is barred
  values[1] = 5, values[17] = 7;
  int32_t columnOf[2];
  AssignmentSolver().solve(values.data(), 2, 3, 16, Start::Exact, columnOf);
  EXPECT_EQ(columnOf[0], 2);
  EXPECT_EQ(columnOf[1], 1);
}
