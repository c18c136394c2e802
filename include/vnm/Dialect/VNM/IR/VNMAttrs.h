// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the attributes and enumerations of the vnm dialect.

#ifndef VNM_DIALECT_VNM_IR_VNMATTRS_H
#define VNM_DIALECT_VNM_IR_VNMATTRS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TensorEncoding.h"
#include "vnm/Sparsity/Prune.h"
#include <optional>

#include "vnm/Dialect/VNM/IR/VNMEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "vnm/Dialect/VNM/IR/VNMAttrs.h.inc"

namespace vnm {

/// The core library's value of an enumerator, and back.
sparsity::Form toCore(Form form);
sparsity::Criterion toCore(Criterion criterion);
sparsity::ColumnChoice toCore(ColumnChoice choice);
sparsity::Effort toCore(Effort effort);
Form fromCore(sparsity::Form form);

/// The core library's element type; none if weights of `type` are unsupported.
std::optional<sparsity::ElementType> toCoreElementType(mlir::Type type);

/// The type products of weights of `weightType` are summed in: i32 for i8, f32
/// for floats.
mlir::Type getAccumulatorType(mlir::Type weightType);

} // namespace vnm

#endif // VNM_DIALECT_VNM_IR_VNMATTRS_H
