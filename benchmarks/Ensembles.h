// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares seeded importance scores of several kinds.

#ifndef VNM_BENCHMARKS_ENSEMBLES_H
#define VNM_BENCHMARKS_ENSEMBLES_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity {

/// What the scores look like.
enum class Ensemble : uint8_t {
  Gauss, ///< |normal|
  T3,    ///< |Student's t with 3 degrees of freedom|
  Wanda, ///< |normal| times log-normal scales of columns (0.6; for every 100
         ///< columns, one is 10 times as large) and rows (0.2)
  Clust, ///< rows of 16 shuffled clusters, each with its own log-normal scales
         ///< of columns (0.5), plus a rank-8 part and noise
  Heads  ///< every 64 rows have their own log-normal scales of columns (0.6)
};
inline constexpr Ensemble kEnsembles[] = {Ensemble::Gauss, Ensemble::T3,
                                          Ensemble::Wanda, Ensemble::Clust,
                                          Ensemble::Heads};
/// The enumerator in lower case.
llvm::StringRef toString(Ensemble ensemble);

/// Scores of this kind, row-major; the same on every platform up to the
/// rounding of its mathematical functions.
std::vector<float> makeScores(Ensemble ensemble, int64_t rows, int64_t cols,
                              uint64_t seed = 1);

} // namespace vnm::sparsity

#endif // VNM_BENCHMARKS_ENSEMBLES_H
