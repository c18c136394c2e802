// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file describes kernels for hosts that launch them without this compiler.

#include "KernelDescription.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace vnm;

namespace {
/// Builds the dictionaries of one kernel.
class DescriptionBuilder {
public:
  /// Of `numBatchDims` dimensions of a batch before the matrices.
  DescriptionBuilder(MLIRContext *context, int64_t numBatchDims)
      : b(context), numBatchDims(numBatchDims) {}

  DictionaryAttr describe(SpmmOp op, const KernelLaunch &launch);
  DictionaryAttr describe(linalg::TransposeOp op,
                          const TransposeProblem &problem);

private:
  NamedAttribute entry(StringRef name, Attribute value) {
    return b.getNamedAttr(name, value);
  }
  NamedAttribute entry(StringRef name, StringRef value) {
    return entry(name, b.getStringAttr(value));
  }
  NamedAttribute entry(StringRef name, int64_t value) {
    return entry(name, b.getI64IntegerAttr(value));
  }
  NamedAttribute entry(StringRef name, bool value) {
    return entry(name, b.getBoolAttr(value));
  }
  NamedAttribute entry(ActivationLayout layout) {
    return entry("layout", stringifyActivationLayout(layout));
  }
  /// The sizes of a buffer; a dynamic one by its name: "tokens", or "batch0"
  /// and so on.
  ArrayAttr shapeOf(Value buffer);
  /// The sizes of the batch dimensions of `buffer`.
  ArrayAttr batchOf(Value buffer) {
    return b.getArrayAttr(shapeOf(buffer).getValue().take_front(numBatchDims));
  }
  void addBuffer(StringRef name, Value buffer,
                 ArrayRef<NamedAttribute> more = {});
  void addTokens();
  void addMap(StringRef name, StringRef buffer, const TensorMap &map);
  void addArguments(SpmmOp op);

  Builder b;
  int64_t numBatchDims;
  SmallVector<Attribute> arguments;
};
} // namespace

ArrayAttr DescriptionBuilder::shapeOf(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  // Weights are static, and so are R and K: what is dynamic is T or a batch
  // dimension. Only x, y and operands of their shape have the latter.
  bool hasBatch = type.getRank() == numBatchDims + 2;
  SmallVector<Attribute> sizes;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size))
      sizes.push_back(b.getI64IntegerAttr(size));
    else if (hasBatch && int64_t(dim) < numBatchDims)
      sizes.push_back(b.getStringAttr("batch" + Twine(dim)));
    else
      sizes.push_back(b.getStringAttr("tokens"));
  }
  return b.getArrayAttr(sizes);
}

static std::string printType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

void DescriptionBuilder::addBuffer(StringRef name, Value buffer,
                                   ArrayRef<NamedAttribute> more) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  SmallVector<NamedAttribute> entries = {
      entry("name", name), entry("kind", StringRef("memref")),
      entry("type", printType(element)), entry("shape", shapeOf(buffer))};
  entries.append(more.begin(), more.end());
  arguments.push_back(b.getDictionaryAttr(entries));
}

void DescriptionBuilder::addTokens() {
  arguments.push_back(b.getDictionaryAttr({entry("name", StringRef("tokens")),
                                           entry("kind", StringRef("size")),
                                           entry("type", StringRef("i64"))}));
}

void DescriptionBuilder::addMap(StringRef name, StringRef buffer,
                                const TensorMap &map) {
  auto list = [&](ArrayRef<int64_t> values) {
    return b.getI64ArrayAttr(values);
  };
  arguments.push_back(b.getDictionaryAttr(
      {entry("name", name), entry("kind", StringRef("tensor_map")),
       entry("type", printType(map.element)), entry("buffer", buffer),
       entry("sizes", list(map.sizes)), entry("strides", list(map.strides)),
       entry("box", list(map.box))}));
}

void DescriptionBuilder::addArguments(SpmmOp op) {
  SmallVector<NamedAttribute> layout;
  if (!op.getEncoding().isCanonical())
    layout.push_back(
        entry("layout", stringifyStorageLayout(op.getEncoding().getLayout())));
  addBuffer("values", op.getValues(), layout);
  addBuffer("metadata", op.getMetadata(), layout);
  addBuffer("columns", op.getColumns(), layout);
  if (op.getRows())
    addBuffer("rows", op.getRows());
  addBuffer("x", op.getX(), entry(op.getXLayout()));
  addBuffer("y", op.getInit(), entry(op.getYLayout()));
  for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands()))
    addBuffer("epilogue" + std::to_string(i), operand,
              entry("broadcast", stringifyBroadcast(op.getBroadcast(i))));
  addTokens();
}

DictionaryAttr DescriptionBuilder::describe(SpmmOp op,
                                            const KernelLaunch &launch) {
  SmallVector<NamedAttribute> grid = {entry("row_tiles", launch.rowTiles),
                                      entry("token_tile", launch.tokenTile)};
  if (launch.maxBlocks)
    grid.push_back(entry("max_blocks", launch.maxBlocks));
  auto x = cast<MemRefType>(op.getX().getType());
  int64_t numTokens = x.getDimSize(op.getXTokenDim());
  Attribute tokens = ShapedType::isDynamic(numTokens)
                         ? Attribute(b.getStringAttr("tokens"))
                         : b.getI64IntegerAttr(numTokens);
  addArguments(op);
  if (launch.xMap)
    addMap("x_map", "x", *launch.xMap);
  SmallVector<NamedAttribute> entries = {
      entry("family", launch.schedule.getFamily()),
      entry("schedule", launch.schedule.getFields()),
      entry("pattern", op.getEncoding().getPattern().getPattern().str()),
      entry("rows", op.getNumRows()),
      entry("cols", op.getNumCols()),
      entry("tokens", tokens),
      entry("batch", batchOf(op.getX())),
      entry("accumulate", op.getAccumulate()),
      entry("epilogue", op.hasEpilogue()),
      entry("grid", b.getDictionaryAttr(grid)),
      entry("threads", launch.numThreads),
      entry("shared_memory", launch.sharedMemoryBytes),
      entry("arguments", b.getArrayAttr(arguments))};
  if (launch.dependentLaunch)
    entries.push_back(entry("dependent_launch", true));
  return b.getDictionaryAttr(entries);
}

DictionaryAttr vnm::describeKernel(SpmmOp op, const KernelLaunch &launch) {
  return DescriptionBuilder(op.getContext(), op.getNumBatchDims())
      .describe(op, launch);
}

DictionaryAttr DescriptionBuilder::describe(linalg::TransposeOp op,
                                            const TransposeProblem &problem) {
  auto other = problem.toFeatureMajor ? ActivationLayout::TokenMajor
                                      : ActivationLayout::FeatureMajor;
  auto own = problem.toFeatureMajor ? ActivationLayout::FeatureMajor
                                    : ActivationLayout::TokenMajor;
  addBuffer("x", op.getInput(), entry(other));
  addBuffer("y", op.getInit(), entry(own));
  addTokens();
  LaunchShape shape = problem.getLaunchShape();
  Attribute grid =
      b.getDictionaryAttr({entry("row_tiles", problem.channelTiles()),
                           entry("token_tile", shape.tokenTile)});
  return b.getDictionaryAttr(
      {entry("family", StringRef("transpose")),
       entry("schedule", Attribute(b.getDictionaryAttr({}))),
       entry("pattern", StringRef()), entry("rows", problem.numChannels),
       entry("cols", problem.numChannels), entry("tokens", problem.numTokens),
       entry("batch", batchOf(op.getInput())), entry("accumulate", false),
       entry("epilogue", false), entry("grid", grid),
       entry("threads", shape.numThreads),
       entry("shared_memory", shape.dynamicSharedBytes),
       entry("arguments", b.getArrayAttr(arguments))});
}

DictionaryAttr vnm::describeTranspose(linalg::TransposeOp op,
                                      const TransposeProblem &problem) {
  auto type = cast<MemRefType>(op.getInput().getType());
  return DescriptionBuilder(op.getContext(), type.getRank() - 2)
      .describe(op, problem);
}
