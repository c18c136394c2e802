// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the ops of the vnm dialect.

#ifndef VNM_DIALECT_VNM_IR_VNMOPS_H
#define VNM_DIALECT_VNM_IR_VNMOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"

#define GET_OP_CLASSES
#include "vnm/Dialect/VNM/IR/VNMOps.h.inc"

#endif // VNM_DIALECT_VNM_IR_VNMOPS_H
