// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what groups keep with other columns.

#include "Gains.h"

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

/// What kTileGroups groups keep with each of 16 * vectors candidates.
template <int64_t vectors>
VNM_INLINE void tileGains(const float *second, int64_t width, const float *base,
                          const float *candidates, int64_t stride,
                          int64_t numRows, float *gains, int64_t gainStride) {
  Lanes sums[kTileGroups][vectors];
  for (int64_t row = 0; row < numRows; ++row) {
    Lanes x[vectors];
    for (int64_t i = 0; i < vectors; ++i)
      x[i] = load(candidates + row * stride + i * kLanes);
    for (int64_t group = 0; group < kTileGroups; ++group) {
      Lanes other = splat(second[row * width + group]);
      for (int64_t i = 0; i < vectors; ++i)
        sums[group][i] = sums[group][i] + max(other, x[i]);
    }
  }
  for (int64_t group = 0; group < kTileGroups; ++group)
    for (int64_t i = 0; i < vectors; ++i)
      store(gains + group * gainStride + i * kLanes,
            sums[group][i] + splat(base[group]));
}

/// What each group keeps with each of `count` candidates, a multiple of 16.
VNM_INLINE void findAllGains(const float *second, int64_t width,
                             const float *base, const float *candidates,
                             int64_t count, int64_t stride, int64_t numRows,
                             float *gains, int64_t gainStride) {
  int64_t col = 0;
  for (; col + 4 * kLanes <= count; col += 4 * kLanes)
    for (int64_t group = 0; group < width; group += kTileGroups)
      tileGains<4>(second + group, width, base + group, candidates + col,
                   stride, numRows, gains + group * gainStride + col,
                   gainStride);
  for (; col < count; col += kLanes)
    for (int64_t group = 0; group < width; group += kTileGroups)
      tileGains<1>(second + group, width, base + group, candidates + col,
                   stride, numRows, gains + group * gainStride + col,
                   gainStride);
}

VNM_PER_LEVEL(findGainsAt, findAllGains,
              (const float *second, int64_t width, const float *base,
               const float *candidates, int64_t count, int64_t stride,
               int64_t numRows, float *gains, int64_t gainStride),
              (second, width, base, candidates, count, stride, numRows, gains,
               gainStride))

void detail::findGains(VectorLevel level, const float *second, int64_t width,
                       const float *base, const float *candidates,
                       int64_t count, int64_t stride, int64_t numRows,
                       float *gains, int64_t gainStride) {
  findGainsAt(level, second, width, base, candidates, count, stride, numRows,
              gains, gainStride);
}
