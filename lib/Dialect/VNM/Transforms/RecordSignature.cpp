// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass that records the types of functions before
// bufferization and lowering lose them.

#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace vnm {
#define GEN_PASS_DEF_RECORDSIGNATUREPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;

namespace {

struct RecordSignaturePass
    : public vnm::impl::RecordSignaturePassBase<RecordSignaturePass> {
  using RecordSignaturePassBase::RecordSignaturePassBase;

  void runOnOperation() override {
    FunctionOpInterface function = getOperation();
    // A function that is lowered already has no such type any more.
    if (function.isExternal() || !function.isPublic() ||
        !isa<FunctionType>(function.getFunctionType()))
      return;
    function->setAttr(vnm::VNMDialect::getSignatureAttrName(),
                      TypeAttr::get(function.getFunctionType()));
  }
};

} // namespace
