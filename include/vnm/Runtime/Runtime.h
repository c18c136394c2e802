// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the functions that compiled programs call at run time, the
// contents of libvnm_runtime.
//
// Each has the form that MLIR's C interface gives to a function on unranked
// memrefs: a pointer to rank and descriptor per memref, then the scalars. On an
// error, e.g. a NaN among the weights, it prints "vnm runtime: error: ..." with
// the reason to the standard error stream and ends the program by exit(1): a
// compiled program has no way to pass an error on.

#ifndef VNM_RUNTIME_RUNTIME_H
#define VNM_RUNTIME_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A memref<*xT> as MLIR passes it to C. The descriptor holds the allocated and
/// the aligned pointer, the offset, rank sizes and rank strides.
typedef struct VnmUnrankedMemRef {
  int64_t rank;
  void *descriptor;
} VnmUnrankedMemRef;

/// vnm.pack for a weight of the first type and column ids of the second: prunes
/// `weight` (R x K) to v:2:m and writes values, metadata and columns. `rows`
/// (i32) is empty if rows keep their order; else it has R elements, rows are
/// permuted too, and their order is written to it. `importance` (f32) is empty,
/// K norms, or R x K scores, as `criterion` demands. `form`, `criterion`,
/// `columnChoice` and `effort` are numbers of vnm::sparsity's enumerations.
#define VNM_DECLARE_PACK(name)                                                 \
  void _mlir_ciface_##name(                                                    \
      const VnmUnrankedMemRef *weight, const VnmUnrankedMemRef *importance,    \
      const VnmUnrankedMemRef *values, const VnmUnrankedMemRef *metadata,      \
      const VnmUnrankedMemRef *columns, const VnmUnrankedMemRef *rows,         \
      int64_t v, int64_t m, int64_t form, int64_t criterion,                   \
      int64_t columnChoice, int64_t effort)
VNM_DECLARE_PACK(vnm_pack_f16_i16);
VNM_DECLARE_PACK(vnm_pack_f16_i32);
VNM_DECLARE_PACK(vnm_pack_bf16_i16);
VNM_DECLARE_PACK(vnm_pack_bf16_i32);
VNM_DECLARE_PACK(vnm_pack_f32_i16);
VNM_DECLARE_PACK(vnm_pack_f32_i32);
VNM_DECLARE_PACK(vnm_pack_i8_i16);
VNM_DECLARE_PACK(vnm_pack_i8_i32);
#undef VNM_DECLARE_PACK

#ifdef __cplusplus
}
#endif

#endif // VNM_RUNTIME_RUNTIME_H
