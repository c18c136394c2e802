// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-place-tensor-maps: from tensor maps by
// value to parameters that have an address.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "TensorMaps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace vnm {
#define GEN_PASS_DEF_PLACETENSORMAPS
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

namespace {
struct PlaceTensorMaps final : vnm::impl::PlaceTensorMapsBase<PlaceTensorMaps> {
  using PlaceTensorMapsBase::PlaceTensorMapsBase;

  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>())
      if (failed(placeMaps(kernel)))
        return signalPassFailure();
  }

private:
  static LogicalResult placeMaps(LLVM::LLVMFuncOp kernel) {
    Type mapType = getTensorMapType(kernel.getContext());
    SmallVector<Type> types(kernel.getArgumentTypes());
    if (kernel.isExternal() || !llvm::is_contained(types, mapType))
      return success();
    for (auto [index, type] : llvm::enumerate(types)) {
      if (type != mapType)
        continue;
      type = LLVM::LLVMPointerType::get(kernel.getContext());
      if (failed(placeMap(kernel, index, type)))
        return failure();
    }
    kernel.setFunctionType(LLVM::LLVMFunctionType::get(
        kernel.getFunctionType().getReturnType(), types));
    return success();
  }

  static LogicalResult placeMap(LLVM::LLVMFuncOp kernel, unsigned index,
                                Type pointer) {
    BlockArgument argument = kernel.getArgument(index);
    Type mapType = argument.getType();
    for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
      auto cast = dyn_cast<UnrealizedConversionCastOp>(user);
      if (!cast || cast.getNumResults() != 1 ||
          cast.getResult(0).getType() != pointer)
        return user->emitError("requires a tensor map to be converted to its "
                               "address, but the kernel's argument ")
               << index << " is used itself";
      cast.getResult(0).replaceAllUsesWith(argument);
      cast.erase();
    }
    argument.setType(pointer);
    OpBuilder b(kernel.getContext());
    kernel.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(mapType));
    kernel.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                      b.getI64IntegerAttr(kTensorMapAlignment));
    kernel.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(),
                      b.getUnitAttr());
    return success();
  }
};
} // namespace
