// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the passes and registration for MLIR's C API.

#include "vnm-c/Dialect/Passes.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Pass.h"
#include "vnm-c/Dialect/RegisterEverything.h"
#include "vnm/Conversion/Passes.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/InitAll.h"
#include "vnm/Transforms/Passes.h"
#include <mutex>

using namespace vnm;

extern "C" {

#include "vnm/Conversion/Passes.capi.cpp.inc"
#include "vnm/Dialect/VNM/Transforms/Passes.capi.cpp.inc"
#include "vnm/Transforms/Passes.capi.cpp.inc"

void vnmRegisterAllDialects(MlirDialectRegistry registry) {
  vnm::registerAllDialects(*unwrap(registry));
  vnm::registerAllExtensions(*unwrap(registry));
}

void vnmRegisterAllPasses(void) {
  static std::once_flag once;
  std::call_once(once, vnm::registerAllPasses);
}

} // extern "C"
