// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares packed weights in the order of tensor cores' registers,
// which GPU kernels read (docs/gpu.md, "Layouts of weights").

#ifndef VNM_C_FRAGMENTS_H
#define VNM_C_FRAGMENTS_H

#include "vnm-c/Storage.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Extents of the arrays of an R x K weight: `values` has
/// blocks x stages x 2 x 32 x 8 elements, `metadata` blocks x stages x 32 and
/// `columns` panels x slots.
typedef struct VnmFragmentSizes {
  int64_t blocks; ///< ceil(R / 16)
  int64_t stages; ///< ceil(G / 16)
  int64_t panels; ///< ceil(R / V)
  int64_t slots;  ///< 64 stages
} VnmFragmentSizes;

/// The caller's arrays, and what they have room for.
typedef struct VnmFragments {
  void *values; ///< 16 bits each
  int64_t numValues;
  uint32_t *metadata;
  int64_t numMetadata;
  int32_t *columns;
  int64_t numColumns;
} VnmFragments;

/// The sizes for a pattern and shape. Error: a pattern or shape that is none.
VNM_CAPI_EXPORTED VnmError *vnmFragmentSizes(VnmPattern pattern, int64_t rows,
                                             int64_t cols,
                                             VnmFragmentSizes *sizes);
/// Writes the fragments of `storage` to the arrays. Errors: elements that do
/// not have 16 bits, arrays of other sizes. `threads` 0 is all cores.
VNM_CAPI_EXPORTED VnmError *
vnmStorageGetFragments(const VnmStorage *storage, uint32_t threads,
                       const VnmFragments *fragments);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_FRAGMENTS_H
