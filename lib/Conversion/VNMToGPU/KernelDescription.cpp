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
  explicit DescriptionBuilder(SpmmOp op) : op(op), b(op.getContext()) {}

  DictionaryAttr describe(const KernelLaunch &launch);

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
  /// The sizes of a buffer; a dynamic one by its name: "tokens", or "batch0"
  /// and so on.
  ArrayAttr shapeOf(Value buffer);
  /// The sizes of the batch dimensions.
  ArrayAttr batch();
  void addBuffer(StringRef name, Value buffer,
                 ArrayRef<NamedAttribute> more = {});
  void addArguments();

  SpmmOp op;
  Builder b;
  SmallVector<Attribute> arguments;
};
} // namespace

ArrayAttr DescriptionBuilder::shapeOf(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t numBatchDims = op.getNumBatchDims();
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

ArrayAttr DescriptionBuilder::batch() {
  return b.getArrayAttr(
      shapeOf(op.getX()).getValue().take_front(op.getNumBatchDims()));
}

void DescriptionBuilder::addBuffer(StringRef name, Value buffer,
                                   ArrayRef<NamedAttribute> more) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  std::string type;
  llvm::raw_string_ostream(type) << element;
  SmallVector<NamedAttribute> entries = {
      entry("name", name), entry("kind", "memref"), entry("type", type),
      entry("shape", shapeOf(buffer))};
  entries.append(more.begin(), more.end());
  arguments.push_back(b.getDictionaryAttr(entries));
}

void DescriptionBuilder::addArguments() {
  auto layout = [&](ActivationLayout value) {
    return entry("layout", stringifyActivationLayout(value));
  };
  addBuffer("values", op.getValues());
  addBuffer("metadata", op.getMetadata());
  addBuffer("columns", op.getColumns());
  if (op.getRows())
    addBuffer("rows", op.getRows());
  addBuffer("x", op.getX(), layout(op.getXLayout()));
  addBuffer("y", op.getInit(), layout(op.getYLayout()));
  for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands()))
    addBuffer("epilogue" + std::to_string(i), operand,
              entry("broadcast", stringifyBroadcast(op.getBroadcast(i))));
  arguments.push_back(b.getDictionaryAttr(
      {entry("name", "tokens"), entry("kind", "size"), entry("type", "i64")}));
}

DictionaryAttr DescriptionBuilder::describe(const KernelLaunch &launch) {
  SmallVector<NamedAttribute> grid = {entry("row_tiles", launch.rowTiles),
                                      entry("token_tile", launch.tokenTile)};
  if (launch.maxBlocks)
    grid.push_back(entry("max_blocks", launch.maxBlocks));
  auto x = cast<MemRefType>(op.getX().getType());
  int64_t numTokens = x.getDimSize(op.getXTokenDim());
  Attribute tokens = ShapedType::isDynamic(numTokens)
                         ? Attribute(b.getStringAttr("tokens"))
                         : b.getI64IntegerAttr(numTokens);
  addArguments();
  SmallVector<NamedAttribute> entries = {
      entry("family", launch.schedule.getFamily()),
      entry("schedule", launch.schedule.getFields()),
      entry("pattern", op.getEncoding().getPattern().getPattern().str()),
      entry("rows", op.getNumRows()),
      entry("cols", op.getNumCols()),
      entry("tokens", tokens),
      entry("batch", batch()),
      entry("accumulate", b.getBoolAttr(op.getAccumulate())),
      entry("epilogue", b.getBoolAttr(op.hasEpilogue())),
      entry("grid", b.getDictionaryAttr(grid)),
      entry("threads", launch.numThreads),
      entry("shared_memory", launch.sharedMemoryBytes),
      entry("arguments", b.getArrayAttr(arguments))};
  if (launch.dependentLaunch)
    entries.push_back(entry("dependent_launch", b.getBoolAttr(true)));
  return b.getDictionaryAttr(entries);
}

DictionaryAttr vnm::describeKernel(SpmmOp op, const KernelLaunch &launch) {
  return DescriptionBuilder(op).describe(launch);
}
