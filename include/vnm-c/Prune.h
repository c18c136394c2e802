// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares importance criteria and V:N:M pruning.

#ifndef VNM_C_PRUNE_H
#define VNM_C_PRUNE_H

#include "vnm-c/Storage.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How much an element of a weight matters.
typedef int32_t VnmCriterion;
enum {
  VnmCriterionMagnitude = 0, ///< |w_ij|
  VnmCriterionWanda = 1,     ///< |w_ij| ||x_j||_2
  VnmCriterionRIA = 2        ///< relative to row and column sums, times
                             ///< ||x_j||_2^a
};

/// "magnitude", "wanda" or "ria"; empty for a number that is no criterion.
VNM_CAPI_EXPORTED VnmString vnmCriterionGetName(VnmCriterion criterion);
/// The inverse of vnmCriterionGetName. Error: another text.
VNM_CAPI_EXPORTED VnmError *vnmCriterionParse(VnmString text,
                                              VnmCriterion *criterion);

/// How the 4 columns of a block are chosen.
typedef int32_t VnmColumnChoice;
enum {
  VnmColumnChoiceExact = 0, ///< those that keep most after 2:4
  VnmColumnChoiceL1 = 1     ///< those of largest L1 norm, the paper's rule
};
/// "exact" or "l1"; empty for a number that is no choice.
VNM_CAPI_EXPORTED VnmString vnmColumnChoiceGetName(VnmColumnChoice choice);
/// The inverse of vnmColumnChoiceGetName. Error: another text.
VNM_CAPI_EXPORTED VnmError *vnmColumnChoiceParse(VnmString text,
                                                 VnmColumnChoice *choice);

/// How hard searches try; docs/algorithms.md says what each costs and gains.
typedef int32_t VnmEffort;
enum { VnmEffortFast = 0, VnmEffortDefault = 1, VnmEffortHigh = 2 };
/// "fast", "default" or "high"; empty for a number that is no effort.
VNM_CAPI_EXPORTED VnmString vnmEffortGetName(VnmEffort effort);
/// The inverse of vnmEffortGetName. Error: another text.
VNM_CAPI_EXPORTED VnmError *vnmEffortParse(VnmString text, VnmEffort *effort);

/// How importance is computed. Initialise with vnmImportanceOptionsGetDefault.
typedef struct VnmImportanceOptions {
  VnmCriterion criterion;       ///< magnitude
  const float *activationNorms; ///< ||x_j||_2 per column; wanda needs them
  int64_t numActivationNorms;   ///< K, or 0
  float riaExponent;            ///< the exponent a of RIA; 0.5
  uint32_t threads;             ///< 0 for all cores; no result depends on it
} VnmImportanceOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmImportanceOptions vnmImportanceOptionsGetDefault(void);

/// Writes the scores of `weight`, R x K floats that are not negative. Errors:
/// NaN or infinity in the weight (with its index), activation norms that are
/// missing, ill-sized, negative or not finite.
VNM_CAPI_EXPORTED VnmError *vnmImportance(const VnmMatrix *weight,
                                          const VnmImportanceOptions *options,
                                          float *scores);

/// How pruning proceeds. Initialise with vnmPruneOptionsGetDefault.
typedef struct VnmPruneOptions {
  VnmForm form;                 ///< of the result; strict
  VnmColumnChoice columnChoice; ///< exact
  VnmEffort effort;             ///< of the search in free form; default
  bool permuteRows;             ///< free form: choose rows of panels; false
  uint32_t threads;             ///< 0 for all cores; no result depends on it
} VnmPruneOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmPruneOptions vnmPruneOptionsGetDefault(void);

/// Chooses what a weight keeps by its R x K scores. Errors: a pattern off
/// limits, no rows or columns, scores that are negative or not finite.
VNM_CAPI_EXPORTED VnmError *vnmPrune(const float *scores, int64_t rows,
                                     int64_t cols, VnmPattern pattern,
                                     const VnmPruneOptions *options,
                                     VnmStructure **structure);
/// Importance, pruning and packing in one, with their errors. NaN and infinity
/// are errors whatever `packOptions` say.
VNM_CAPI_EXPORTED VnmError *
vnmCompress(const VnmMatrix *weight, VnmPattern pattern,
            const VnmImportanceOptions *importanceOptions,
            const VnmPruneOptions *pruneOptions,
            const VnmPackOptions *packOptions, VnmStorage **storage);
/// The share, in [0, 1], of the sum of R x K `scores` that `structure` keeps; 1
/// if all are zero.
VNM_CAPI_EXPORTED VnmError *vnmRetainedImportance(const float *scores,
                                                  const VnmStructure *structure,
                                                  double *retained);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_PRUNE_H
