// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the weight updates share.

#ifndef VNM_LIB_SPARSITY_GRAM_H
#define VNM_LIB_SPARSITY_GRAM_H

#include "vnm/Sparsity/Update.h"

namespace vnm::sparsity::detail {

/// Checks everything that the weight updates require of their input.
llvm::Error checkUpdate(const MatrixView &weight, const Structure &structure,
                        llvm::ArrayRef<float> gram,
                        const UpdateOptions &options);

/// What damping adds to the diagonal of the K x K matrix `gram`.
double dampingOf(llvm::ArrayRef<float> gram, int64_t cols, double damping);

/// The upper triangular B with B B^T = gram + damping * I, K x K row-major.
/// Error: the matrix is not positive definite.
llvm::Expected<std::vector<double>> factorize(llvm::ArrayRef<float> gram,
                                              int64_t cols, double damping);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_GRAM_H
