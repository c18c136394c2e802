// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the kernel that changes the layout of activations or
// results: from token-major to feature-major, or back.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_TRANSPOSEKERNEL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_TRANSPOSEKERNEL_H

#include "Schedule.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace vnm {

/// Attribute of a linalg.transpose that becomes a kernel: the layout of its
/// result, an ActivationLayoutAttr.
inline constexpr llvm::StringLiteral kStagedAttrName = "vnm.staged";

/// What a transposing kernel does: every matrix of a batch, row-major and
/// without gaps, becomes its transpose.
struct TransposeProblem {
  int64_t numChannels; ///< C: K of activations or R of results.
  int64_t numTokens;   ///< T.
  mlir::Type element;  ///< Of 8, 16 or 32 bits.
  /// From [T, C] to [C, T]; else from [C, T] to [T, C].
  bool toFeatureMajor;

  /// Tokens and channels of a tile; a CTA transposes one.
  static constexpr int64_t kTile = 64;
  static constexpr int64_t kThreads = 256;

  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
  int64_t channelTiles() const { return llvm::divideCeil(numChannels, kTile); }
  int64_t tokenTiles() const { return llvm::divideCeil(numTokens, kTile); }
  LaunchShape getLaunchShape() const { return {kTile, kTile, kThreads}; }
};

/// Builds the kernel as a function `name` at the builder's insertion point,
/// inside a gpu.module. Its parameters are the source, the destination and T;
/// its grid is channelTiles() * tokenTiles() * batch CTAs.
mlir::gpu::GPUFuncOp buildTransposeKernel(mlir::OpBuilder &builder,
                                          mlir::Location loc,
                                          llvm::StringRef name,
                                          const TransposeProblem &problem);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_TRANSPOSEKERNEL_H
