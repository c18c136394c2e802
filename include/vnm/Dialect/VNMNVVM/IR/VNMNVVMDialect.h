// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the vnm_nvvm dialect and its ops.

#ifndef VNM_DIALECT_VNMNVVM_IR_VNMNVVMDIALECT_H
#define VNM_DIALECT_VNMNVVM_IR_VNMNVVMDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "vnm/Emulator/Instructions/Wgmma.h"
#include <optional>

#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h.inc"

#define GET_OP_CLASSES
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMOps.h.inc"

#endif // VNM_DIALECT_VNMNVVM_IR_VNMNVVMDIALECT_H
