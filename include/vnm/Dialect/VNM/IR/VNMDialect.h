// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the vnm dialect.

#ifndef VNM_DIALECT_VNM_IR_VNMDIALECT_H
#define VNM_DIALECT_VNM_IR_VNMDIALECT_H

#include "mlir/IR/Dialect.h"

#include "vnm/Dialect/VNM/IR/VNMDialect.h.inc"

#endif // VNM_DIALECT_VNM_IR_VNMDIALECT_H
