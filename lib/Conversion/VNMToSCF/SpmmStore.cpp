// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what happens to a tile's sums before and after the
// products: initial values, epilogue, conversion and store.

#include "SpmmEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "vnm/Support/VectorAccess.h"

using namespace mlir;
using namespace vnm;

/// Tokens that pass the epilogue at a time. Expansions of erf, tanh and the
/// like need many registers: not more than one per value.
static constexpr int64_t kEpilogueWidth = 16;

/// Calls \p body for all rows of the tile and \p tokens, a few tokens at a
/// time: row in the tile, offset from the first token, and the tokens.
void SpmmEmitter::forEachChunk(Tokens tokens,
                               function_ref<void(Value, Value, Tokens)> body) {
  int64_t width = std::min(kEpilogueWidth, tokens.width);
  auto chunkBody = [&](Value tileRow, Value chunk) {
    Value offset = mul(chunk, width);
    // A narrow last tile may end within its only chunk, never before it.
    body(tileRow, offset, {add(tokens.first, offset), width, tokens.inBounds});
  };
  Value numChunks = index(tokens.width / width);
  // Whatever is contiguous in the result goes innermost.
  if (op.getYLayout() == ActivationLayout::FeatureMajor)
    return forEach(rowsInTile, [&](Value tileRow) {
      forEach(numChunks, [&](Value chunk) { chunkBody(tileRow, chunk); });
    });
  forEach(numChunks, [&](Value chunk) {
    forEach(rowsInTile, [&](Value tileRow) { chunkBody(tileRow, chunk); });
  });
}

/// The row of the result that `storedRow` is.
Value SpmmEmitter::resultRow(Value storedRow) {
  if (!op.getRows())
    return storedRow;
  Value row = memref::LoadOp::create(b, op.getRows(), storedRow);
  return arith::IndexCastUIOp::create(b, b.getIndexType(), row);
}

void SpmmEmitter::initializeSums(Tokens tokens) {
  auto zeroRow = [&](Value tileRow) {
    Value zeros = zero(VectorType::get(tokens.width, accumulatorType));
    vector::StoreOp::create(b, zeros, sums, ValueRange{tileRow, index(0)});
  };
  if (!op.getAccumulate())
    return forEach(rowsInTile, zeroRow);
  forEachChunk(tokens, [&](Value tileRow, Value offset, Tokens chunk) {
    Value row = resultRow(add(firstRow, tileRow));
    Value read = readTokens(op.getInit(), position(row, chunk.first),
                            op.getYTokenDim(), chunk);
    vector::StoreOp::create(b, convert(read, accumulatorType), sums,
                            ValueRange{tileRow, offset});
  });
}

/// Whether `op` computes element by element, so that it may compute on vectors.
static bool isElementwise(Operation &op) {
  if (op.hasTrait<OpTrait::ConstantLike>())
    return op.getNumResults() == 1;
  return OpTrait::hasElementwiseMappableTraits(&op) && op.getNumRegions() == 0;
}

static bool canVectorize(Region &epilogue) {
  auto isElement = [](Type type) {
    return VectorType::isValidElementType(type);
  };
  return llvm::all_of(
      epilogue.front().without_terminator(), [&](Operation &nested) {
        return isElementwise(nested) &&
               llvm::all_of(nested.getOperandTypes(), isElement) &&
               llvm::all_of(nested.getResultTypes(), isElement);
      });
}

/// The stored elements of `sum`, a vector of the tokens of result row `row`.
Value SpmmEmitter::applyEpilogue(Value sum, Value row, Tokens tokens) {
  Block &body = op.getEpilogue().front();
  auto vectorOf = [&](Type type) {
    return VectorType::get(tokens.width, type);
  };
  IRMapping mapping;
  mapping.map(body.getArgument(0), sum);
  for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands())) {
    Value elements;
    switch (op.getBroadcast(i)) {
    case Broadcast::PerRow: {
      Value scalar = memref::LoadOp::create(b, operand, row);
      elements =
          vector::BroadcastOp::create(b, vectorOf(scalar.getType()), scalar);
      break;
    }
    case Broadcast::PerToken:
      elements = readTokens(operand, tokens.first, 0, tokens);
      break;
    case Broadcast::Full:
      elements = readTokens(operand, position(row, tokens.first),
                            op.getYTokenDim(), tokens);
      break;
    }
    mapping.map(body.getArgument(i + 1), elements);
  }
  // Scalars are constants of the body and values from around the op.
  auto vectorized = [&](Value value) -> Value {
    Value mapped = mapping.lookupOrDefault(value);
    if (isa<VectorType>(mapped.getType()))
      return mapped;
    return vector::BroadcastOp::create(b, vectorOf(mapped.getType()), mapped);
  };
  for (Operation &nested : body.without_terminator()) {
    if (nested.hasTrait<OpTrait::ConstantLike>()) {
      b.clone(nested, mapping);
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : nested.getOperands())
      operands.push_back(vectorized(operand));
    OperationState state(nested.getLoc(), nested.getName());
    state.addOperands(operands);
    for (Type type : nested.getResultTypes())
      state.addTypes(vectorOf(type));
    state.addAttributes(nested.getAttrs());
    mapping.map(nested.getResults(), b.create(state)->getResults());
  }
  return vectorized(cast<YieldOp>(body.getTerminator()).getValue());
}

void SpmmEmitter::storeVector(Value sum, Value row, Tokens tokens) {
  auto type = cast<MemRefType>(op.getInit().getType());
  Value stored = op.hasEpilogue() ? applyEpilogue(sum, row, tokens)
                                  : convert(sum, type.getElementType());
  writeVector(b, stored, op.getInit(), position(row, tokens.first),
              op.getYTokenDim(), tokens.inBounds);
}

/// One element at a time, for an epilogue that does not work on vectors.
void SpmmEmitter::storeElements(Value tileRow, Value row, Tokens tokens) {
  Value end = min(numTokens, add(tokens.first, tokens.width));
  forEach(b.createOrFold<arith::SubIOp>(end, tokens.first), [&](Value offset) {
    Value token = add(tokens.first, offset);
    SmallVector<Value> place = position(row, token);
    Block &body = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(body.getArgument(0),
                memref::LoadOp::create(b, sums, ValueRange{tileRow, offset}));
    for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands())) {
      Broadcast kind = op.getBroadcast(i);
      SmallVector<Value> indices = {kind == Broadcast::PerRow ? row : token};
      Value element = memref::LoadOp::create(
          b, operand, kind == Broadcast::Full ? place : indices);
      mapping.map(body.getArgument(i + 1), element);
    }
    for (Operation &nested : body.without_terminator())
      b.clone(nested, mapping);
    Value stored =
        mapping.lookupOrDefault(cast<YieldOp>(body.getTerminator()).getValue());
    memref::StoreOp::create(b, stored, op.getInit(), place);
  });
}

void SpmmEmitter::store(Tokens tokens) {
  if (op.hasEpilogue() && !canVectorize(op.getEpilogue()))
    return forEach(rowsInTile, [&](Value tileRow) {
      storeElements(tileRow, resultRow(add(firstRow, tileRow)), tokens);
    });
  forEachChunk(tokens, [&](Value tileRow, Value offset, Tokens chunk) {
    Value row = resultRow(add(firstRow, tileRow));
    Value sum =
        vector::LoadOp::create(b, VectorType::get(chunk.width, accumulatorType),
                               sums, ValueRange{tileRow, offset});
    storeVector(sum, row, chunk);
  });
}
