// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-lsp-server: editor support for files that use the
// vnm dialect.

#include "vnm/InitAll.h"
#include "vnm/Support/Version.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  vnm::initToolIdentity("vnm-lsp-server");
  mlir::DialectRegistry registry;
  vnm::registerForTool(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
