// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of storage ops to loops for CPUs.

#ifndef VNM_CONVERSION_VNMTOSCF_VNMTOSCF_H
#define VNM_CONVERSION_VNMTOSCF_VNMTOSCF_H

#include "mlir/Pass/Pass.h"
#include <cstdint>
#include <memory>

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace vnm {

#define GEN_PASS_DECL_CONVERTVNMTOSCF
#include "vnm/Conversion/Passes.h.inc"

/// How a product is cut into loops.
struct VNMToSCFOptions {
  /// Tokens that one iteration of the parallel loop computes; a power of two
  /// in [16, 512]. Fewer tokens than that lower it.
  int64_t tokenTile = 128;
  /// Groups whose activation rows are gathered at a time; a multiple of 4
  /// in [4, 256].
  int64_t groupsPerBlock = 16;
};

/// Adds the patterns that turn vnm.spmm, vnm.pack and vnm.unpack on memrefs
/// into loops over vectors and, for vnm.pack, a call of the runtime library.
void populateVNMToSCFPatterns(mlir::RewritePatternSet &patterns,
                              const VNMToSCFOptions &options = {});

} // namespace vnm

#endif // VNM_CONVERSION_VNMTOSCF_VNMTOSCF_H
