// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what kernels with mma.sp.sync have in common.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_FRAGMENTS_H
#define VNM_LIB_CONVERSION_VNMTOGPU_FRAGMENTS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// Positions 0 and 1 in every group: legal metadata for values that are zero.
constexpr int64_t kUnusedWord = 0x4444;

/// One mma.sp on `sums`, four f32, or i32 of i8, which it replaces: m16n8k32,
/// or m16n8k64 of i8. `element`: f16, bf16 or i8. Operands are registers as
/// toMmaRegister makes them; `selector` says which lanes of a quad hold the
/// metadata (PTX ISA, "Matrix Fragments for mma.sp.m16n8k32 with .f16 and .bf16
/// types"; of i8 all do, and it is 0).
void emitMmaSp(mlir::ImplicitLocOpBuilder &b,
               llvm::ArrayRef<mlir::Value> weight,
               llvm::ArrayRef<mlir::Value> activations,
               llvm::MutableArrayRef<mlir::Value> sums, mlir::Value metadata,
               int64_t selector, mlir::Type element);

/// 32 bits, i32, as an operand of emitMmaSp: a pair of f16, else i32.
mlir::Value toMmaRegister(mlir::ImplicitLocOpBuilder &b, mlir::Value bits,
                          mlir::Type element);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_FRAGMENTS_H
