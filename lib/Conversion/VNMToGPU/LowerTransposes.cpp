// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the lowering of transposes that vnm-stage-layouts added.

#include "LowerTransposes.h"

#include "HostLaunch.h"
#include "KernelDescription.h"
#include "TransposeKernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace vnm;

static TransposeProblem getProblem(linalg::TransposeOp op) {
  auto type = cast<MemRefType>(op.getInput().getType());
  ArrayRef<int64_t> sizes = type.getShape().take_back(2);
  bool toFeatureMajor =
      op->getAttrOfType<ActivationLayoutAttr>(kStagedAttrName).getValue() ==
      ActivationLayout::FeatureMajor;
  return {sizes[toFeatureMajor ? 1 : 0], sizes[toFeatureMajor ? 0 : 1],
          type.getElementType(), toFeatureMajor};
}

SmallVector<linalg::TransposeOp> vnm::findStagedTransposes(ModuleOp module) {
  SmallVector<linalg::TransposeOp> ops;
  module.walk([&](linalg::TransposeOp op) {
    if (op->hasAttrOfType<ActivationLayoutAttr>(kStagedAttrName))
      ops.push_back(op);
  });
  return ops;
}

static SymbolRefAttr buildKernel(linalg::TransposeOp op,
                                 gpu::GPUModuleOp kernels, size_t number) {
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  TransposeProblem problem = getProblem(op);
  gpu::GPUFuncOp kernel = buildTransposeKernel(
      builder, op.getLoc(), "transpose_" + std::to_string(number), problem);
  kernel->setAttr(kKernelAttrName, describeTranspose(op, problem));
  return SymbolRefAttr::get(kernels.getNameAttr(),
                            {FlatSymbolRefAttr::get(kernel)});
}

void vnm::lowerTransposes(ArrayRef<linalg::TransposeOp> ops,
                          gpu::GPUModuleOp kernels) {
  // The types of both sides and the layout tell kernels apart.
  llvm::MapVector<std::tuple<Type, Type, Attribute>, SymbolRefAttr> built;
  for (linalg::TransposeOp op : ops) {
    SymbolRefAttr &kernel =
        built[{op.getInput().getType(), op.getInit().getType(),
               op->getAttr(kStagedAttrName)}];
    if (!kernel)
      kernel = buildKernel(op, kernels, built.size() - 1);
    OpBuilder builder(op);
    TransposeProblem problem = getProblem(op);
    auto type = cast<MemRefType>(op.getInput().getType());
    int64_t numBatches = llvm::product_of(type.getShape().drop_back(2));
    emitTransposeLaunch(builder, op, kernel,
                        problem.channelTiles() * problem.tokenTiles() *
                            numBatches,
                        problem.numTokens, problem.getLaunchShape());
    op.erase();
  }
}
