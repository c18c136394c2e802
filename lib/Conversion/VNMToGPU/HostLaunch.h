// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the host side of a kernel: copies and the launch.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_HOSTLAUNCH_H
#define VNM_LIB_CONVERSION_VNMTOGPU_HOSTLAUNCH_H

#include "Schedule.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// Emits, before `op`, code that copies its operands to the GPU, launches
/// `kernel`, copies the result back and waits. Nothing happens at run time if
/// the result is empty.
void emitHostLaunch(mlir::OpBuilder &builder, SpmmOp op,
                    mlir::SymbolRefAttr kernel, const SpmmProblem &problem,
                    const LaunchShape &shape);

/// The same for a transpose, by a grid of `numBlocks` CTAs.
void emitTransposeLaunch(mlir::OpBuilder &builder, mlir::linalg::TransposeOp op,
                         mlir::SymbolRefAttr kernel, int64_t numBlocks,
                         int64_t numTokens, const LaunchShape &shape);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_HOSTLAUNCH_H
