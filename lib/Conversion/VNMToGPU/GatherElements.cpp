// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather of activations that asynchronous copies cannot
// move: pieces are put together of elements in registers.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

static constexpr int64_t kElementBytes = 2;

Value SpmmKernel::emitElement(Value place, Value valid) {
  Value safe = select(valid, place, globalPointer(args.x));
  Value element = load(b.getI16Type(), safe, kElementBytes);
  Value word = arith::ExtUIOp::create(b, b.getI32Type(), element);
  return select(valid, word, i32(0));
}

void SpmmKernel::emitStorePiece(ArrayRef<Value> elements, Value address) {
  SmallVector<Value> words;
  for (size_t i = 0; i < elements.size(); i += 2)
    words.push_back(bitOr(elements[i], shiftLeft(elements[i + 1], i32(16))));
  auto type = VectorType::get({mma::kPieceBytes / 4}, b.getI32Type());
  Value vector = vector::FromElementsOp::create(b, type, words);
  LLVM::StoreOp::create(b, vector, sharedPointer(address), mma::kPieceBytes);
}

/// Any T: a channel's tokens need not begin at a multiple of 4 bytes.
void SpmmKernel::emitGatherTokens(Value stage, ValueRange ids, Value write,
                                  int64_t position) {
  auto [id, valid] = emitChannel(ids, position, stage);
  Value source =
      advance(gather.source, mul(extend(id), mul(numTokens, kElementBytes)));
  SmallVector<Value> elements;
  for (int64_t i = 0; i < mma::kPieceElements; ++i) {
    Value exists = both(valid, less(add(gather.token, i), numTokens));
    elements.push_back(emitElement(advance(source, i * kElementBytes), exists));
  }
  int64_t pieces = schedule.tokenTile / mma::kPieceElements;
  Value address = bitXor(add(write, gather.destination),
                         mma::getSwizzle(position, pieces) * mma::kPieceBytes);
  emitStorePiece(elements, add(address, position * pieces * mma::kPieceBytes));
}

/// Slots of a strict pattern ascend, so that neighbouring threads read
/// neighbouring bytes.
void SpmmKernel::emitGatherSlots(Value stage, ValueRange ids, Value write,
                                 int64_t token) {
  Value source =
      advance(gather.source, i64(token * kElementBytes * problem.numCols));
  Value tokenExists = isTrue();
  if (raggedTokens())
    tokenExists = less(add(gather.token, token), numTokens);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < mma::kPieceElements; ++i) {
    auto [id, valid] = emitChannel(ids, i, stage);
    elements.push_back(
        emitElement(advance(source, mul(extend(id), kElementBytes)),
                    both(tokenExists, valid)));
  }
  emitStorePiece(elements, add(add(write, gather.destination),
                               token * mma::kStageSlots * kElementBytes));
}
