// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the three calls that make a host know all of VNM.

#include "vnm/InitAll.h"

#include "vnm/Conversion/Passes.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/Transforms/BufferizableOpInterfaceImpl.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"
#include "vnm/Pipelines/Pipelines.h"
#include "vnm/Transforms/Passes.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;

void vnm::registerAllDialects(DialectRegistry &registry) {
  registry.insert<VNMDialect, nvvm::VNMNVVMDialect>();
}

void vnm::registerAllExtensions(DialectRegistry &registry) {
  registerBufferizableOpInterfaceExternalModels(registry);
}

void vnm::registerAllPasses() {
  registerVNMConversionPasses();
  registerVNMGeneralPasses();
  registerVNMPasses();
  registerPipelines();
}
