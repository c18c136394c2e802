// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements linear sum assignment by shortest augmenting paths
// (Jonker and Volgenant 1987, for rectangular problems Crouse 2016).

#include "Assignment.h"
#include <algorithm>
#include <cassert>
#include <functional>
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

static constexpr float kInfinity = std::numeric_limits<float>::infinity();

namespace {
/// A column and how good it is: smallest cost, then smallest column.
struct Nearest {
  float cost = kInfinity;
  int32_t column = -1;
};
} // namespace

/// The smallest of every lane's smallest numbers, ties to the lower column;
/// firstBlock says where a lane's was found.
VNM_INLINE Nearest nearestOf(Lanes smallest, Flags firstBlock) {
  Nearest nearest;
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    int32_t column = int32_t(firstBlock.value[lane] * kLanes + lane);
    if (smallest.value[lane] < nearest.cost ||
        (smallest.value[lane] == nearest.cost &&
         smallest.value[lane] < kInfinity && column < nearest.column))
      nearest = {smallest.value[lane], column};
  }
  return nearest;
}

/// The cheapest column for a row: -value - price is smallest.
VNM_INLINE void findCheapest(const float *values, const float *prices,
                             int64_t stride, Nearest *result) {
  Vector smallest = splat(kInfinity).value;
  IntVector firstBlock = {};
  IntVector block = {};
  for (int64_t col = 0; col < stride; col += kLanes, block += 1) {
    Vector cost = -load(values + col).value - load(prices + col).value;
    IntVector less = cost < smallest;
    smallest = less ? cost : smallest;
    firstBlock = less ? block : firstBlock;
  }
  *result = nearestOf({smallest}, {firstBlock});
}

/// One step of the path search: offers the columns that `row` reaches at
/// `offset` and finds the nearest one that is open.
VNM_INLINE void relax(const float *values, const float *prices, float offset,
                      int32_t row, int64_t stride, float *costs,
                      int32_t *previous, const int32_t *open, Nearest *result) {
  Vector smallest = splat(kInfinity).value;
  IntVector firstBlock = {};
  IntVector block = {};
  for (int64_t col = 0; col < stride; col += kLanes, block += 1) {
    IntVector isOpen, before;
    std::memcpy(&isOpen, open + col, sizeof(isOpen));
    std::memcpy(&before, previous + col, sizeof(before));
    Vector known = load(costs + col).value;
    Vector cost =
        (-load(values + col).value - load(prices + col).value) - offset;
    IntVector better = (cost < known) & isOpen;
    known = better ? cost : known;
    before = better ? IntVector{} + row : before;
    store(costs + col, {known});
    std::memcpy(previous + col, &before, sizeof(before));
    IntVector less = (known < smallest) & isOpen;
    smallest = less ? known : smallest;
    firstBlock = less ? block : firstBlock;
  }
  *result = nearestOf({smallest}, {firstBlock});
}

/// Adds a row to sums of columns.
VNM_INLINE void addRow(const float *values, int64_t stride, float *sums) {
  for (int64_t col = 0; col < stride; col += kLanes)
    store(sums + col, load(sums + col) + load(values + col));
}

VNM_PER_LEVEL(findCheapestAt, findCheapest,
              (const float *values, const float *prices, int64_t stride,
               Nearest *result),
              (values, prices, stride, result))
VNM_PER_LEVEL(relaxAt, relax,
              (const float *values, const float *prices, float offset,
               int32_t row, int64_t stride, float *costs, int32_t *previous,
               const int32_t *open, Nearest *result),
              (values, prices, offset, row, stride, costs, previous, open,
               result))
VNM_PER_LEVEL(addRowAt, addRow,
              (const float *values, int64_t stride, float *sums),
              (values, stride, sums))

void AssignmentSolver::findPrices(const float *values, int64_t numRows,
                                  int64_t numCols) {
  means.assign(stride, 0);
  for (int64_t row = 0; row < numRows; ++row)
    addRowAt(level, values + row * stride, stride, means.data());
  // Only numRows columns will be used: the mean of the last of them costs
  // nothing, and what exceeds it is what the rows would outbid each other with.
  costs.assign(means.begin(), means.begin() + numCols);
  std::nth_element(costs.begin(), costs.begin() + (numRows - 1), costs.end(),
                   std::greater<float>());
  float threshold = costs[numRows - 1];
  for (int64_t col = 0; col < numCols; ++col)
    prices[col] = means[col] > threshold
                      ? -(means[col] - threshold) / float(numRows)
                      : 0.0f;
}

void AssignmentSolver::assignFree(const float *values, int64_t numRows,
                                  int32_t *columnOf) {
  waiting.clear();
  for (int64_t row = 0; row < numRows; ++row) {
    Nearest nearest;
    findCheapestAt(level, values + row * stride, prices.data(), stride,
                   &nearest);
    if (nearest.column >= 0 && rowOf[nearest.column] < 0) {
      columnOf[row] = nearest.column;
      rowOf[nearest.column] = int32_t(row);
      continue;
    }
    waiting.push_back(int32_t(row));
  }
}

void AssignmentSolver::augment(const float *values, int64_t freeRow,
                               int32_t *columnOf) {
  std::fill(costs.begin(), costs.end(), kInfinity);
  std::fill(open.begin(), open.end(), -1);
  scanned.clear();
  int32_t row = int32_t(freeRow);
  float offset = 0;
  Nearest nearest;
  for (;;) {
    relaxAt(level, values + row * stride, prices.data(), offset, row, stride,
            costs.data(), previous.data(), open.data(), &nearest);
    assert(nearest.column >= 0 && "no assignment exists");
    row = rowOf[nearest.column];
    if (row < 0)
      break;
    open[nearest.column] = 0;
    scanned.push_back(nearest.column);
    offset = (-values[row * stride + nearest.column] - prices[nearest.column]) -
             nearest.cost;
  }
  for (int32_t column : scanned)
    prices[column] += costs[column] - nearest.cost;
  for (int32_t column = nearest.column;;) {
    row = previous[column];
    rowOf[column] = row;
    std::swap(column, columnOf[row]);
    if (row == freeRow)
      return;
  }
}

void AssignmentSolver::solve(float *values, int64_t numRows, int64_t numCols,
                             int64_t stride, Start start, int32_t *columnOf) {
  assert(numRows <= numCols && numCols <= stride && stride % kLanes == 0 &&
         "not a wide problem");
  this->stride = stride;
  for (int64_t row = 0; row < numRows; ++row)
    std::fill(values + row * stride + numCols, values + (row + 1) * stride,
              -kInfinity);
  prices.assign(stride, 0);
  if (start == Start::Priced && numRows > 0)
    findPrices(values, numRows, numCols);
  costs.resize(stride);
  rowOf.assign(stride, -1);
  previous.assign(stride, -1);
  open.resize(stride);
  assignFree(values, numRows, columnOf);
  for (int32_t row : waiting)
    augment(values, row, columnOf);
}
