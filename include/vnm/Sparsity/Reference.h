// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the reference product: slow, plain, in double.

#ifndef VNM_SPARSITY_REFERENCE_H
#define VNM_SPARSITY_REFERENCE_H

#include "vnm/Sparsity/Storage.h"

namespace vnm::sparsity {

/// Y = W X with W packed, X feature-major (K x T, row-major) and Y R x T, all
/// sums in double. The oracle that every lowering is tested against. A column
/// that no stored value names is never read.
std::vector<double> referenceSpmm(const Storage &weight,
                                  llvm::ArrayRef<double> x, int64_t tokens);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_REFERENCE_H
