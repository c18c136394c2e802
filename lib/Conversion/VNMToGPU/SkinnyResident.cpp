// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the activations of the skinny kernel where the CTA brings all
// of x to shared memory: fragments are put together from single elements there.

#include "SkinnyKernel.h"

#include "Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// 16-bit elements in the widest load.
static constexpr int64_t kPieceElements = 8;
/// Loads that a thread has under way at a time.
static constexpr int64_t kLoadsAtOnce = 4;

/// Loads `count` pieces of `width` elements per thread, from piece `first` (in
/// which threads follow one another) on, and stores them in their lines, of
/// `pieces` each.
void SkinnyKernel::emitLoadLines(Value first, int64_t width, int64_t count,
                                 int64_t pieces) {
  auto type = VectorType::get({width}, b.getI16Type());
  Value x = activations();
  SmallVector<Value> loaded;
  auto number = [&](int64_t i) {
    return add(first, i * schedule.numThreads());
  };
  for (int64_t i = 0; i < count; ++i)
    loaded.push_back(
        load(type, advance(x, mul(extend(number(i)), 2 * width)), 2 * width));
  for (int64_t i = 0; i < count; ++i) {
    Value line = div(number(i), pieces), piece = rem(number(i), pieces);
    Value place =
        add(mul(line, 2 * schedule.tokenStride()), mul(piece, 2 * width));
    LLVM::StoreOp::create(b, loaded[i], advance(shared, place), 2 * width);
  }
}

/// Copies x by lines: tokens if it is token-major, else all of it. A line's
/// end, channel K, is zero.
void SkinnyKernel::emitLoadResident() {
  int64_t lines = schedule.xTokenMajor ? problem.numTokens : 1;
  int64_t elements =
      problem.numCols * (schedule.xTokenMajor ? 1 : problem.numTokens);
  // In a batch, entries begin at multiples of the width too.
  int64_t width = std::gcd<int64_t>(elements, kPieceElements);
  int64_t pieces = elements / width, threads = schedule.numThreads();
  int64_t whole = lines * pieces / (threads * kLoadsAtOnce) * kLoadsAtOnce;
  auto emitLoop = [&](int64_t from, int64_t to, int64_t count) {
    if (from == to)
      return;
    auto loop = scf::ForOp::create(b, add(thread, from * threads), i32(to),
                                   i32(count * threads));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emitLoadLines(loop.getInductionVar(), width, count, pieces);
  };
  emitLoop(0, whole * threads, kLoadsAtOnce);
  emitLoop(whole, lines * pieces, 1);
  auto first = scf::IfOp::create(b, less(thread, problem.numTokens),
                                 /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(first.thenBlock());
  Value end = add(mul(thread, 2 * schedule.tokenStride()),
                  2 * problem.numCols * schedule.channelStride());
  Value zero = arith::ConstantIntOp::create(b, b.getI16Type(), 0);
  LLVM::StoreOp::create(b, zero, advance(shared, end), /*alignment=*/2);
}

/// The ids at places `place`, an even one, and the next, as i32.
std::array<Value, 2> SkinnyKernel::emitIdPair(Value ids, Value place) {
  auto type = VectorType::get({schedule.idBytes / 2}, b.getI32Type());
  Value words = load(type, advance(ids, mul(place, schedule.idBytes)),
                     2 * schedule.idBytes);
  Value first = vector::ExtractOp::create(b, words, ArrayRef<int64_t>{0});
  if (problem.wideIds)
    return {first, vector::ExtractOp::create(b, words, ArrayRef<int64_t>{1})};
  return {bitAnd(first, 0xFFFF), shiftRight(first, 16)};
}

/// Ids that are not a channel's, the sentinel and those past the last group,
/// become K. Of gathered pairs, both elements are zero for these.
std::array<Value, 2> SkinnyKernel::emitChannelOffsets(Value step, Value ids,
                                                      Value place) {
  std::array<Value, 2> offsets = emitIdPair(ids, place);
  if (schedule.gathersPairs) {
    for (auto [i, offset] : llvm::enumerate(offsets))
      offset = add(mul(add(place, int64_t(i)), 4), mul(bitAnd(offset, 1), 2));
    return offsets;
  }
  Value exists;
  if (problem.numGroups % schedule.stepGroups() != 0)
    exists = less(add(mul(step, schedule.stepGroups()), div(place, 4)),
                  problem.numGroups);
  for (Value &offset : offsets) {
    offset = minimum(offset, i32(problem.numCols));
    if (exists)
      offset = select(exists, offset, i32(problem.numCols));
    offset = mul(offset, 2 * schedule.channelStride());
  }
  return offsets;
}

Value SkinnyKernel::emitElementPair(Value x,
                                    const std::array<Value, 2> &offsets) {
  Value elements[2];
  for (auto [element, offset] : llvm::zip_equal(elements, offsets)) {
    element = load(b.getI16Type(), advance(x, offset), 2);
    element = arith::ExtUIOp::create(b, b.getI32Type(), element);
  }
  return bitOr(elements[0], shiftLeft(elements[1], 16));
}

/// Register b_i holds rows 8 i + 2 q and the next of token g. Lanes of tokens
/// past T compute the last token again.
std::array<Value, 4> SkinnyKernel::emitResidentFragment(Value step, Value ids,
                                                        int64_t stage,
                                                        int64_t half,
                                                        int64_t tile) {
  Value token = minimum(add(quadRow, 8 * tile), i32(problem.numTokens - 1));
  Value x = advance(shared, mul(token, 2 * schedule.tokenStride()));
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i) {
    Value place =
        add(mul(quadLane, 2), kStageSlots * stage + 32 * half + 8 * i);
    registers[i] = toMmaRegister(
        b, emitElementPair(x, emitChannelOffsets(step, ids, place)),
        problem.element);
  }
  return registers;
}

/// Every lane takes a pair of each stage: pair 16 h + 4 i + q is register b_i
/// of k32 step h and lane q, which finds its eight registers of a stage side by
/// side. The other lanes of the warp have read the step before when this one
/// begins.
void SkinnyKernel::emitGatherToken(Value step, Value ids, Value x) {
  Value start = advance(warpStart, schedule.activationsOffset());
  for (int64_t stage = 0; stage < schedule.stagesPerStep; ++stage) {
    Value place = add(mul(lane, 2), kStageSlots * stage);
    Value pair = emitElementPair(x, emitChannelOffsets(step, ids, place));
    Value target = add(mul(quadLane, 32), mul(quadRow, 4));
    LLVM::StoreOp::create(
        b, pair, advance(advance(start, target), 2 * kStageSlots * stage),
        /*alignment=*/4);
  }
  NVVM::SyncWarpOp::create(b, i32(-1));
}

/// All columns of the instruction's B operand are the token.
std::array<Value, 4> SkinnyKernel::emitTokenFragment(int64_t stage,
                                                     int64_t half) {
  Value start = advance(warpStart, schedule.activationsOffset() +
                                       2 * kStageSlots * stage + 16 * half);
  Value words = load(VectorType::get({4}, b.getI32Type()),
                     advance(start, mul(quadLane, 32)), 16);
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers[i] = toMmaRegister(
        b, vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}),
        problem.element);
  return registers;
}
