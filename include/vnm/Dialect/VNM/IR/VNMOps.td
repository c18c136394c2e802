// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file gathers the ops of the vnm dialect for code generation.

#ifndef VNM_DIALECT_VNM_IR_VNMOPS_TD
#define VNM_DIALECT_VNM_IR_VNMOPS_TD

include "vnm/Dialect/VNM/IR/VNMEncodingOps.td"
include "vnm/Dialect/VNM/IR/VNMMatmulOps.td"
include "vnm/Dialect/VNM/IR/VNMStorageOps.td"

#endif // VNM_DIALECT_VNM_IR_VNMOPS_TD
