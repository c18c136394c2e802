// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares import and export of VENOM's packed arrays.

#ifndef VNM_C_VENOM_H
#define VNM_C_VENOM_H

#include "vnm-c/Storage.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The arrays of VENOM (SC'23), f16 only. With KP = roundup(2 ceil(K/M), 16)
/// values per row and G' = KP / 2 groups.
typedef struct VnmVenomInfo {
  VnmPattern pattern;
  int64_t rows, cols;     ///< R, a multiple of 32 and of V, and K
  const uint16_t *values; ///< f16 bit patterns, tiled
  int64_t numValues;      ///< R * KP
  const uint32_t *metadata;
  int64_t numMetadata;        ///< R / 2 * KP / 8
  const uint32_t *columnLocs; ///< columns within their groups
  int64_t numColumnLocs;      ///< R / V * G' * 4
} VnmVenomInfo;

/// Arrays in VENOM's layout; immutable.
typedef struct VnmVenomArrays VnmVenomArrays;

/// Converts to VENOM's arrays. Errors: element type not f16, form not strict,
/// rows permuted, R no multiple of V or 32, V < 32.
VNM_CAPI_EXPORTED VnmError *vnmVenomExport(const VnmStorage *storage,
                                           VnmVenomArrays **arrays);
/// Frees arrays.
VNM_CAPI_EXPORTED void vnmVenomArraysDestroy(VnmVenomArrays *arrays);
/// Describes the arrays; the pointers are the handle's.
VNM_CAPI_EXPORTED VnmError *vnmVenomArraysGetInfo(const VnmVenomArrays *arrays,
                                                  VnmVenomInfo *info);
/// Converts from VENOM's arrays. Errors (InvalidFormat) name the array, the
/// index and what is wrong.
VNM_CAPI_EXPORTED VnmError *vnmVenomImport(const VnmVenomInfo *info,
                                           VnmStorage **storage);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_VENOM_H
