// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the vnm dialect: its parts and its attributes' places.

#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"

using namespace mlir;
using namespace vnm;

#include "vnm/Dialect/VNM/IR/VNMDialect.cpp.inc"

void VNMDialect::initialize() {
  registerAttributes();
  registerOps();
  registerBytecodeInterface();
}

LogicalResult VNMDialect::verifyOperationAttribute(Operation *op,
                                                   NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == getSparsityAttrName()) {
    if (!isa<SparsityAttr>(attribute.getValue()))
      return op->emitOpError()
             << "requires '" << name
             << "' to be a #vnm.sparsity attribute, but it is "
             << attribute.getValue();
    return success();
  }
  if (name == getLayerAttrName()) {
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitOpError()
             << "requires '" << name << "' to be a string, but it is "
             << attribute.getValue();
    return success();
  }
  if (name == getNormsAttrName()) {
    auto norms = dyn_cast<ElementsAttr>(attribute.getValue());
    if (!norms || norms.getShapedType().getRank() != 1 ||
        !norms.getElementType().isF32())
      return op->emitOpError()
             << "requires '" << name << "' to be a vector of f32, but it is "
             << attribute.getValue();
    return success();
  }
  if (name == getSignatureAttrName()) {
    auto type = dyn_cast<TypeAttr>(attribute.getValue());
    if (!type || !isa<FunctionType>(type.getValue()))
      return op->emitOpError()
             << "requires '" << name << "' to be a function type, but it is "
             << attribute.getValue();
    return success();
  }
  if (name == getWeightAttrName())
    return op->emitOpError()
           << "requires '" << name << "' to be on a function argument";
  return success();
}

LogicalResult VNMDialect::verifyRegionArgAttribute(Operation *op,
                                                   unsigned /*regionIndex*/,
                                                   unsigned argIndex,
                                                   NamedAttribute attribute) {
  if (attribute.getName() != getWeightAttrName())
    return success();
  if (!isa<UnitAttr>(attribute.getValue()))
    return op->emitOpError()
           << "requires '" << attribute.getName() << "' of argument #"
           << argIndex << " to be a unit attribute, but it is "
           << attribute.getValue();
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << "requires '" << attribute.getName()
                             << "' to be on a function argument";
  Type type = function.getArgumentTypes()[argIndex];
  // Lowerings keep the attribute on what becomes of the argument, e.g. on
  // pointers.
  if (!isa<BuiltinDialect>(type.getDialect()))
    return success();
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasStaticShape())
    return op->emitOpError()
           << "requires '" << attribute.getName() << "' argument #" << argIndex
           << " to be a tensor or memref of static shape, but its type is "
           << type;
  return success();
}
