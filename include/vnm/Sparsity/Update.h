// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the update of kept weights on a fixed structure.

#ifndef VNM_SPARSITY_UPDATE_H
#define VNM_SPARSITY_UPDATE_H

#include "vnm/Sparsity/Storage.h"

namespace vnm::sparsity {

/// The Gram matrix X^T X / samples of calibration activations, `samples` x K
/// row-major: K x K. Summed in double over blocks of samples. Errors: no
/// samples, sizes that disagree, a NaN or infinity (with its index).
llvm::Expected<std::vector<float>> gramMatrix(llvm::ArrayRef<float> activations,
                                              int64_t samples, int64_t cols,
                                              unsigned threads = 0);

struct UpdateOptions {
  /// This share of the Gram matrix's mean diagonal is added to its diagonal.
  double damping = 0.01;
  /// Steps of the solver, for updateWeight.
  int64_t iterations = 10;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// Chooses the kept weights W' of `structure` such that ||(W - W') X||^2 is
/// small: per row the least squares problem on the row's columns, by masked
/// conjugate gradients with a diagonal preconditioner, all rows of a panel
/// together. Products are in float, steps and their quotients in double.
/// Returns W', R x K row-major with zeros where the structure keeps nothing,
/// for pack(). Errors: shapes that disagree, a structure that breaks a rule,
/// NaN or infinity in the weight, a Gram matrix that is not finite, not
/// symmetric or not positive definite after damping (a principal minor of one
/// or two columns or, for K <= 512, any; else a direction of the search),
/// options out of range.
llvm::Expected<std::vector<float>>
updateWeight(const MatrixView &weight, const Structure &structure,
             llvm::ArrayRef<float> gram, const UpdateOptions &options = {});

/// The same in the order of SparseGPT (Frantar and Alistarh 2023), a baseline:
/// column after column, each pruned weight is made up for by the columns behind
/// it. Takes K^3 steps in double, and R K^2. Errors as above; every principal
/// minor is checked.
llvm::Expected<std::vector<float>>
updateWeightInOrder(const MatrixView &weight, const Structure &structure,
                    llvm::ArrayRef<float> gram,
                    const UpdateOptions &options = {});

/// ||(W - W') X|| / ||W X||, with X given by its Gram matrix (no damping); in
/// double. 0 if W X is zero. All three are row-major, W and W' R x K.
double relativeOutputError(llvm::ArrayRef<float> weight,
                           llvm::ArrayRef<float> updated,
                           llvm::ArrayRef<float> gram, int64_t rows,
                           int64_t cols);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_UPDATE_H
