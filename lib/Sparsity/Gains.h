// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what groups keep with other columns, the product that all
// searches are built on.

#ifndef VNM_LIB_SPARSITY_GAINS_H
#define VNM_LIB_SPARSITY_GAINS_H

#include "Vector.h"

namespace vnm::sparsity::detail {

/// Groups whose gains are computed together.
inline constexpr int64_t kTileGroups = 4;

/// gains[g][x] = base[g] + sum over rows r of max(second[r][g],
/// candidates[r][x]): what each of `width` groups of three columns keeps with
/// each of `count` fourth columns, if base[g] is the sum of the rows' largest
/// scores and second[r][g] the second largest. `width` must be a multiple of
/// kTileGroups, `count` of 16; rows of candidates and gains are `stride` and
/// `gainStride` apart.
void findGains(VectorLevel level, const float *second, int64_t width,
               const float *base, const float *candidates, int64_t count,
               int64_t stride, int64_t numRows, float *gains,
               int64_t gainStride);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_GAINS_H
