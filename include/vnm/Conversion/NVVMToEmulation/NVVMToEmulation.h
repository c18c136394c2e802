// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of GPU kernels to host code that the
// emulator runs.

#ifndef VNM_CONVERSION_NVVMTOEMULATION_NVVMTOEMULATION_H
#define VNM_CONVERSION_NVVMTOEMULATION_NVVMTOEMULATION_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace vnm {

#define GEN_PASS_DECL_CONVERTLAUNCHESTOEMULATION
#define GEN_PASS_DECL_CONVERTNVVMTOEMULATION
#include "vnm/Conversion/Passes.h.inc"

} // namespace vnm

#endif // VNM_CONVERSION_NVVMTOEMULATION_NVVMTOEMULATION_H
