// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the activations of the skinny kernel. Either a warp gathers
// the channels of its steps, or the CTA brings all of x to shared memory and
// fragments are put together from single elements there.
//
// Ids lie in shared memory in the instruction's order of groups
// (wgmma::getInstructionGroup), and so do gathered channels: the places of a
// step are the rows of the instruction's B operand.

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

/// Tokens of the 16 bytes that shared memory's banks deliver at a time.
static constexpr int64_t kPieceTokens = 8;

/// x of the CTA's batch entry.
Value SkinnyKernel::activations() {
  Value entry = mul(extend(batch), 2 * problem.numCols * problem.numTokens);
  return advance(globalPointer(args.x), entry);
}

//===----------------------------------------------------------------------===//
// Ids
//===----------------------------------------------------------------------===//

/// A group's four ids are a copy. Ids of groups past G are not read.
void SkinnyKernel::emitCopyIds(Value step, Value slot) {
  int64_t bytes = 4 * schedule.idBytes;
  Value source = advance(globalPointer(args.columns),
                         mul(add(mul(extend(panel), problem.numGroups),
                                 extend(mul(step, schedule.stepGroups()))),
                             bytes));
  emitShare(schedule.stepGroups(), [&](Value number) {
    Value valid;
    if (problem.numGroups % schedule.stepGroups() != 0)
      valid = select(less(add(mul(step, schedule.stepGroups()), number),
                          problem.numGroups),
                     i32(bytes), i32(0));
    // getInstructionGroup, of the group within its stage.
    Value group = rem(number, wgmma::kStageGroups);
    Value place = bitOr(bitOr(mul(bitAnd(shiftRight(group, 1), 1), 8),
                              mul(bitAnd(group, 1), 4)),
                        shiftRight(group, 2));
    place = add(sub(number, group), place);
    emitCopy(advance(slot, mul(place, bytes)),
             advance(source, mul(number, bytes)), bytes, valid);
  });
}

/// The inverse of getInstructionGroup, compared with G.
Value SkinnyKernel::emitGroupExists(Value step, Value place) {
  if (problem.numGroups % schedule.stepGroups() == 0)
    return isTrue();
  Value number = div(place, 4);
  Value group = rem(number, wgmma::kStageGroups);
  Value stored =
      bitOr(bitOr(mul(bitAnd(group, 3), 4), mul(shiftRight(group, 3), 2)),
            bitAnd(shiftRight(group, 2), 1));
  stored = add(sub(number, group), stored);
  return less(add(mul(step, schedule.stepGroups()), stored), problem.numGroups);
}

/// The sentinel is K; whatever is not a channel is not read.
std::pair<Value, Value> SkinnyKernel::emitChannel(Value step, Value ids,
                                                  Value place) {
  Value id = load(b.getIntegerType(8 * schedule.idBytes),
                  advance(ids, mul(place, schedule.idBytes)), schedule.idBytes);
  if (!problem.wideIds)
    id = arith::ExtUIOp::create(b, b.getI32Type(), id);
  return {id, both(less(id, problem.numCols), emitGroupExists(step, place))};
}

//===----------------------------------------------------------------------===//
// Gathered activations
//===----------------------------------------------------------------------===//

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

void SkinnyKernel::emitCopyActivations(Value step, Value ids,
                                       Value destination) {
  if (problem.numTokens % 2 == 0)
    emitCopyChannelPieces(step, ids, destination);
  else
    emitCopyChannelElements(step, ids, destination);
}

/// Asynchronous copies of 4, 8 or 16 bytes, as channels are aligned. Channels
/// that do not exist and tokens past T are zero.
void SkinnyKernel::emitCopyChannelPieces(Value step, Value ids,
                                         Value destination) {
  int64_t tokens = std::gcd(problem.numTokens, kPieceTokens);
  int64_t bytes = 2 * tokens;
  int64_t pieces = kPieceTokens * schedule.tokenTiles() / tokens;
  Value x = activations();
  emitShare(schedule.stepSlots() * pieces, [&](Value number) {
    Value place = div(number, pieces);
    Value byte = mul(rem(number, pieces), bytes);
    auto [channel, valid] = emitChannel(step, ids, place);
    if (problem.numTokens % kPieceTokens != 0)
      valid = both(valid, less(byte, 2 * problem.numTokens));
    Value source =
        add(mul(extend(channel), 2 * problem.numTokens), extend(byte));
    emitCopy(advance(destination, emitActivationOffset(place, byte)),
             advance(x, source), bytes, select(valid, i32(bytes), i32(0)));
  });
}

/// An odd T: element by element.
void SkinnyKernel::emitCopyChannelElements(Value step, Value ids,
                                           Value destination) {
  int64_t tokens = kPieceTokens * schedule.tokenTiles();
  Value x = activations();
  auto loop =
      scf::ForOp::create(b, lane, i32(schedule.stepSlots() * tokens), i32(32));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  Value place = div(number, tokens), token = rem(number, tokens);
  auto [channel, valid] = emitChannel(step, ids, place);
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
  Value place = add(lane, wgmma::kStageSlots * stage + 32 * half);
  Value address =
      advance(slot, emitActivationOffset(place, i32(2 * kPieceTokens * tile)));
  MLIRContext *context = b.getContext();
  auto type = LLVM::LLVMStructType::getLiteral(
      context, SmallVector<Type>(4, b.getI32Type()));
  Value matrices = NVVM::LdMatrixOp::create(
      b, type, address, /*num=*/4, NVVM::MMALayout::col,
      NVVM::LdStMatrixShapeAttr::get(context, 8, 8),
      NVVM::LdStMatrixEltType::B16);
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers[i] =
        toMmaRegister(b, LLVM::ExtractValueOp::create(b, matrices, i),
                      problem.element.isBF16());
  return registers;
}

//===----------------------------------------------------------------------===//
// Resident activations
//===----------------------------------------------------------------------===//

/// Copies x by lines: tokens if it is token-major, else all of it. A line's
/// end, channel K, is zero.
void SkinnyKernel::emitLoadResident() {
  int64_t lines = schedule.xTokenMajor ? problem.numTokens : 1;
  int64_t elements =
      problem.numCols * (schedule.xTokenMajor ? 1 : problem.numTokens);
  // Elements of a piece; in a batch, entries begin at multiples of it.
  int64_t width = std::gcd<int64_t>(elements, kPieceTokens);
  int64_t pieces = elements / width;
  Value x = activations();
  auto type = VectorType::get({width}, b.getI16Type());
  {
    auto loop = scf::ForOp::create(b, thread, i32(lines * pieces),
                                   i32(schedule.numThreads()));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar();
    Value line = div(number, pieces), piece = rem(number, pieces);
    Value data =
        load(type, advance(x, mul(extend(number), 2 * width)), 2 * width);
    Value place =
        add(mul(line, 2 * schedule.tokenStride()), mul(piece, 2 * width));
    LLVM::StoreOp::create(b, data, advance(shared, place), 2 * width);
  }
  auto first = scf::IfOp::create(b, less(thread, problem.numTokens),
                                 /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(first.thenBlock());
  Value end = add(mul(thread, 2 * schedule.tokenStride()),
                  2 * problem.numCols * schedule.channelStride());
  Value zero = arith::ConstantIntOp::create(b, b.getI16Type(), 0);
  LLVM::StoreOp::create(b, zero, advance(shared, end), /*alignment=*/2);
}

std::array<Value, 2> SkinnyKernel::emitChannelOffsets(Value step, Value ids,
                                                      Value place) {
  auto type = VectorType::get({schedule.idBytes / 2}, b.getI32Type());
  Value words = load(type, advance(ids, mul(place, schedule.idBytes)),
                     2 * schedule.idBytes);
  std::array<Value, 2> offsets;
  Value first = vector::ExtractOp::create(b, words, ArrayRef<int64_t>{0});
  if (problem.wideIds)
    offsets = {first,
               vector::ExtractOp::create(b, words, ArrayRef<int64_t>{1})};
  else
    offsets = {bitAnd(first, 0xFFFF), shiftRight(first, 16)};
  Value exists = emitGroupExists(step, place);
  for (Value &offset : offsets) {
    // Also the sentinel is K.
    offset = minimum(offset, i32(problem.numCols));
    if (problem.numGroups % schedule.stepGroups() != 0)
      offset = select(exists, offset, i32(problem.numCols));
    offset = mul(offset, 2 * schedule.channelStride());
  }
  return offsets;
}

/// Register b_i holds rows 8 i + 2 q and the next of token g. Lanes of tokens
/// past T compute the last token again.
std::array<Value, 4> SkinnyKernel::emitResidentFragment(Value step, Value ids,
                                                        int64_t stage,
                                                        int64_t half,
                                                        int64_t tile) {
  Value token =
      minimum(add(quadRow, kPieceTokens * tile), i32(problem.numTokens - 1));
  Value x = advance(shared, mul(token, 2 * schedule.tokenStride()));
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i) {
    Value place =
        add(mul(quadLane, 2), wgmma::kStageSlots * stage + 32 * half + 8 * i);
    std::array<Value, 2> offsets = emitChannelOffsets(step, ids, place);
    Value elements[2];
    for (auto [element, offset] : llvm::zip_equal(elements, offsets)) {
      element = load(b.getI16Type(), advance(x, offset), 2);
      element = arith::ExtUIOp::create(b, b.getI32Type(), element);
    }
    registers[i] =
        toMmaRegister(b, bitOr(elements[0], shiftLeft(elements[1], 16)),
                      problem.element.isBF16());
  }
  return registers;
}

std::array<Value, 4>
SkinnyKernel::emitActivationFragment(Value step, Value number, int64_t stage,
                                     int64_t half, int64_t tile) {
  if (schedule.residentX)
    return emitResidentFragment(step, emitIdSlot(number), stage, half, tile);
  return emitGatheredFragment(emitActivationSlot(number), stage, half, tile);
}
