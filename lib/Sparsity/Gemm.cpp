// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the product of matrices.

#include "Gemm.h"
#include "Vector.h"
#include <algorithm>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

/// Depth of b that stays in the cache while all rows of a pass over it.
static constexpr int64_t kDepthBlock = 512;

/// Adds to `tileRows` rows and 16 * vectors columns of c.
template <int64_t tileRows, int64_t vectors>
VNM_INLINE void addTile(const float *a, int64_t strideA, const float *b,
                        int64_t strideB, float *c, int64_t strideC,
                        int64_t depth) {
  Lanes sums[tileRows][vectors];
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      sums[i][j] = load(c + i * strideC + j * kLanes);
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t i = 0; i < tileRows; ++i)
      for (int64_t j = 0; j < vectors; ++j)
        sums[i][j] = {sums[i][j].value +
                      load(b + k * strideB + j * kLanes).value *
                          a[i * strideA + k]};
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      store(c + i * strideC + j * kLanes, sums[i][j]);
}

template <int64_t vectors>
VNM_INLINE void addStrip(const float *a, int64_t strideA, const float *b,
                         int64_t strideB, float *c, int64_t strideC,
                         int64_t rows, int64_t depth) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4)
    addTile<4, vectors>(a + row * strideA, strideA, b, strideB,
                        c + row * strideC, strideC, depth);
  for (; row < rows; ++row)
    addTile<1, vectors>(a + row * strideA, strideA, b, strideB,
                        c + row * strideC, strideC, depth);
}

VNM_INLINE void addAll(const float *a, int64_t strideA, const float *b,
                       int64_t strideB, float *c, int64_t strideC, int64_t rows,
                       int64_t cols, int64_t depth) {
  for (int64_t begin = 0; begin < depth; begin += kDepthBlock) {
    int64_t count = std::min(kDepthBlock, depth - begin);
    const float *part = b + begin * strideB;
    int64_t col = 0;
    for (; col + 4 * kLanes <= cols; col += 4 * kLanes)
      addStrip<4>(a + begin, strideA, part + col, strideB, c + col, strideC,
                  rows, count);
    for (; col < cols; col += kLanes)
      addStrip<1>(a + begin, strideA, part + col, strideB, c + col, strideC,
                  rows, count);
  }
}

VNM_PER_LEVEL(addAllAt, addAll,
              (const float *a, int64_t strideA, const float *b, int64_t strideB,
               float *c, int64_t strideC, int64_t rows, int64_t cols,
               int64_t depth),
              (a, strideA, b, strideB, c, strideC, rows, cols, depth))

void detail::addProduct(const float *a, int64_t strideA, const float *b,
                        int64_t strideB, float *c, int64_t strideC,
                        int64_t rows, int64_t cols, int64_t depth) {
  addAllAt(bestVectorLevel(), a, strideA, b, strideB, c, strideC, rows, cols,
           depth);
}
