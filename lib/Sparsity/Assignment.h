// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the solver of linear sum assignments.

#ifndef VNM_LIB_SPARSITY_ASSIGNMENT_H
#define VNM_LIB_SPARSITY_ASSIGNMENT_H

#include "Vector.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity::detail {

/// Gives each of some rows a column of its own such that the sum of the values
/// at (row, its column) is largest. Holds the scratch memory for it.
class AssignmentSolver {
public:
  /// Where the search starts.
  enum class Start : uint8_t {
    /// No prices: the result is a largest sum.
    Exact,
    /// Columns that many rows want start with a price. Many times faster when
    /// all rows want the same columns, but a priced column may be left over
    /// that a better assignment would use.
    Priced
  };

  /// The processor must have `level`.
  explicit AssignmentSolver(VectorLevel level = bestVectorLevel())
      : level(level) {}

  /// Sets columnOf[row] for every row. `values` is row-major with rows of
  /// `stride`, a multiple of 16 and at least `numCols` >= `numRows`; numbers
  /// beyond column numCols are overwritten. A value of -infinity bars a column
  /// from a row; it must leave at least one assignment.
  void solve(float *values, int64_t numRows, int64_t numCols, int64_t stride,
             Start start, int32_t *columnOf);

private:
  void findPrices(const float *values, int64_t numRows, int64_t numCols);
  /// Assigns rows their best column while it is free; lists the others.
  void assignFree(const float *values, int64_t numRows, int32_t *columnOf);
  /// Assigns one more row along the cheapest path to a free column.
  void augment(const float *values, int64_t row, int32_t *columnOf);

  VectorLevel level;
  int64_t stride = 0;
  std::vector<float> prices, costs;
  /// Per column: its row or -1; the row before it on the path; all ones while
  /// the path may still use it.
  std::vector<int32_t> rowOf, previous, open;
  std::vector<int32_t> waiting, scanned;
  std::vector<float> means;
};

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_ASSIGNMENT_H
