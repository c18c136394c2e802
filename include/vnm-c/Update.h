// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the update of kept weights on a fixed structure.

#ifndef VNM_C_UPDATE_H
#define VNM_C_UPDATE_H

#include "vnm-c/Storage.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Writes the Gram matrix X^T X / samples, K x K floats, of activations X,
/// `samples x cols` floats. `threads` 0 is all cores. Errors: no samples or
/// columns, a NaN or infinity (with its index).
VNM_CAPI_EXPORTED VnmError *vnmGram(const float *activations, int64_t samples,
                                    int64_t cols, uint32_t threads,
                                    float *gram);

/// Initialise with vnmUpdateOptionsGetDefault.
typedef struct VnmUpdateOptions {
  double damping;     ///< share of the mean diagonal that is added to it; 0.01
  int64_t iterations; ///< steps of the solver; 10
  bool inOrder;       ///< SparseGPT's order instead of the solver; false
  uint32_t threads;   ///< 0 for all cores; no result depends on it
} VnmUpdateOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmUpdateOptions vnmUpdateOptionsGetDefault(void);

/// Writes kept weights W', R x K floats with zeros where `structure` keeps
/// nothing, such that ||(W - W') X||^2 is small. `gram` is K x K floats.
/// Errors: shapes that disagree, NaN or infinity in the weight, a Gram matrix
/// that is not finite, not symmetric or not positive definite after damping,
/// options out of range.
VNM_CAPI_EXPORTED VnmError *
vnmUpdate(const VnmMatrix *weight, const VnmStructure *structure,
          const float *gram, const VnmUpdateOptions *options, float *updated);

/// ||(W - W') X|| / ||W X|| with X given by its Gram matrix: `weight` and
/// `updated` are R x K floats, `gram` K x K. 0 if W X is zero. Error: no rows
/// or columns.
VNM_CAPI_EXPORTED VnmError *vnmRelativeOutputError(const float *weight,
                                                   const float *updated,
                                                   const float *gram,
                                                   int64_t rows, int64_t cols,
                                                   double *result);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_UPDATE_H
