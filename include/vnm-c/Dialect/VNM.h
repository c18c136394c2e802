// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the vnm dialects and their attributes for hosts that use
// MLIR's C API; link libVNMCAPI beside it. Names and ownership are as there. A
// Get function whose arguments are not legal emits an error of an unknown
// location in the context and returns a null attribute; asking a null attribute
// or one of another kind is undefined, as it is upstream.

#ifndef VNM_C_DIALECT_VNM_H
#define VNM_C_DIALECT_VNM_H

#include "mlir-c/IR.h"
#include "vnm-c/Prune.h"

#ifdef __cplusplus
extern "C" {
#endif

MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(VNM, vnm);
/// The target dialect: NVIDIA instructions that upstream's nvvm lacks.
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(VNMNVVM, vnm_nvvm);

//===----------------------------------------------------------------------===//
// #vnm.pattern
//===----------------------------------------------------------------------===//

/// Whether `attribute` is a #vnm.pattern.
MLIR_CAPI_EXPORTED bool mlirAttributeIsAVNMPattern(MlirAttribute attribute);
MLIR_CAPI_EXPORTED MlirTypeID vnmPatternAttrGetTypeID(void);
/// #vnm.pattern<V:N:M>. Null if the pattern is not legal.
MLIR_CAPI_EXPORTED MlirAttribute vnmPatternAttrGet(MlirContext context,
                                                   VnmPattern pattern);
/// The pattern of a #vnm.pattern.
MLIR_CAPI_EXPORTED VnmPattern vnmPatternAttrGetPattern(MlirAttribute attribute);

//===----------------------------------------------------------------------===//
// #vnm.encoding
//===----------------------------------------------------------------------===//

/// How an encoded tensor is stored.
typedef struct VnmEncoding {
  VnmPattern pattern;
  VnmForm form;
  bool hasLongColumns;  ///< column ids of 32 bits, for K beyond 65535
  bool hasPermutedRows; ///< the storage has a part `rows`
  /// The storage is in the order of tensor cores' registers, not canonical.
  bool isInFragmentOrder;
} VnmEncoding;

/// Whether `attribute` is a #vnm.encoding.
MLIR_CAPI_EXPORTED bool mlirAttributeIsAVNMEncoding(MlirAttribute attribute);
MLIR_CAPI_EXPORTED MlirTypeID vnmEncodingAttrGetTypeID(void);
/// The encoding of a tensor, for mlirRankedTensorTypeGet. Null if the pattern
/// or the form is not legal.
MLIR_CAPI_EXPORTED MlirAttribute vnmEncodingAttrGet(MlirContext context,
                                                    VnmEncoding encoding);
/// The parameters of a #vnm.encoding.
MLIR_CAPI_EXPORTED VnmEncoding
vnmEncodingAttrGetEncoding(MlirAttribute attribute);
/// The number of parts of the storage: 3, or 4 with permuted rows.
MLIR_CAPI_EXPORTED intptr_t
vnmEncodingAttrGetNumStorageParts(MlirAttribute attribute);
/// The ranked tensor type of part `index`, of values, metadata, columns and
/// rows, of a tensor of R x K elements.
MLIR_CAPI_EXPORTED MlirType vnmEncodingAttrGetStorageType(
    MlirAttribute attribute, int64_t rows, int64_t cols, MlirType elementType,
    intptr_t index);

//===----------------------------------------------------------------------===//
// #vnm.sparsity
//===----------------------------------------------------------------------===//

/// How a contraction's weight is to be pruned.
typedef struct VnmSparsity {
  VnmPattern pattern;
  VnmForm form;
  VnmCriterion criterion;
  VnmColumnChoice columnChoice;
  VnmEffort effort;
  bool permuteRows; ///< in free form only
} VnmSparsity;

/// Whether `attribute` is a #vnm.sparsity.
MLIR_CAPI_EXPORTED bool mlirAttributeIsAVNMSparsity(MlirAttribute attribute);
MLIR_CAPI_EXPORTED MlirTypeID vnmSparsityAttrGetTypeID(void);
/// The annotation `vnm.sparsity` of a contraction. Null if a parameter is not
/// legal.
MLIR_CAPI_EXPORTED MlirAttribute vnmSparsityAttrGet(MlirContext context,
                                                    VnmSparsity sparsity);
/// The parameters of a #vnm.sparsity.
MLIR_CAPI_EXPORTED VnmSparsity
vnmSparsityAttrGetSparsity(MlirAttribute attribute);

//===----------------------------------------------------------------------===//
// #vnm.activation_layout and #vnm.broadcast
//===----------------------------------------------------------------------===//

/// Order of channels and tokens in memory.
typedef int32_t VnmActivationLayout;
enum {
  VnmActivationLayoutFeatureMajor = 0, ///< [channels, tokens]
  VnmActivationLayoutTokenMajor = 1    ///< [tokens, channels]
};
/// Whether `attribute` is a #vnm.activation_layout.
MLIR_CAPI_EXPORTED bool
mlirAttributeIsAVNMActivationLayout(MlirAttribute attribute);
/// #vnm.activation_layout<...>. Null for a number that is no layout.
MLIR_CAPI_EXPORTED MlirAttribute
vnmActivationLayoutAttrGet(MlirContext context, VnmActivationLayout layout);
/// The layout of a #vnm.activation_layout.
MLIR_CAPI_EXPORTED VnmActivationLayout
vnmActivationLayoutAttrGetValue(MlirAttribute attribute);

/// How an operand of an epilogue spreads over the result.
typedef int32_t VnmBroadcast;
enum {
  VnmBroadcastPerRow = 0,   ///< one element per output channel
  VnmBroadcastPerToken = 1, ///< one element per token
  VnmBroadcastFull = 2      ///< the shape of the result
};
/// Whether `attribute` is a #vnm.broadcast.
MLIR_CAPI_EXPORTED bool mlirAttributeIsAVNMBroadcast(MlirAttribute attribute);
/// #vnm.broadcast<...>. Null for a number that is no broadcast.
MLIR_CAPI_EXPORTED MlirAttribute vnmBroadcastAttrGet(MlirContext context,
                                                     VnmBroadcast broadcast);
/// The kind of a #vnm.broadcast.
MLIR_CAPI_EXPORTED VnmBroadcast
vnmBroadcastAttrGetValue(MlirAttribute attribute);

//===----------------------------------------------------------------------===//
// #vnm.schedule
//===----------------------------------------------------------------------===//

/// Whether `attribute` is a #vnm.schedule.
MLIR_CAPI_EXPORTED bool mlirAttributeIsAVNMSchedule(MlirAttribute attribute);
MLIR_CAPI_EXPORTED MlirTypeID vnmScheduleAttrGetTypeID(void);
/// How the kernel of a vnm.spmm is built: a family, and a dictionary of
/// positive integers of 64 bits; null for an empty one. Null if a field is not
/// legal.
MLIR_CAPI_EXPORTED MlirAttribute vnmScheduleAttrGet(MlirContext context,
                                                    MlirStringRef family,
                                                    MlirAttribute fields);
/// The family of a #vnm.schedule; owned by the context.
MLIR_CAPI_EXPORTED MlirStringRef
vnmScheduleAttrGetFamily(MlirAttribute attribute);
/// The field `name` of a #vnm.schedule; 0 where it is left to the family.
MLIR_CAPI_EXPORTED int64_t vnmScheduleAttrGetField(MlirAttribute attribute,
                                                   MlirStringRef name);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_DIALECT_VNM_H
