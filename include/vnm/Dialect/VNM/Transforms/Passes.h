// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the passes of the vnm dialect.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_PASSES_H
#define VNM_DIALECT_VNM_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"

namespace mlir {
class RewritePatternSet;
class TypeConverter;
} // namespace mlir

namespace vnm {

#define GEN_PASS_DECL
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"

/// Adds to `converter` the 1:N conversion of an encoded tensor to the types of
/// its storage parts; every other type stays.
void populateExpandStorageTypeConversion(mlir::TypeConverter &converter);

/// Patterns that turn the dialect's ops on encoded tensors into ops on storage.
void populateExpandStoragePatterns(const mlir::TypeConverter &converter,
                                   mlir::RewritePatternSet &patterns);

#define GEN_PASS_REGISTRATION
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"

} // namespace vnm

#endif // VNM_DIALECT_VNM_TRANSFORMS_PASSES_H
