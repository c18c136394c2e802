// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares builders of reads and writes of vectors in memory.

#ifndef VNM_SUPPORT_VECTORACCESS_H
#define VNM_SUPPORT_VECTORACCESS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// Whether elements along `dim` of `type` are neighbours in memory, each of
/// whole bytes, so that a vector of them is one load or store.
bool isContiguousAlong(mlir::MemRefType type, int64_t dim);

/// `width` elements along `dim` of `source`, from `indices` on. If not
/// `inBounds`, the first exists and others may not: those are zero or repeat
/// the last. What is not contiguous is read element by element.
mlir::Value readVector(mlir::ImplicitLocOpBuilder &b, mlir::Value source,
                       mlir::ValueRange indices, int64_t dim, int64_t width,
                       bool inBounds);

/// Writes `vector` along `dim` of `destination`, from `indices` on; if not
/// `inBounds`, only the elements that exist.
void writeVector(mlir::ImplicitLocOpBuilder &b, mlir::Value vector,
                 mlir::Value destination, mlir::ValueRange indices, int64_t dim,
                 bool inBounds);

} // namespace vnm

#endif // VNM_SUPPORT_VECTORACCESS_H
