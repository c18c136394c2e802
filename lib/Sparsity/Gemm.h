// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the product of matrices.

#ifndef VNM_LIB_SPARSITY_GEMM_H
#define VNM_LIB_SPARSITY_GEMM_H

#include <cstdint>

namespace vnm::sparsity::detail {

/// c += a * b for row-major a (rows x depth), b (depth x cols) and c, whose
/// rows are `strideA`, `strideB` and `strideC` apart; cols must be a multiple
/// of 16. Every element is summed in the order of the depth. On one thread.
void addProduct(const float *a, int64_t strideA, const float *b,
                int64_t strideB, float *c, int64_t strideC, int64_t rows,
                int64_t cols, int64_t depth);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_GEMM_H
