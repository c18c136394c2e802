// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file collects the passes of the vnm dialect.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD
#define VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD

include "vnm/Dialect/VNM/Transforms/ProductPasses.td"
include "vnm/Dialect/VNM/Transforms/PruningPasses.td"

#endif // VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD
