// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the lowering of vnm.pack and vnm.unpack.

#ifndef VNM_LIB_CONVERSION_VNMTOSCF_PACKUNPACK_H
#define VNM_LIB_CONVERSION_VNMTOSCF_PACKUNPACK_H

#include "mlir/IR/PatternMatch.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

namespace vnm {

/// Emits a call of the runtime library that does what `op`, on memrefs, says;
/// declares the function in the enclosing symbol table if need be. Fails if
/// that table has another symbol of the name, without changing anything.
mlir::LogicalResult emitPackCall(PackOp op, mlir::RewriterBase &rewriter);

/// Emits loops that do what `op`, on memrefs, says.
void emitUnpack(UnpackOp op, mlir::OpBuilder &builder);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOSCF_PACKUNPACK_H
