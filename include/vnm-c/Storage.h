// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares packed weights: structure, values, packing, unpacking.

#ifndef VNM_C_STORAGE_H
#define VNM_C_STORAGE_H

#include "vnm-c/Matrix.h"
#include "vnm-c/Pattern.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Which columns a group may hold.
typedef int32_t VnmForm;
enum {
  VnmFormStrict = 0, ///< its own M columns, ascending
  VnmFormFree = 1    ///< any, each at most once per panel
};

/// "strict" or "free"; empty for a number that is no form.
VNM_CAPI_EXPORTED VnmString vnmFormGetName(VnmForm form);
/// The inverse of vnmFormGetName. Error: another text.
VNM_CAPI_EXPORTED VnmError *vnmFormParse(VnmString text, VnmForm *form);

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

/// What a packed weight keeps, without the values. Immutable; one that exists
/// obeys every rule of docs/storage-format.md on structures.
typedef struct VnmStructure VnmStructure;

/// Extents and arrays of a structure; R is `rows`, K is `cols`, other extents
/// are those of vnmPatternGetSizes.
typedef struct VnmStructureInfo {
  VnmPattern pattern;
  VnmForm form;
  int64_t rows, cols;
  const int32_t *columns;   ///< P x 4G absolute column ids; K: no column
  int64_t numColumns;       ///< P * 4G
  const uint16_t *metadata; ///< R x ceil(G / 4) words of four nibbles
  int64_t numMetadata;      ///< R * ceil(G / 4)
  const int32_t *order;     ///< row of the weight in every stored row; or null
  int64_t numOrder;         ///< R, or 0 if rows are in their own order
} VnmStructureInfo;

/// Copies arrays into a structure and verifies it. Errors (InvalidFormat) name
/// the rule, "[S9] requires ...".
VNM_CAPI_EXPORTED VnmError *vnmStructureCreate(const VnmStructureInfo *info,
                                               VnmStructure **structure);
/// Frees a structure that the caller owns.
VNM_CAPI_EXPORTED void vnmStructureDestroy(VnmStructure *structure);
/// Describes a structure; the arrays are its own.
VNM_CAPI_EXPORTED VnmError *vnmStructureGetInfo(const VnmStructure *structure,
                                                VnmStructureInfo *info);
/// Writes the mask, R x K bytes in the weight's own row order: 1 where kept,
/// else 0.
VNM_CAPI_EXPORTED VnmError *vnmStructureGetMask(const VnmStructure *structure,
                                                uint8_t *mask);
/// The structure, in strict form, whose mask is `mask` (R x K bytes, non-zero =
/// kept). A row may keep fewer than 2 of a group: the structure then keeps
/// more. Errors name the block or row that does not conform.
VNM_CAPI_EXPORTED VnmError *
vnmStructureCreateFromMask(const uint8_t *mask, int64_t rows, int64_t cols,
                           VnmPattern pattern, VnmStructure **structure);

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// A packed weight. Immutable; one that exists obeys every rule.
typedef struct VnmStorage VnmStorage;

/// How packing proceeds. Initialise with vnmPackOptionsGetDefault.
typedef struct VnmPackOptions {
  bool allowNonFinite; ///< accept NaN and infinity; false
  uint32_t threads;    ///< 0 for all cores; no result depends on it
} VnmPackOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmPackOptions vnmPackOptionsGetDefault(void);

/// Gathers what `structure` keeps of `weight` (R x K). Errors: shapes that
/// disagree, a NaN or infinity anywhere in the weight unless allowed.
VNM_CAPI_EXPORTED VnmError *vnmPack(const VnmMatrix *weight,
                                    const VnmStructure *structure,
                                    const VnmPackOptions *options,
                                    VnmStorage **storage);
/// Copies a structure and R x 2G values, `numBytes` bytes in all, into a
/// storage and verifies it. Errors (InvalidFormat) name the rule.
VNM_CAPI_EXPORTED VnmError *
vnmStorageCreate(const VnmStructure *structure, VnmElementType type,
                 const void *values, int64_t numBytes, VnmStorage **storage);
/// Frees a storage that the caller owns.
VNM_CAPI_EXPORTED void vnmStorageDestroy(VnmStorage *storage);
/// The structure inside; the storage's own. Null for null.
VNM_CAPI_EXPORTED const VnmStructure *
vnmStorageGetStructure(const VnmStorage *storage);
/// The element type; -1 for null.
VNM_CAPI_EXPORTED VnmElementType vnmStorageGetType(const VnmStorage *storage);
/// The values, R x 2G, and their size in bytes; the storage's own.
VNM_CAPI_EXPORTED VnmError *vnmStorageGetValues(const VnmStorage *storage,
                                                const void **values,
                                                int64_t *numBytes);
/// Bytes of values, metadata, columns (16 bits each if K fits, else 32) and row
/// order: what a file holds. 0 for null.
VNM_CAPI_EXPORTED int64_t vnmStorageGetSize(const VnmStorage *storage);
/// Writes the dense weight, row-major, to `dense`, which has `numBytes` bytes.
/// Pruned elements are +0; kept bits are reproduced exactly. Error: numBytes is
/// not R K times the element's size.
VNM_CAPI_EXPORTED VnmError *vnmStorageUnpack(const VnmStorage *storage,
                                             void *dense, int64_t numBytes);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_STORAGE_H
