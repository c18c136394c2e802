// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the searches for permutations.

#ifndef VNM_C_PERMUTE_H
#define VNM_C_PERMUTE_H

#include "vnm-c/Prune.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Initialise with vnmPermuteOptionsGetDefault.
typedef struct VnmPermuteOptions {
  VnmEffort effort;             ///< default
  bool permuteRows;             ///< choose which rows share a panel; false
  VnmColumnChoice columnChoice; ///< of the plan not to fall behind; exact
  uint64_t seed;                ///< of the searches' shuffles; 0
  uint32_t threads;             ///< 0 for all cores; no result depends on it
} VnmPermuteOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmPermuteOptions vnmPermuteOptionsGetDefault(void);

/// Chooses what a weight keeps in free form: any columns, in any groups. No
/// panel keeps less than in strict form. Errors are those of vnmPrune.
VNM_CAPI_EXPORTED VnmError *vnmPermute(const float *scores, int64_t rows,
                                       int64_t cols, VnmPattern pattern,
                                       const VnmPermuteOptions *options,
                                       VnmStructure **structure);

/// Initialise with vnmStrictPermuteOptionsGetDefault.
typedef struct VnmStrictPermuteOptions {
  int64_t iterations;           ///< over columns and rows in turn; 2
  bool permuteColumns;          ///< true
  bool permuteRows;             ///< true
  VnmColumnChoice columnChoice; ///< exact
  uint32_t threads;             ///< 0 for all cores; no result depends on it
} VnmStrictPermuteOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmStrictPermuteOptions
vnmStrictPermuteOptionsGetDefault(void);

/// Chooses one order of the columns and one of the rows (arXiv 2410.16135v3).
/// Writes the column at each place to `columns` (K ids) and the row at each
/// place to `order` (R ids); `permuted` gets what W[order[i]][columns[j]] keeps
/// in strict form, `absorbed` the same of W itself in free form. Each of the
/// four may be null. Errors are those of vnmPrune, and iterations < 0.
VNM_CAPI_EXPORTED VnmError *
vnmPermuteStrict(const float *scores, int64_t rows, int64_t cols,
                 VnmPattern pattern, const VnmStrictPermuteOptions *options,
                 int32_t *columns, int32_t *order, VnmStructure **permuted,
                 VnmStructure **absorbed);

/// A weight that writes or reads channels. Its scores are R x K floats.
typedef struct VnmSharedWeight {
  const float *scores;
  int64_t rows, cols;
  VnmPattern pattern;
  VnmPruneOptions prune; ///< how it will be pruned
} VnmSharedWeight;

/// Initialise with vnmSharedPermuteOptionsGetDefault.
typedef struct VnmSharedPermuteOptions {
  int64_t block;    ///< channels move within aligned blocks; 0: everywhere
  VnmEffort effort; ///< default
  uint64_t seed;    ///< 0
  uint32_t threads; ///< 0 for all cores; no result depends on it
} VnmSharedPermuteOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmSharedPermuteOptions
vnmSharedPermuteOptionsGetDefault(void);

/// Chooses one order of channels: the rows of each producer and the columns of
/// each consumer. Writes the channel at each place to `order` (`channels` ids).
/// `before` and `after` (numProducers + numConsumers numbers each, or null) get
/// what every weight retains without and with it; NaN for consumers in free
/// form, which it does not concern. Errors: those of vnmPrune, shapes that
/// disagree, a block that does not divide the channels.
VNM_CAPI_EXPORTED VnmError *
vnmPermuteShared(const VnmSharedWeight *producers, int64_t numProducers,
                 const VnmSharedWeight *consumers, int64_t numConsumers,
                 int64_t channels, const VnmSharedPermuteOptions *options,
                 int32_t *order, double *before, double *after);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_PERMUTE_H
