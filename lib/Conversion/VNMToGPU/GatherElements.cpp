// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather of activations that asynchronous copies cannot
// move: pairs of elements are put together in registers. A warp reads what lies
// together in memory: tokens of a channel, or a token's channels of a stage.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace vnm;

/// Pairs whose loads are under way together.
static constexpr int64_t kBatch = 4;

/// The element at `place` in the low half; zero unless `valid`.
Value SpmmKernel::emitElement(Value place, Value valid) {
  Value safe = select(valid, place, globalPointer(args.x));
  Value element = load(b.getI16Type(), safe, mma::kElementBytes);
  Value word = arith::ExtUIOp::create(b, b.getI32Type(), element);
  return select(valid, word, i32(0));
}

/// Any T: a channel's tokens need not begin at a multiple of 4 bytes.
Value SpmmKernel::emitTokenPair(Value stage, ValueRange ids, int64_t position) {
  auto [id, valid] = emitChannel(ids, position, stage);
  Value source = advance(gather.source,
                         mul(extend(id), mul(numTokens, mma::kElementBytes)));
  Value halves[2];
  for (int64_t i = 0; i < mma::kPairElements; ++i)
    halves[i] = emitElement(advance(source, i * mma::kElementBytes),
                            both(valid, less(add(gather.token, i), numTokens)));
  return bitOr(halves[0], shiftLeft(halves[1], i32(16)));
}

/// Tokens `token` behind the thread's first.
Value SpmmKernel::emitSlotPair(Value stage, ValueRange ids, int64_t token) {
  Value source =
      advance(gather.source, i64(token * mma::kElementBytes * problem.numCols));
  Value tokenExists =
      raggedTokens() ? less(add(gather.token, token), numTokens) : isTrue();
  Value halves[2];
  for (int64_t i = 0; i < mma::kPairElements; ++i) {
    auto [id, valid] = emitChannel(ids, i, stage);
    halves[i] =
        emitElement(advance(source, mul(extend(id), mma::kElementBytes)),
                    both(tokenExists, valid));
  }
  return bitOr(halves[0], shiftLeft(halves[1], i32(16)));
}

/// Threads take every fourth token of token-major x.
static constexpr int64_t kTokensAtOnce =
    SpmmSchedule::kThreads * mma::kPairElements / mma::kStageSlots;

Value SpmmKernel::emitPairAddress(Value write, int64_t number) {
  bool slots = gather.mode == GatherMode::Slots;
  int64_t line = slots ? number * kTokensAtOnce : number;
  int64_t pieces =
      (slots ? mma::kStageSlots : schedule.tokenTile) / mma::kPieceElements;
  Value address = bitXor(add(write, gather.destination),
                         mma::getSwizzle(line, pieces) * mma::kPieceBytes);
  return advance(sharedPointer(address), line * pieces * mma::kPieceBytes);
}

/// Ids that are not given are loaded; what a batch does not use goes away.
void SpmmKernel::addPairs(Value stage, ArrayRef<Value> list, Value write,
                          SmallVectorImpl<Copy> &copies) {
  bool slots = gather.mode == GatherMode::Slots;
  int64_t count = slots ? schedule.tokenTile / kTokensAtOnce : gather.numSlots;
  SmallVector<Value> given(list);
  for (int64_t first = 0; first < count; first += kBatch)
    copies.push_back([=] {
      int64_t end = std::min(first + kBatch, count);
      SmallVector<Value> ids = given.empty() ? emitLoadIds(stage) : given;
      SmallVector<Value> pairs;
      for (int64_t i = first; i < end; ++i)
        pairs.push_back(slots ? emitSlotPair(stage, ids, i * kTokensAtOnce)
                              : emitTokenPair(stage, ids, i));
      for (int64_t i = first; i < end; ++i)
        LLVM::StoreOp::create(b, pairs[i - first], emitPairAddress(write, i),
                              mma::kPairBytes);
    });
}
