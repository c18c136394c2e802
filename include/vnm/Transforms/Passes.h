// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the passes that need nothing of the vnm dialect.

#ifndef VNM_TRANSFORMS_PASSES_H
#define VNM_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace vnm {

#define GEN_PASS_DECL
#include "vnm/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "vnm/Transforms/Passes.h.inc"

} // namespace vnm

#endif // VNM_TRANSFORMS_PASSES_H
