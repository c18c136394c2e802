// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the search for one order of channels that several weights
// share.

#ifndef VNM_SPARSITY_SHAREDPERMUTATION_H
#define VNM_SPARSITY_SHAREDPERMUTATION_H

#include "vnm/Sparsity/Prune.h"
#include <optional>

namespace vnm::sparsity {

/// A weight that writes or reads the channels.
struct SharedWeight {
  /// Importance, R x K row-major.
  llvm::ArrayRef<float> scores;
  int64_t rows = 0, cols = 0;
  Pattern pattern;
  /// How it will be pruned.
  PruneOptions prune;
};

struct SharedPermutationOptions {
  /// Channels change places within aligned blocks of this many; 0 for all.
  int64_t block = 0;
  Effort effort = Effort::Default;
  uint64_t seed = 0;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

struct SharedPermutation {
  /// channels[i] is the channel that comes to place i; empty for the identity.
  std::vector<int32_t> channels;
  /// What the producers and then the consumers retain each, without and with
  /// the permutation; none for consumers in free form, which name columns in
  /// any order.
  std::vector<std::optional<double>> before, after;
};

/// An order of `channels` channels, the rows of every weight in `producers` and
/// the columns of every weight in `consumers`, in which they retain more, every
/// element counting once, than in the given one; the identity if none is found.
/// Rows matter to a producer in that they share panels (permute(), or for
/// strict form permuteStrict()), columns to a consumer in strict form in that
/// they share groups. Where both matter, rows come first, and columns then move
/// within panels, if M divides V; else, or if that is better, columns alone.
/// Errors are those of prune(), shapes that disagree, a block that does not
/// divide the channels.
llvm::Expected<SharedPermutation>
permuteShared(llvm::ArrayRef<SharedWeight> producers,
              llvm::ArrayRef<SharedWeight> consumers, int64_t channels,
              const SharedPermutationOptions &options = {});

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_SHAREDPERMUTATION_H
