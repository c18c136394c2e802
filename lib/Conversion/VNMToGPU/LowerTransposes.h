// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the lowering of transposes that vnm-stage-layouts added.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_LOWERTRANSPOSES_H
#define VNM_LIB_CONVERSION_VNMTOGPU_LOWERTRANSPOSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace vnm {

/// The transposes of `module` that vnm-stage-layouts added.
llvm::SmallVector<mlir::linalg::TransposeOp>
findStagedTransposes(mlir::ModuleOp module);

/// Turns each of `ops` into a launch of a kernel of `kernels`; transposes of
/// one shape share a kernel.
void lowerTransposes(llvm::ArrayRef<mlir::linalg::TransposeOp> ops,
                     mlir::gpu::GPUModuleOp kernels);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_LOWERTRANSPOSES_H
