// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares a function per pass that creates it, with its options at
// their defaults, and one that registers it: mlirCreateVNM<Pass>,
// mlirCreateVNMConversion<Pass>, mlirCreateVNMGeneral<Pass>. Options are given
// in textual pipelines (mlir-c/Pass.h).

#ifndef VNM_C_DIALECT_PASSES_H
#define VNM_C_DIALECT_PASSES_H

#include "vnm/Conversion/Passes.capi.h.inc"
#include "vnm/Dialect/VNM/Transforms/Passes.capi.h.inc"
#include "vnm/Transforms/Passes.capi.h.inc"

#endif // VNM_C_DIALECT_PASSES_H
