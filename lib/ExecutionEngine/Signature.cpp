// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what the runner knows of an entry point's arguments and
// results.

#include "vnm/ExecutionEngine/Signature.h"

#include "vnm/Dialect/VNM/IR/VNMDialect.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace vnm;

/// How elements of `type` are stored in a file, or nothing if they cannot be.
static std::optional<NpyType> getNpyType(Type type) {
  if (type.isBF16())
    return NpyType{'u', 2}; // NumPy has no such type: its bit pattern.
  if (type.isF16() || type.isF32() || type.isF64())
    return NpyType{'f', type.getIntOrFloatBitWidth() / 8};
  if (type.isIndex())
    return NpyType{'i', 8};
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  switch (unsigned width = integer.getWidth()) {
  case 1:
    return NpyType{'b', 1};
  case 8:
  case 16:
  case 32:
  case 64:
    return NpyType{integer.isUnsigned() ? 'u' : 'i', width / 8};
  default:
    return std::nullopt;
  }
}

static std::optional<ValueSpec> getValueSpec(Type type) {
  ValueSpec spec;
  spec.type = type;
  spec.isScalar = !isa<ShapedType>(type);
  Type elementType = type;
  if (isa<RankedTensorType, MemRefType>(type)) {
    spec.shape.assign(cast<ShapedType>(type).getShape().begin(),
                      cast<ShapedType>(type).getShape().end());
    elementType = cast<ShapedType>(type).getElementType();
  }
  std::optional<NpyType> elements = getNpyType(elementType);
  if (!elements)
    return std::nullopt;
  spec.elements = *elements;
  return spec;
}

/// Adds the specs of `types` to `specs`.
static LogicalResult addSpecs(Operation *function, TypeRange types,
                              StringRef what,
                              SmallVectorImpl<ValueSpec> &specs) {
  for (auto [index, type] : llvm::enumerate(types)) {
    std::optional<ValueSpec> spec = getValueSpec(type);
    if (!spec)
      return function->emitError()
             << "requires " << what << " " << index
             << " to be a scalar, a ranked tensor or a memref of f16, bf16, "
                "f32, f64, i1, i8, i16, i32, i64 or index, but it is "
             << type;
    specs.push_back(*spec);
  }
  return success();
}

FailureOr<Signature> vnm::getSignature(ModuleOp module, StringRef entry) {
  Operation *function = SymbolTable::lookupSymbolIn(module, entry);
  auto callable = dyn_cast_or_null<FunctionOpInterface>(function);
  if (!callable || callable.isExternal()) {
    auto diagnostic = module.emitError() << "requires a function @" << entry
                                         << " with a body, but there is none";
    for (auto other : module.getOps<FunctionOpInterface>())
      if (!other.isExternal() && other.isPublic())
        diagnostic.attachNote(other.getLoc())
            << "candidate: @" << other.getName();
    return failure();
  }
  auto type =
      function->getAttrOfType<TypeAttr>(VNMDialect::getSignatureAttrName());
  auto functionType =
      type ? dyn_cast<FunctionType>(type.getValue()) : FunctionType();
  if (!functionType)
    return function->emitError()
           << "requires @" << entry << " to carry "
           << VNMDialect::getSignatureAttrName()
           << ", which vnm-record-signature writes before bufferization";
  Signature signature;
  if (failed(addSpecs(function, functionType.getInputs(), "argument",
                      signature.arguments)) ||
      failed(addSpecs(function, functionType.getResults(), "result",
                      signature.results)))
    return failure();
  return signature;
}

/// Whether elements of type `given` can stand for elements of `spec`: the same,
/// or raw or otherwise signed bits of the same width where signs do not matter.
static bool isCompatible(const ValueSpec &spec, NpyType given) {
  if (given == spec.elements)
    return true;
  Type type = getElementTypeOrSelf(spec.type);
  if (given.size != spec.elements.size)
    return false;
  if (type.isBF16())
    return given.kind == 'V';
  return type.isSignlessInteger() && !type.isInteger(1) &&
         (given.kind == 'u' || given.kind == 'i');
}

LogicalResult vnm::checkArgument(Location loc, const ValueSpec &spec,
                                 unsigned index, const NpyArray &array,
                                 StringRef path) {
  auto error = [&]() {
    return emitError(loc) << "requires argument " << index << " to be "
                          << spec.type << ", but '" << path << "' holds ";
  };
  if (!isCompatible(spec, array.getType()))
    return error() << "elements of type " << array.getType().str()
                   << " (expected " << spec.elements.str() << ")";
  ArrayRef<int64_t> shape = array.getShape();
  if (shape.size() != spec.shape.size())
    return error() << "rank " << shape.size() << ", shape "
                   << formatShape(shape);
  for (auto [given, expected] : llvm::zip(shape, spec.shape))
    if (!ShapedType::isDynamic(expected) && given != expected)
      return error() << "shape " << formatShape(shape);
  return success();
}
