// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the rewriting of elementary functions whose results are
// rounded to 16 bits into approximate instructions.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_ROUNDEDMATH_H
#define VNM_LIB_CONVERSION_VNMTOGPU_ROUNDEDMATH_H

#include "mlir/IR/Operation.h"

namespace vnm {

/// Rewrites `math.tanh`, `math.erf`, `math.exp`, `math.exp2` and `arith.divf`
/// of f32 scalars in `kernels` into what PTX has an approximate instruction
/// for, where everything that is computed from the result is rounded to f16 or
/// bf16. Other results keep their accuracy: the ops stay as they are.
llvm::LogicalResult approximateRoundedMath(mlir::Operation *kernels);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_ROUNDEDMATH_H
