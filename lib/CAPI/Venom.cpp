// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements VENOM's arrays in the C interface.

#include "vnm-c/Venom.h"
#include "Storage.h"
#include "vnm/Sparsity/Venom.h"

using namespace vnm::capi;
using vnm::sparsity::VenomArrays;

namespace vnm::capi {
template <>
struct HandleTraits<VnmVenomArrays> {
  using Object = VenomArrays;
};
} // namespace vnm::capi

extern "C" {

VnmError *vnmVenomExport(const VnmStorage *storage, VnmVenomArrays **arrays) {
  if (VnmError *error =
          requirePointers({{"storage", storage}, {"arrays", arrays}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&] {
    return take(vnm::sparsity::exportVenom(*unwrap(storage)), arrays);
  });
}

void vnmVenomArraysDestroy(VnmVenomArrays *arrays) { delete unwrap(arrays); }

VnmError *vnmVenomArraysGetInfo(const VnmVenomArrays *arrays,
                                VnmVenomInfo *info) {
  if (VnmError *error = requirePointers({{"arrays", arrays}, {"info", info}}))
    return error;
  const VenomArrays &from = *unwrap(arrays);
  info->pattern = wrap(from.pattern);
  info->rows = from.numRows;
  info->cols = from.numCols;
  info->values = from.values.data();
  info->numValues = int64_t(from.values.size());
  info->metadata = from.metadata.data();
  info->numMetadata = int64_t(from.metadata.size());
  info->columnLocs = from.columnLocs.data();
  info->numColumnLocs = int64_t(from.columnLocs.size());
  return nullptr;
}

VnmError *vnmVenomImport(const VnmVenomInfo *info, VnmStorage **storage) {
  if (VnmError *error = requirePointers({{"info", info}, {"storage", storage}}))
    return error;
  VenomArrays copy;
  VnmError *error = guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    copy.pattern = unwrap(info->pattern);
    copy.numRows = info->rows;
    copy.numCols = info->cols;
    if (llvm::Error error =
            copyArray(info->values, info->numValues, "values", copy.values))
      return error;
    if (llvm::Error error = copyArray(info->metadata, info->numMetadata,
                                      "metadata", copy.metadata))
      return error;
    return copyArray(info->columnLocs, info->numColumnLocs, "columnLocs",
                     copy.columnLocs);
  });
  if (error)
    return error;
  return guard(VnmErrorKindInvalidFormat,
               [&] { return take(vnm::sparsity::importVenom(copy), storage); });
}

} // extern "C"
