// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the V:N:M pattern and the sizes that follow from it.

#ifndef VNM_C_PATTERN_H
#define VNM_C_PATTERN_H

#include "vnm-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A V:N:M pattern: blocks of V rows and M columns keep 4 columns, their rows 2
/// of those 4. V is a power of two in [16, 1048576], N is 2, M in [4, 1048576].
typedef struct VnmPattern {
  int64_t v, n, m;
} VnmPattern;

/// Parses "V:N:M", e.g. "64:2:8". Error: another text, numbers off limits.
VNM_CAPI_EXPORTED VnmError *vnmPatternParse(VnmString text,
                                            VnmPattern *pattern);
/// Checks the limits above.
VNM_CAPI_EXPORTED VnmError *vnmPatternVerify(VnmPattern pattern);
/// Gives "V:N:M" to `callback`. Error: a null callback.
VNM_CAPI_EXPORTED VnmError *
vnmPatternPrint(VnmPattern pattern, VnmStringCallback callback, void *userData);
/// The kept fraction, 2 / M, of a weight whose K is a multiple of M. Error: a
/// pattern off limits.
VNM_CAPI_EXPORTED VnmError *vnmPatternGetDensity(VnmPattern pattern,
                                                 double *density);
/// log2 of the number of masks per weight element, in bits (mask diversity of
/// arXiv 2410.16135v3). Error: a pattern off limits.
VNM_CAPI_EXPORTED VnmError *vnmPatternGetLog2MaskDiversity(VnmPattern pattern,
                                                           double *bits);

/// Extents of the arrays of docs/storage-format.md.
typedef struct VnmPatternSizes {
  int64_t panels;        ///< P = ceil(R / V)
  int64_t groups;        ///< G = ceil(K / M)
  int64_t rowValues;     ///< 2G, values of a row
  int64_t metadataWords; ///< ceil(G / 4), 16-bit words of a row
  int64_t columnSlots;   ///< 4G, column ids of a panel
} VnmPatternSizes;

/// The extents for a weight of `rows x cols`. Error: a pattern off limits,
/// sizes outside of [1, 2147483647].
VNM_CAPI_EXPORTED VnmError *vnmPatternGetSizes(VnmPattern pattern, int64_t rows,
                                               int64_t cols,
                                               VnmPatternSizes *sizes);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_PATTERN_H
