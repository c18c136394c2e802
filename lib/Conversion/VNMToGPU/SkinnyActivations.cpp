// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the activations of the skinny kernel where a warp gathers the
// channels of its steps: ids, copies of channels, fragments.

#include "SkinnyKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Tokens of 16 bytes.
static constexpr int64_t kPieceTokens = 8;

Value SkinnyKernel::activations() {
  Value entry = mul(extend(batch), 2 * problem.numCols * problem.numTokens);
  return advance(globalPointer(args.x), entry);
}

/// A group's four ids are a copy. Ids of groups past G are not read.
void SkinnyKernel::emitCopyIds(Value step, Value slot, bool last) {
  int64_t bytes = 4 * schedule.idBytes;
  Value panelStart = mul(mul(extend(panel), problem.numGroups), bytes);
  Value start = add(panelStart, extend(mul(lane, bytes)));
  Value source = advance(advance(globalPointer(args.columns), start),
                         extend(mul(step, schedule.stepGroups() * bytes)));
  for (int64_t first = 0; first < schedule.stepGroups();
       first += SkinnySchedule::kWarpSize) {
    OpBuilder::InsertionGuard guard(b);
    if (first + SkinnySchedule::kWarpSize > schedule.stepGroups()) {
      auto branch =
          scf::IfOp::create(b, less(lane, schedule.stepGroups() - first),
                            /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    Value valid;
    if (last)
      valid =
          select(less(add(mul(step, schedule.stepGroups()), add(lane, first)),
                      problem.numGroups),
                 i32(bytes), i32(0));
    emitCopy(advance(advance(slot, mul(lane, bytes)), first * bytes),
             advance(source, first * bytes), bytes, valid);
  }
}

/// The sentinel is K; whatever is not a channel is not read.
std::pair<Value, Value> SkinnyKernel::emitChannel(Value step, Value ids,
                                                  Value place, bool last) {
  Value id = load(b.getIntegerType(8 * schedule.idBytes),
                  advance(ids, mul(place, schedule.idBytes)), schedule.idBytes);
  if (!problem.wideIds)
    id = arith::ExtUIOp::create(b, b.getI32Type(), id);
  Value valid = less(id, problem.numCols);
  if (last)
    valid =
        both(valid, less(add(mul(step, schedule.stepGroups()), div(place, 4)),
                         problem.numGroups));
  return {id, valid};
}

/// Of a power of two of 16-byte pieces, the order depends on the place so that
/// the 8 places that ldmatrix reads together meet all banks; odd numbers do by
/// themselves.
Value SkinnyKernel::emitActivationOffset(Value place, Value byte) {
  int64_t pieces = schedule.channelBytes() / 16;
  if (llvm::isPowerOf2_64(pieces) && pieces > 1) {
    Value key = rem(div(place, 8 / pieces), pieces);
    byte = bitXor(byte, mul(key, 16));
  }
  return add(mul(place, schedule.channelBytes()), byte);
}

void SkinnyKernel::emitCopyActivations(Value step, Value ids, Value destination,
                                       bool last) {
  if (schedule.gathersPairs)
    emitCopyChannelPairs(step, ids, destination, last);
  else if (problem.numTokens % 2 == 0)
    emitCopyChannelPieces(step, ids, destination, last);
  else
    emitCopyChannelElements(step, ids, destination);
}

/// Asynchronous copies of 4, 8 or 16 bytes, as channels are aligned. Channels
/// that do not exist and tokens past T are zero.
void SkinnyKernel::emitCopyChannelPieces(Value step, Value ids,
                                         Value destination, bool last) {
  int64_t tokens = std::gcd(problem.numTokens, kPieceTokens);
  int64_t bytes = 2 * tokens;
  int64_t pieces = kPieceTokens * schedule.tokenTiles() / tokens;
  Value x = activations();
  for (int64_t first = 0; first < schedule.stepSlots() * pieces;
       first += SkinnySchedule::kWarpSize) {
    // Where pieces divide the warp, a lane's have the same place in channels.
    bool divides = SkinnySchedule::kWarpSize % pieces == 0;
    Value number = divides ? lane : add(lane, first);
    Value place = div(number, pieces), byte = mul(rem(number, pieces), bytes);
    if (divides)
      place = add(place, first / pieces);
    auto [channel, valid] = emitChannel(step, ids, place, last);
    if (problem.numTokens % kPieceTokens != 0)
      valid = both(valid, less(byte, 2 * problem.numTokens));
    Value source = advance(advance(x, extend(byte)),
                           mul(extend(channel), 2 * problem.numTokens));
    emitCopy(advance(destination, emitActivationOffset(place, byte)), source,
             bytes, select(valid, i32(bytes), i32(0)));
  }
}

/// One token: a channel and its neighbour, of K that are even.
void SkinnyKernel::emitCopyChannelPairs(Value step, Value ids,
                                        Value destination, bool last) {
  Value x = activations();
  for (int64_t first = 0; first < schedule.stepSlots();
       first += SkinnySchedule::kWarpSize) {
    Value place = add(lane, first);
    auto [channel, valid] = emitChannel(step, ids, place, last);
    Value source = advance(x, mul(extend(bitAnd(channel, -2)), 2));
    emitCopy(advance(destination, mul(place, 4)), source, 4,
             select(valid, i32(4), i32(0)));
  }
}

/// An odd T: element by element.
void SkinnyKernel::emitCopyChannelElements(Value step, Value ids,
                                           Value destination) {
  int64_t tokens = kPieceTokens * schedule.tokenTiles();
  Value x = activations();
  auto loop = scf::ForOp::create(b, lane, i32(schedule.stepSlots() * tokens),
                                 i32(SkinnySchedule::kWarpSize));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  Value place = div(number, tokens), token = rem(number, tokens);
  auto [channel, valid] = emitChannel(step, ids, place, /*last=*/true);
  valid = both(valid, less(token, problem.numTokens));
  auto branch = scf::IfOp::create(b, TypeRange{b.getI16Type()}, valid,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value source =
        mul(add(mul(extend(channel), problem.numTokens), extend(token)), 2);
    scf::YieldOp::create(b, load(b.getI16Type(), advance(x, source), 2));
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(
        b, Value(arith::ConstantIntOp::create(b, b.getI16Type(), 0)));
  }
  Value target =
      advance(destination, emitActivationOffset(place, mul(token, 2)));
  LLVM::StoreOp::create(b, branch.getResult(0), target, /*alignment=*/2);
}

/// ldmatrix.x4.trans: lane l gives the address of row l of the k32 step;
/// matrix i, rows 8 i to 8 i + 7, becomes register b_i.
std::array<Value, 4> SkinnyKernel::emitGatheredFragment(Value slot,
                                                        int64_t stage,
                                                        int64_t half,
                                                        int64_t tile) {
  // The order of pieces is that of the lane's place in any k32 step.
  Value offset = emitActivationOffset(lane, i32(2 * kPieceTokens * tile));
  int64_t first = kStageSlots * stage + 32 * half;
  return emitLdMatrix(
      advance(advance(slot, offset), first * schedule.channelBytes()),
      NVVM::MMALayout::col);
}
