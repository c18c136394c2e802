// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the rewriting of constants for new orders of channels.

#include "PermuteRewriter.h"
#include "RewriteUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"

using namespace mlir;
using namespace vnm;

ArrayRef<int32_t> PermuteRewriter::getOrder(unsigned space) const {
  auto it = orders.find(flow.find(space));
  return it == orders.end() ? ArrayRef<int32_t>() : ArrayRef(it->second);
}

LogicalResult PermuteRewriter::run() {
  // Norms first: they are looked up by what the ops still are.
  for (const ChannelProduct &product : flow.getProducts())
    if (failed(permuteNorms(product)))
      return failure();
  llvm::DenseSet<Value> done;
  for (const ChannelProduct &product : flow.getProducts())
    if (done.insert(product.match.weight.source).second &&
        failed(permuteWeight(product)))
      return failure();
  for (const ChannelConstant &constant : flow.getConstants())
    if (failed(permuteConstant(constant)))
      return failure();
  return success();
}

LogicalResult PermuteRewriter::permuteNorms(const ChannelProduct &product) {
  ArrayRef<int32_t> order = getOrder(product.columnSpace);
  if (order.empty())
    return success();
  Operation *op = product.match.op;
  FailureOr<std::vector<float>> norms =
      calibration.getNorms(op, product.match.numCols);
  if (failed(norms))
    return failure();
  if (norms->empty())
    return success();
  std::vector<float> permuted;
  for (int32_t channel : order)
    permuted.push_back((*norms)[channel]);
  Builder builder(op->getContext());
  auto type =
      RankedTensorType::get({product.match.numCols}, builder.getF32Type());
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(
      ArrayRef<float>(permuted), /*dataIsMutable=*/false);
  op->setAttr(VNMDialect::getNormsAttrName(),
              DenseResourceElementsAttr::get(
                  type, (getLayerName(op).getValue() + ".norms").str(),
                  std::move(blob)));
  return success();
}

/// Where `order` has position i of `offsets`, which it permutes.
static int64_t lookUp(ArrayRef<int32_t> order, ArrayRef<int64_t> offsets,
                      int64_t i) {
  return offsets[order.empty() ? i : order[i]];
}

LogicalResult PermuteRewriter::permuteWeight(const ChannelProduct &product) {
  ArrayRef<int32_t> rowOrder = getOrder(product.rowSpace);
  ArrayRef<int32_t> columnOrder = getOrder(product.columnSpace);
  if (rowOrder.empty() && columnOrder.empty())
    return success();
  const MatmulMatch &match = product.match;
  Operation *op = match.op;
  llvm::Expected<std::vector<char>> old =
      copyConstantData(getWeightContents(match.weight));
  if (!old)
    return op->emitOpError() << llvm::toString(old.takeError());
  auto type = cast<RankedTensorType>(match.weight.source.getType());
  int64_t width = type.getElementTypeBitWidth() / CHAR_BIT;
  std::vector<int64_t> rows = getOffsets(match.rowAxes);
  std::vector<int64_t> columns = getOffsets(match.columnAxes);
  std::vector<char> permuted(old->size());
  for (int64_t row = 0; row < match.numRows; ++row) {
    int64_t oldRow = lookUp(rowOrder, rows, row);
    for (int64_t col = 0; col < match.numCols; ++col)
      std::memcpy(permuted.data() + (rows[row] + columns[col]) * width,
                  old->data() +
                      (oldRow + lookUp(columnOrder, columns, col)) * width,
                  width);
  }
  OpBuilder builder(op->getContext());
  Value source = match.weight.source;
  builder.setInsertionPointAfterValue(source);
  Value replacement = createResourceConstant(
      builder, source.getLoc(), type,
      (getLayerName(op).getValue() + ".permuted").str(), permuted);
  Operation *producer = source.getDefiningOp();
  source.replaceAllUsesWith(replacement);
  eraseIfDead(producer);
  return success();
}

LogicalResult
PermuteRewriter::permuteConstant(const ChannelConstant &constant) {
  // A use that went with a weight has no order: its channels are the weight's.
  bool changes = llvm::any_of(constant.dims, [&](std::optional<unsigned> dim) {
    return dim && !getOrder(*dim).empty();
  });
  if (!changes)
    return success();
  Operation *op = constant.use->getOwner();
  Value value = constant.use->get();
  auto type = cast<RankedTensorType>(value.getType());
  ElementsAttr elements;
  matchPattern(value, m_Constant(&elements));
  llvm::Expected<std::vector<char>> bytes = copyConstantData(elements);
  if (!bytes)
    return op->emitOpError() << llvm::toString(bytes.takeError());
  // One dimension after the other; `block` is what a position of it spans.
  int64_t block = type.getElementTypeBitWidth() / CHAR_BIT;
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    int64_t size = type.getDimSize(dim);
    ArrayRef<int32_t> order;
    if (constant.dims[dim])
      order = getOrder(*constant.dims[dim]);
    if (!order.empty()) {
      std::vector<char> permuted;
      permuted.reserve(bytes->size());
      for (int64_t first = 0; first < int64_t(bytes->size());
           first += size * block)
        for (int32_t position : order) {
          const char *from = bytes->data() + first + position * block;
          permuted.insert(permuted.end(), from, from + block);
        }
      *bytes = std::move(permuted);
    }
    block *= size;
  }
  OpBuilder builder(op);
  Operation *producer = value.getDefiningOp();
  constant.use->set(createResourceConstant(builder, op->getLoc(), type,
                                           "vnm_permuted", *bytes));
  eraseIfDead(producer);
  return success();
}
