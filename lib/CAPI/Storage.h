// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares conversions of structures, storages and options between
// the C interface and the library.

#ifndef VNM_LIB_CAPI_STORAGE_H
#define VNM_LIB_CAPI_STORAGE_H

#include "Detail.h"
#include "vnm-c/Prune.h"
#include "vnm/Sparsity/Prune.h"

namespace vnm::capi {
template <>
struct HandleTraits<VnmStructure> {
  using Object = vnm::sparsity::Structure;
};
template <>
struct HandleTraits<VnmStorage> {
  using Object = vnm::sparsity::Storage;
};
} // namespace vnm::capi

namespace vnm::capi {

/// Checks options and converts them; null gives the defaults.
llvm::Expected<sparsity::PackOptions> toOptions(const VnmPackOptions *options);
llvm::Expected<sparsity::PruneOptions>
toOptions(const VnmPruneOptions *options);
/// Checks the enumerator of an effort, of a column choice.
llvm::Expected<sparsity::Effort> toEffort(VnmEffort effort);
llvm::Expected<sparsity::ColumnChoice> toColumnChoice(VnmColumnChoice choice);

/// The scores of a weight of R x K. Errors: null, sizes out of range.
llvm::Expected<llvm::ArrayRef<float>> toScores(const float *scores,
                                               int64_t rows, int64_t cols);

} // namespace vnm::capi

#endif // VNM_LIB_CAPI_STORAGE_H
