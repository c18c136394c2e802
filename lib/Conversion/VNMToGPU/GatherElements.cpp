// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather of what asynchronous copies cannot move: elements
// are put together in registers. Of activations a warp reads what lies together
// in memory: tokens of a channel, or a token's channels of a stage. Values of
// bytes are moved so where G is odd, as every other row begins at no multiple
// of 4 bytes.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

/// Elements whose loads are under way together.
static constexpr int64_t kBatchElements = 8;

/// Zero unless `valid`. Values are at least 2 bytes.
Value SpmmKernel::emitElement(Value place, Value valid, int64_t bytes) {
  Value safe = select(valid, place, globalPointer(args.values));
  Value element = load(b.getIntegerType(8 * bytes), safe, bytes);
  Value word = arith::ExtUIOp::create(b, b.getI32Type(), element);
  return select(valid, word, i32(0));
}

/// Any T: a channel's tokens need not begin at a multiple of 4 bytes.
Value SpmmKernel::emitTokenWord(Value stage, ValueRange ids, int64_t position) {
  auto [id, valid] = emitChannel(ids, position, stage);
  int64_t bytes = schedule.elementBytes;
  Value source = emitChannelSource(stage, id, position);
  Value word;
  for (int64_t i = 0; i < schedule.registerElements(); ++i) {
    Value exists = both(valid, less(add(gather.token, i), numTokens));
    Value element = emitElement(advance(source, i * bytes), exists, bytes);
    word = i == 0 ? element : bitOr(word, shiftLeft(element, 8 * bytes * i));
  }
  return word;
}

/// Tokens `token` behind the thread's first.
Value SpmmKernel::emitSlotWord(Value stage, ValueRange ids, int64_t token) {
  int64_t bytes = schedule.elementBytes;
  Value source = advance(gather.source, i64(token * bytes * problem.numCols));
  Value tokenExists =
      raggedTokens() ? less(add(gather.token, token), numTokens) : isTrue();
  Value word;
  for (int64_t i = 0; i < schedule.registerElements(); ++i) {
    auto [id, valid] = emitChannel(ids, i, stage);
    Value element = emitElement(advance(source, mul(extend(id), bytes)),
                                both(tokenExists, valid), bytes);
    word = i == 0 ? element : bitOr(word, shiftLeft(element, 8 * bytes * i));
  }
  return word;
}

int64_t SpmmKernel::tokensAtOnce() const {
  return schedule.numThreads() * schedule.registerElements() / mma::kStageSlots;
}

Value SpmmKernel::emitWordAddress(Value write, int64_t number) {
  bool slots = gather.mode == GatherMode::Slots;
  int64_t line = slots ? number * tokensAtOnce() : getSlotRow(number);
  int64_t pieces = (slots ? mma::kStageSlots : schedule.tokenTile) /
                   schedule.pieceElements();
  Value address = bitXor(add(write, gather.destination),
                         mma::getSwizzle(line, pieces) * mma::kPieceBytes);
  return advance(sharedPointer(address), line * pieces * mma::kPieceBytes);
}

/// Ids that are not given are loaded; what a batch does not use goes away.
void SpmmKernel::addWords(Value stage, ArrayRef<Value> list, Value write,
                          SmallVectorImpl<Copy> &copies) {
  bool slots = gather.mode == GatherMode::Slots;
  int64_t count = slots ? schedule.tokenTile / tokensAtOnce() : gather.numSlots;
  int64_t batch = kBatchElements / schedule.registerElements();
  SmallVector<Value> given(list);
  for (int64_t first = 0; first < count; first += batch)
    copies.push_back([=] {
      int64_t end = std::min(first + batch, count);
      SmallVector<Value> ids = given.empty() ? emitLoadIds(stage) : given;
      SmallVector<Value> words;
      for (int64_t i = first; i < end; ++i)
        words.push_back(slots ? emitSlotWord(stage, ids, i * tokensAtOnce())
                              : emitTokenWord(stage, ids, i));
      for (int64_t i = first; i < end; ++i)
        LLVM::StoreOp::create(b, words[i - first], emitWordAddress(write, i),
                              mma::kRegisterBytes);
    });
}

void SpmmKernel::emitMoveValues(Value source, Value destination,
                                Value rowExists, Value firstGroup) {
  int64_t groupBytes = 2 * schedule.elementBytes;
  auto emitGroup = [&](int64_t group) {
    Value exists =
        both(rowExists, less(add(firstGroup, group), problem.numGroups));
    return emitElement(advance(source, group * groupBytes), exists, groupBytes);
  };
  SmallVector<Value> words;
  for (int64_t group = 0; group * groupBytes < mma::kPieceBytes; group += 2) {
    Value low = emitGroup(group), high = emitGroup(group + 1);
    words.push_back(bitOr(low, shiftLeft(high, 8 * groupBytes)));
  }
  auto type = VectorType::get({int64_t(words.size())}, b.getI32Type());
  Value piece = vector::FromElementsOp::create(b, type, words);
  LLVM::StoreOp::create(b, piece, destination, mma::kPieceBytes);
}
