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

struct StrictPermuteOptions {
  /// Times that input and output channels are permuted in turn.
  int64_t iterations = 2;
  /// Permute input channels (columns), output channels (rows).
  bool permuteColumns = true, permuteRows = true;
  ColumnChoice columnChoice = ColumnChoice::Exact;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// One order of the columns and one of the rows for a whole weight.
struct StrictPermutation {
  /// The column, or row, of the weight that is at each place.
  std::vector<int32_t> columns, rows;
  /// What the permuted weight W[rows[i]][columns[j]] keeps, in strict form.
  Structure permuted;
  /// The same of the weight itself: in free form, the permutations absorbed by
  /// column ids and by `rows`.
  Structure absorbed;
};

/// Permutes channels as arXiv 2410.16135v3 does: input and output channels in
/// turn, each by linear sum assignment on what the weight keeps. Columns are
/// first dealt over the groups in the order of their sums; then the columns at
/// one position of all groups are assigned anew, position after position. Rows
/// are assigned to panels whose columns are given. (For more than 4096 rows by
/// exchanges, as the assignment would need R^2 numbers.) A step that does not
/// keep more is undone: the result never keeps less than prune() in strict
/// form. The last group takes no part if it is short. Errors are those of
/// prune(), and iterations < 0.
llvm::Expected<StrictPermutation>
permuteStrict(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
              const Pattern &pattern, const StrictPermuteOptions &options = {});

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_PERMUTE_H
