// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares an evaluator of plans that shares no code with the
// library.

#ifndef VNM_TEST_UNIT_SPARSITY_EVALUATOR_H
#define VNM_TEST_UNIT_SPARSITY_EVALUATOR_H

#include "vnm/Sparsity/Storage.h"
#include <vector>

namespace vnm::sparsity::test {

/// What `structure` keeps of `scores`, read off the arrays by rules S13 and
/// S17 of docs/storage-format.md, in double. Throws if a weight is kept twice,
/// a panel names a column twice, a position or a row does not exist, or a row
/// keeps less of a group than its two largest scores.
double evaluate(const std::vector<float> &scores, const Structure &structure);

} // namespace vnm::sparsity::test

#endif // VNM_TEST_UNIT_SPARSITY_EVALUATOR_H
