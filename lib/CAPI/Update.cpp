// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the weight update of the C interface.

#include "vnm-c/Update.h"
#include "Storage.h"
#include "vnm/Sparsity/Update.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace vnm::capi;
using vnm::sparsity::MatrixView;
using vnm::sparsity::Structure;
using vnm::sparsity::UpdateOptions;

static llvm::Expected<UpdateOptions>
toOptions(const VnmUpdateOptions *options) {
  UpdateOptions result;
  if (!options)
    return result;
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  return UpdateOptions{options->damping, options->iterations, options->threads};
}

extern "C" {

VnmError *vnmGram(const float *activations, int64_t samples, int64_t cols,
                  uint32_t threads, float *gram) {
  if (VnmError *error =
          requirePointers({{"activations", activations}, {"gram", gram}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    if (llvm::Error error = checkThreads(threads))
      return error;
    llvm::Expected<int64_t> count = countElements(samples, cols, sizeof(float));
    if (!count)
      return count.takeError();
    llvm::Expected<std::vector<float>> result = vnm::sparsity::gramMatrix(
        {activations, size_t(*count)}, samples, cols, threads);
    if (!result)
      return result.takeError();
    std::copy(result->begin(), result->end(), gram);
    return llvm::Error::success();
  });
}

VnmUpdateOptions vnmUpdateOptionsGetDefault(void) {
  UpdateOptions defaults;
  return {defaults.damping, defaults.iterations, /*inOrder=*/false,
          defaults.threads};
}

VnmError *vnmUpdate(const VnmMatrix *weight, const VnmStructure *structure,
                    const float *gram, const VnmUpdateOptions *options,
                    float *updated) {
  if (VnmError *error = requirePointers({{"weight", weight},
                                         {"structure", structure},
                                         {"gram", gram},
                                         {"updated", updated}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<MatrixView> matrix = toMatrix(*weight);
    if (!matrix)
      return matrix.takeError();
    llvm::Expected<UpdateOptions> updateOptions = toOptions(options);
    if (!updateOptions)
      return updateOptions.takeError();
    const Structure &kept = *unwrap(structure);
    llvm::ArrayRef<float> matrixOfGram(gram,
                                       size_t(kept.numCols * kept.numCols));
    bool inOrder = options && options->inOrder;
    llvm::Expected<std::vector<float>> result =
        inOrder
            ? updateWeightInOrder(*matrix, kept, matrixOfGram, *updateOptions)
            : updateWeight(*matrix, kept, matrixOfGram, *updateOptions);
    if (!result)
      return result.takeError();
    std::copy(result->begin(), result->end(), updated);
    return llvm::Error::success();
  });
}

VnmError *vnmRelativeOutputError(const float *weight, const float *updated,
                                 const float *gram, int64_t rows, int64_t cols,
                                 double *result) {
  if (VnmError *error = requirePointers({{"weight", weight},
                                         {"updated", updated},
                                         {"gram", gram},
                                         {"result", result}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<int64_t> count = countElements(rows, cols, sizeof(float));
    if (!count)
      return count.takeError();
    *result = vnm::sparsity::relativeOutputError(
        {weight, size_t(*count)}, {updated, size_t(*count)},
        {gram, size_t(cols * cols)}, rows, cols);
    return llvm::Error::success();
  });
}

} // extern "C"
