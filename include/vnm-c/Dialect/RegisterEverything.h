// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the calls that make a host with MLIR's C API know all of
// VNM, as vnm/InitAll.h does for C++.

#ifndef VNM_C_DIALECT_REGISTEREVERYTHING_H
#define VNM_C_DIALECT_REGISTEREVERYTHING_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Appends the dialects of this project, and what it attaches to its own and to
/// upstream's, to `registry`.
MLIR_CAPI_EXPORTED void vnmRegisterAllDialects(MlirDialectRegistry registry);

/// Registers the passes and pipelines of this project, for textual pipelines.
/// Once per process, however often it is called; not beside the plugin, which
/// registers the same names.
MLIR_CAPI_EXPORTED void vnmRegisterAllPasses(void);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_DIALECT_REGISTEREVERYTHING_H
