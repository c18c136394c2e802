// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of products to GPU kernels.

#ifndef VNM_CONVERSION_VNMTOGPU_VNMTOGPU_H
#define VNM_CONVERSION_VNMTOGPU_VNMTOGPU_H

#include "vnm/Dialect/VNM/IR/VNMDialect.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace vnm {

#define GEN_PASS_DECL_CHOOSESCHEDULE
#define GEN_PASS_DECL_CONVERTVNMTOGPU
#define GEN_PASS_DECL_EXPANDKERNELMATH
#define GEN_PASS_DECL_LISTSCHEDULES
#define GEN_PASS_DECL_PLACETENSORMAPS
#define GEN_PASS_DECL_SERIALIZEKERNELS
#define GEN_PASS_DECL_STAGELAYOUTS
#define GEN_PASS_DECL_WRITEKERNELS
#include "vnm/Conversion/Passes.h.inc"

} // namespace vnm

#endif // VNM_CONVERSION_VNMTOGPU_VNMTOGPU_H
