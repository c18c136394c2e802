// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the search for permutations: which columns a panel holds
// in free form, which rows share a panel, and the permutations of the strict
// form.

#ifndef VNM_SPARSITY_PERMUTE_H
#define VNM_SPARSITY_PERMUTE_H

#include "vnm/Sparsity/Prune.h"

namespace vnm::sparsity {

struct PermuteOptions {
  Effort effort = Effort::Default;
  /// Choose which rows share a panel, too: the result has `rows`.
  bool permuteRows = false;
  /// How the strict plan that the result must not fall behind is chosen.
  ColumnChoice columnChoice = ColumnChoice::Exact;
  /// The searches' shuffles depend on it, on the panel and the pass only.
  uint64_t seed = 0;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// Chooses what an R x K weight keeps in free form: any 4 ceil(K / M) columns
/// per panel, in any groups. Without permuteRows no panel keeps less than in
/// strict form; with it the whole keeps at least as much as without, and `rows`
/// stays empty if no other order is better. Columns ascend inside a group,
/// groups by their first column, rows inside a panel. Errors are those of
/// prune().
llvm::Expected<Structure> permute(llvm::ArrayRef<float> scores, int64_t rows,
                                  int64_t cols, const Pattern &pattern,
                                  const PermuteOptions &options = {});

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_PERMUTE_H
