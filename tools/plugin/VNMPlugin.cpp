// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the plugin that makes stock mlir-opt know all of VNM.

#include "vnm/InitAll.h"
#include "vnm/Support/Version.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"

static void registerDialects(mlir::DialectRegistry *registry) {
  vnm::registerAllDialects(*registry);
  vnm::registerAllExtensions(*registry);
}

/// Entry point of `--load-dialect-plugin`.
extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::DialectPluginLibraryInfo
    mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "VNM", vnm::getVersion().data(),
          registerDialects};
}

/// Entry point of `--load-pass-plugin`.
extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::PassPluginLibraryInfo
    mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "VNM", vnm::getVersion().data(),
          vnm::registerAllPasses};
}
