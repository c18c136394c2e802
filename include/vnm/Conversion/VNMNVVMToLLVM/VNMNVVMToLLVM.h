// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of the vnm_nvvm dialect to inline PTX.

#ifndef VNM_CONVERSION_VNMNVVMTOLLVM_VNMNVVMTOLLVM_H
#define VNM_CONVERSION_VNMNVVMTOLLVM_VNMNVVMTOLLVM_H

#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace vnm {

#define GEN_PASS_DECL_CONVERTVNMNVVMTOLLVM
#include "vnm/Conversion/Passes.h.inc"

/// Adds the patterns that turn ops of the vnm_nvvm dialect into
/// llvm.inline_asm.
void populateVNMNVVMToLLVMPatterns(mlir::RewritePatternSet &patterns);

} // namespace vnm

#endif // VNM_CONVERSION_VNMNVVMTOLLVM_VNMNVVMTOLLVM_H
