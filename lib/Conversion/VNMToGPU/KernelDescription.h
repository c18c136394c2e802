// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the description that a kernel carries, from which a host
// that has only the compiled code can launch it (docs/aot.md).

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_KERNELDESCRIPTION_H
#define VNM_LIB_CONVERSION_VNMTOGPU_KERNELDESCRIPTION_H

#include "TransposeKernel.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

namespace vnm {

/// Attribute of a kernel's function, a dictionary: the kernel's entry in a
/// manifest.
inline constexpr llvm::StringLiteral kKernelAttrName = "vnm.kernel";

/// What a kernel family says of the launch of one kernel. The grid has
/// rowTiles * ceil(T / tokenTile) * batch CTAs in x, but at most maxBlocks.
struct KernelLaunch {
  ScheduleAttr schedule; ///< With all fields of its family.
  int64_t rowTiles;
  int64_t tokenTile;
  int64_t numThreads; ///< Per CTA, all in x.
  /// Dynamic shared memory, in bytes.
  int64_t sharedMemoryBytes = 0;
  /// CTAs of a persistent kernel; 0 if every tile has a CTA.
  int64_t maxBlocks = 0;
  /// Whether it may start before the kernel before it has ended.
  bool dependentLaunch = false;
  /// The map of x, if the kernel takes one.
  std::optional<TensorMap> xMap = std::nullopt;
};

/// The description of the kernel of `op`, whose parameters are buffers in the
/// order of emitHostLaunch, then T.
mlir::DictionaryAttr describeKernel(SpmmOp op, const KernelLaunch &launch);

/// The description of a transpose's kernel, whose parameters are the source x,
/// the destination y and T.
mlir::DictionaryAttr describeTranspose(mlir::linalg::TransposeOp op,
                                       const TransposeProblem &problem);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_KERNELDESCRIPTION_H
