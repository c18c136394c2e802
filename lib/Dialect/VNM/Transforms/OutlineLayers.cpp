// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-outline-layers: one function per sparse product.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

namespace vnm {
#define GEN_PASS_DEF_OUTLINELAYERSPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using vnm::MatmulOp;

/// Adds to `slice` the ops that compute `value`, in order; fails if it depends
/// on a block argument or on an op with side effects or regions.
static LogicalResult collectConstantSlice(Value value,
                                          SetVector<Operation *> &slice) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return failure();
  if (slice.contains(op))
    return success();
  for (Value operand : op->getOperands())
    if (failed(collectConstantSlice(operand, slice)))
      return failure();
  slice.insert(op);
  return success();
}

namespace {
/// What the function of a layer computes anew and what it takes.
struct LayerInputs {
  SetVector<Operation *> constants;
  SmallVector<Value> arguments;
};
} // namespace

/// Sorts the operands of `op` into constants and arguments, x first. The
/// destination is made anew, unless the product adds to it.
static LayerInputs classifyOperands(MatmulOp op) {
  LayerInputs inputs;
  inputs.arguments.push_back(op.getX());
  SmallVector<Value> others = {op.getWeight()};
  llvm::append_range(others, op.getEpilogueOperands());
  if (op.getAccumulate())
    others.push_back(op.getInit());
  // The epilogue may use values around it, such as scalar constants.
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getEpilogue(), captured);
  llvm::append_range(others, captured);
  for (Value operand : others) {
    SetVector<Operation *> slice;
    if (succeeded(collectConstantSlice(operand, slice)))
      inputs.constants.insert(slice.begin(), slice.end());
    else if (!llvm::is_contained(inputs.arguments, operand))
      inputs.arguments.push_back(operand);
  }
  return inputs;
}

/// A destination of the shape of `op`'s, its dynamic sizes taken from `x`.
static Value createDestination(OpBuilder &builder, MatmulOp op, Value x) {
  auto type = cast<RankedTensorType>(op.getInit().getType());
  SmallVector<Value> dynamicSizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim))
      continue;
    int64_t source = dim == op.getYTokenDim() ? op.getXTokenDim() : dim;
    dynamicSizes.push_back(
        tensor::DimOp::create(builder, op.getLoc(), x, source));
  }
  return tensor::EmptyOp::create(builder, op.getLoc(), type, dynamicSizes);
}

/// Creates the function of `op` at the end of `module`.
static void outline(MatmulOp op, ModuleOp module, unsigned index) {
  LayerInputs inputs = classifyOperands(op);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = builder.getFunctionType(
      llvm::to_vector(ValueRange(inputs.arguments).getTypes()),
      op->getResultTypes());
  auto function = func::FuncOp::create(builder, op.getLoc(),
                                       "layer_" + std::to_string(index), type);
  StringRef layerAttr = vnm::VNMDialect::getLayerAttrName();
  if (Attribute layer = op->getAttr(layerAttr))
    function->setAttr(layerAttr, layer);
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping mapping;
  mapping.map(inputs.arguments, entry->getArguments());
  for (Operation *constant : inputs.constants)
    builder.clone(*constant, mapping);
  if (!op.getAccumulate())
    mapping.map(op.getInit(),
                createDestination(builder, op, entry->getArgument(0)));
  Operation *product = builder.clone(*op, mapping);
  func::ReturnOp::create(builder, op.getLoc(), product->getResults());
}

namespace {
struct OutlineLayersPass : vnm::impl::OutlineLayersPassBase<OutlineLayersPass> {
  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    getOperation().walk([&](MatmulOp op) { products.push_back(op); });
    for (auto [index, op] : llvm::enumerate(products))
      outline(op, getOperation(), index);
    for (func::FuncOp function : functions)
      function.erase();
    // The names were taken only while the old functions were there.
    for (auto [index, function] :
         llvm::enumerate(getOperation().getOps<func::FuncOp>()))
      function.setName("layer_" + std::to_string(index));
  }
};
} // namespace
