// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares importance criteria and V:N:M pruning.

#ifndef VNM_SPARSITY_PRUNE_H
#define VNM_SPARSITY_PRUNE_H

#include "vnm/Sparsity/Storage.h"
#include "llvm/ADT/SmallVector.h"

namespace vnm::sparsity {

/// How much an element of a weight matters.
enum class Criterion : uint8_t {
  Magnitude, ///< |w_ij|
  Wanda,     ///< |w_ij| ||x_j||_2                   (Sun et al. 2023)
  RIA,       ///< (|w_ij| / sum_k |w_kj| + |w_ij| / sum_k |w_ik|) ||x_j||_2^a
             ///< (Zhang et al. 2024; arXiv 2410.16135v3, section 3)
  Given      ///< scores supplied by the caller
};
/// "magnitude", "wanda", "ria" or "given".
llvm::StringRef toString(Criterion criterion);
llvm::Expected<Criterion> parseCriterion(llvm::StringRef text);

/// How the 4 columns of a block are chosen.
enum class ColumnChoice : uint8_t {
  /// The 4 of M whose sum after 2:4 is largest; exact. (Ties: the first in
  /// lexicographic order.) A sum adds, in float, rows l, l + 16, ... into lane
  /// l of 16 and then the lanes, upper half onto lower half. Groups of more
  /// than
  /// 32 columns are searched by exchanging single columns instead.
  Exact,
  /// The 4 columns of largest L1 norm of importance, the paper's rule; greedy.
  L1
};
llvm::StringRef toString(ColumnChoice choice);
llvm::Expected<ColumnChoice> parseColumnChoice(llvm::StringRef text);

struct ImportanceOptions {
  Criterion criterion = Criterion::Magnitude;
  /// ||x_j||_2 of each input channel (K), for Wanda and RIA. RIA takes 1 for
  /// each if there are none.
  llvm::ArrayRef<float> activationNorms;
  /// The exponent a of RIA.
  float riaExponent = 0.5f;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// Scores of `weight`, R x K row-major, all non-negative. Errors: NaN or
/// infinity in the weight (with its index), missing, ill-sized, negative or
/// non-finite activation norms, the criterion `Given`.
llvm::Expected<std::vector<float>> importance(const MatrixView &weight,
                                              const ImportanceOptions &options);

/// How hard the searches of vnm/Sparsity/Permute.h try. docs/algorithms.md says
/// what each costs and gains.
enum class Effort : uint8_t { Fast, Default, High };
/// "fast", "default" or "high".
llvm::StringRef toString(Effort effort);
llvm::Expected<Effort> parseEffort(llvm::StringRef text);

struct PruneOptions {
  /// The form of the result. Free searches for better columns than strict form
  /// can have, as permute() of vnm/Sparsity/Permute.h does; no panel keeps less
  /// than in strict form.
  Form form = Form::Strict;
  ColumnChoice columnChoice = ColumnChoice::Exact;
  /// How hard to search in free form.
  Effort effort = Effort::Default;
  /// In free form, choose which rows share a panel, too: the result may have
  /// `rows`. Strict form ignores it.
  bool permuteRows = false;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// Chooses what an R x K weight keeps: 4 columns per block, then 2 of those 4
/// per row (ties: the lower position). `scores` is R x K row-major. Errors:
/// R or K = 0, sizes that disagree, negative or non-finite scores.
llvm::Expected<Structure> prune(llvm::ArrayRef<float> scores, int64_t rows,
                                int64_t cols, const Pattern &pattern,
                                const PruneOptions &options = {});

/// Importance and structure and packing in one: what vnm.compress computes. A
/// NaN or infinity has no importance and is an error whatever `packOptions`
/// say.
llvm::Expected<Storage> compress(const MatrixView &weight,
                                 const Pattern &pattern,
                                 const ImportanceOptions &importanceOptions,
                                 const PruneOptions &pruneOptions,
                                 const PackOptions &packOptions = {});

/// Sum of the scores a structure keeps over the sum of all scores, in [0, 1];
/// 1 if all scores are zero. Computed in double, in a fixed order. The scores
/// must be as many as the structure's R x K.
double retainedImportance(llvm::ArrayRef<float> scores,
                          const Structure &structure);

/// The best 4 of `numColumns` columns (column-major, `numRows` scores each):
/// ColumnChoice::Exact for one block, exposed for tests and benchmarks. With
/// fewer than 4 columns, all of them. Ids are ascending. There must be numRows
/// x numColumns scores, finite and not negative.
llvm::SmallVector<int32_t, 4> bestColumns(llvm::ArrayRef<float> columnMajor,
                                          int64_t numRows, int64_t numColumns);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_PRUNE_H
