// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-opt: mlir-opt with this project registered.

#include "vnm/InitAll.h"
#include "vnm/Support/Version.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  vnm::initToolIdentity("vnm-opt");
  mlir::DialectRegistry registry;
  vnm::registerForTool(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "VNM optimizer: V:N:M-sparse matrix products\n", registry));
}
