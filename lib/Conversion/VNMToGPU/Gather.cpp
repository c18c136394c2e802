// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the gather: activations of a panel's columns, and the tile's
// values, into a stage in shared memory. A window (Window.cpp) is filled
// likewise: its slots are neighbouring channels, and need no column ids.
//
// A thread takes a few slots that lie side by side, so that it needs one or two
// loads of column ids per stage, and of feature-major x the same piece of 8
// tokens of each; 2 to 32 threads copy a channel's tokens together.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// A dynamic T fills pieces where copies are taken.
int64_t SpmmKernel::copyWidth() const {
  if (ShapedType::isDynamic(problem.numTokens))
    return mma::kPieceBytes;
  return std::gcd(mma::kPieceBytes, schedule.elementBytes * problem.numTokens);
}

int64_t SpmmKernel::getSlotRow(int64_t slot) const {
  if (schedule.interleavesTokens)
    return mma::getByteRow(slot);
  return slot * gather.slotStride;
}

Value SpmmKernel::emitSlotRow(Value slot) {
  if (!schedule.interleavesTokens)
    return slot;
  Value row = bitOr(bitAnd(slot, ~int64_t(14)), shiftLeft(bitAnd(slot, 2), 2));
  return bitOr(row, shiftRight(bitAnd(slot, 12), 1));
}

/// Units of `elements` tokens: a channel's are shared out among neighbouring
/// threads.
void SpmmKernel::emitGatherMapOfTokens(GatherMap &result) {
  int64_t elements = result.mode == GatherMode::Copies
                         ? schedule.pieceElements()
                         : schedule.registerElements();
  int64_t units = schedule.tokenTile / elements;
  int64_t pieces = schedule.tokenTile / schedule.pieceElements();
  result.numSlots = schedule.stageRows() * units / schedule.numThreads();
  Value unit = rem(map.thread, units);
  Value token = mul(unit, elements);
  result.firstSlot = div(map.thread, units);
  result.slotStride = 1;
  if (schedule.window)
    result.slotStride = schedule.numThreads() / units;
  else
    result.firstSlot = mul(result.firstSlot, result.numSlots);
  result.token = add(map.token, extend(token));
  Value line = mul(mul(map.batch, problem.numCols), numTokens);
  if (stepsChannels())
    line = add(line, mul(extend(result.firstSlot), numTokens));
  result.source = advance(globalPointer(args.x),
                          mul(add(line, result.token), schedule.elementBytes));
  Value row = emitSlotRow(result.firstSlot);
  result.destination =
      add(mul(row, pieces * mma::kPieceBytes),
          bitXor(mul(token, schedule.elementBytes),
                 mul(emitSwizzle(row, pieces), mma::kPieceBytes)));
}

/// Slots of a strict pattern ascend, so that neighbouring threads, which take
/// neighbouring slots of one token, read neighbouring bytes.
void SpmmKernel::emitGatherMapOfSlots(GatherMap &result) {
  result.numSlots = schedule.registerElements();
  result.slotStride = 1;
  int64_t words = mma::kStageSlots / schedule.registerElements();
  int64_t pieces = mma::kStageSlots / schedule.pieceElements();
  Value word = rem(map.thread, words), row = div(map.thread, words);
  result.firstSlot = mul(word, schedule.registerElements());
  result.token = add(map.token, extend(row));
  Value line = add(mul(map.batch, numTokens), result.token);
  result.source = advance(globalPointer(args.x),
                          mul(line, schedule.elementBytes * problem.numCols));
  result.destination =
      add(mul(row, pieces * mma::kPieceBytes),
          bitXor(mul(word, mma::kRegisterBytes),
                 mul(emitSwizzle(row, pieces), mma::kPieceBytes)));
}

GatherMap SpmmKernel::emitGatherMap(GatherMode mode) {
  GatherMap result;
  result.mode = mode;
  if (mode == GatherMode::Slots)
    emitGatherMapOfSlots(result);
  else
    emitGatherMapOfTokens(result);
  emitGatherMapOfValues(result);
  return result;
}

/// Rows of values are aligned as far as G allows.
void SpmmKernel::emitGatherMapOfValues(GatherMap &result) {
  int64_t rowBytes = 2 * schedule.elementBytes * problem.numGroups;
  int64_t pieces = schedule.valuePieces();
  result.valueBytes = std::gcd(mma::kPieceBytes, rowBytes);
  result.valueRow = div(map.thread, pieces);
  result.valuePiece = rem(map.thread, pieces);
  Value row = extend(add(map.row, result.valueRow));
  Value offset =
      add(mul(row, rowBytes), extend(mul(result.valuePiece, mma::kPieceBytes)));
  result.valueSource = advance(globalPointer(args.values), offset);
  Value piece = bitXor(result.valuePiece, emitSwizzle(result.valueRow, pieces));
  result.valueDestination = add(add(mul(result.valueRow, schedule.valueBytes()),
                                    mul(piece, mma::kPieceBytes)),
                                schedule.channelBytes());
}

/// A panel's ids are aligned to a group's, or as far as G allows.
int64_t SpmmKernel::idsPerLoad() const {
  int64_t alignment = 4 * std::gcd(problem.numGroups, mma::kStageGroups);
  int64_t idBytes = problem.wideIds ? 4 : 2;
  return std::min({gather.numSlots, alignment, mma::kPieceBytes / idBytes});
}

SmallVector<Value> SpmmKernel::emitLoadIds(Value stage) {
  if (schedule.window)
    return emitWindowStart(stage);
  int64_t idBytes = problem.wideIds ? 4 : 2;
  int64_t count = idsPerLoad();
  Value panel = advance(globalPointer(args.columns),
                        mul(extend(map.panel), idBytes * problem.numSlots()));
  Value first = add(mul(minimum(stage, numStages() - 1), mma::kStageSlots),
                    gather.firstSlot);
  SmallVector<Value> words;
  for (int64_t slot = 0; slot < gather.numSlots; slot += count) {
    Value position = add(first, slot);
    if (raggedGroups())
      position = minimum(position, problem.numSlots() - count);
    Value place = advance(panel, extend(mul(position, idBytes)));
    int64_t bytes = count * idBytes;
    if (bytes <= 4) {
      words.push_back(load(b.getIntegerType(8 * bytes), place, bytes));
      continue;
    }
    auto type = VectorType::get({bytes / 4}, b.getI32Type());
    Value vector = load(type, place, bytes);
    for (int64_t i = 0; i < bytes / 4; ++i)
      words.push_back(
          vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i}));
  }
  return words;
}

/// Ids are unsigned: an i16 id may be above 32767. The sentinel is K; whatever
/// is not a channel is not read.
std::pair<Value, Value> SpmmKernel::emitChannel(ValueRange ids,
                                                int64_t position, Value stage) {
  if (schedule.window)
    return emitWindowChannel(ids, position, stage);
  Value id;
  if (problem.wideIds)
    id = ids[position];
  else if (gather.numSlots == 1)
    id = arith::ExtUIOp::create(b, b.getI32Type(), ids[position]);
  else if (position % 2)
    id = shiftRight(ids[position / 2], 16);
  else
    id = bitAnd(ids[position / 2], 0xFFFF);
  Value valid = less(id, problem.numCols);
  if (raggedGroups()) {
    Value slot =
        add(add(mul(stage, mma::kStageSlots), gather.firstSlot), position);
    valid = both(valid, less(slot, problem.numSlots()));
  }
  return {id, valid};
}

/// A window's channels are constants apart if T is static.
bool SpmmKernel::stepsChannels() const {
  return schedule.window != 0 && !ShapedType::isDynamic(problem.numTokens);
}

Value SpmmKernel::emitChannelSource(Value stage, Value id, int64_t position) {
  Value lineBytes = mul(numTokens, schedule.elementBytes);
  if (!stepsChannels())
    return advance(gather.source, mul(extend(id), lineBytes));
  Value first = extend(mul(stage, schedule.windowRows));
  return advance(advance(gather.source, mul(first, lineBytes)),
                 mul(lineBytes, getSlotRow(position)));
}

SmallVector<SpmmKernel::Copy>
SpmmKernel::makeGather(Value stage, ValueRange list, Value write) {
  SmallVector<Copy> copies;
  SmallVector<Value> ids(list);
  if (stagesMetadata())
    copies.push_back([=] { emitCopyMetadata(stage); });
  int64_t rowsAtOnce = schedule.numThreads() / schedule.valuePieces();
  for (int64_t row = 0; row < schedule.rowTile; row += rowsAtOnce)
    copies.push_back([=] { emitCopyValues(stage, write, row); });
  if (gather.mode != GatherMode::Copies) {
    addWords(stage, ids, write, copies);
    return copies;
  }
  for (int64_t i = 0; i < gather.numSlots; ++i)
    copies.push_back([=] { emitCopyChannel(stage, ids, write, i); });
  return copies;
}

/// T is a multiple of a copy's tokens, so a copy lies wholly before or wholly
/// behind T. What is not there is zero-filled by a copy of no bytes.
void SpmmKernel::emitCopyChannel(Value stage, ValueRange ids, Value write,
                                 int64_t position) {
  int64_t width = copyWidth();
  auto [id, valid] = emitChannel(ids, position, stage);
  int64_t elementBytes = schedule.elementBytes;
  Value source = emitChannelSource(stage, id, position);
  int64_t pieces = schedule.tokenTile / schedule.pieceElements();
  int64_t row = getSlotRow(position);
  Value address = bitXor(add(write, gather.destination),
                         mma::getSwizzle(row, pieces) * mma::kPieceBytes);
  Value destination =
      advance(sharedPointer(address), row * pieces * mma::kPieceBytes);
  bool ragged = raggedTokens();
  auto cache = width == mma::kPieceBytes ? NVVM::LoadCacheModifierKind::CG
                                         : NVVM::LoadCacheModifierKind::CA;
  for (int64_t byte = 0; byte < mma::kPieceBytes; byte += width) {
    Value exists = valid;
    if (ragged)
      exists =
          both(valid, less(add(gather.token, byte / elementBytes), numTokens));
    NVVM::CpAsyncOp::create(b, advance(destination, byte),
                            advance(source, byte), width, cache,
                            select(exists, i32(width), i32(0)));
  }
}

/// Pieces of the rows from `row` on, one per thread.
void SpmmKernel::emitCopyValues(Value stage, Value write, int64_t row) {
  OpBuilder::InsertionGuard guard(b);
  if (schedule.rowTile < schedule.numThreads() / schedule.valuePieces()) {
    auto branch = scf::IfOp::create(b, less(gather.valueRow, schedule.rowTile),
                                    /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  int64_t groupBytes = 2 * schedule.elementBytes;
  Value source =
      advance(gather.valueSource, i64(row * groupBytes * problem.numGroups));
  source = advance(source, extend(mul(stage, schedule.valueBytes())));
  Value destination =
      advance(sharedPointer(add(write, gather.valueDestination)),
              row * schedule.valueBytes());
  int64_t width = gather.valueBytes;
  auto cache = width == mma::kPieceBytes ? NVVM::LoadCacheModifierKind::CG
                                         : NVVM::LoadCacheModifierKind::CA;
  Value rowExists = emitRowExists(add(gather.valueRow, row));
  Value firstGroup = add(mul(stage, mma::kStageGroups),
                         mul(gather.valuePiece, mma::kPieceBytes / groupBytes));
  if (width < mma::kRegisterBytes)
    return emitMoveValues(source, destination, rowExists, firstGroup);
  for (int64_t byte = 0; byte < mma::kPieceBytes; byte += width) {
    Value exists = rowExists;
    if (raggedGroups())
      exists = both(
          exists, less(add(firstGroup, byte / groupBytes), problem.numGroups));
    NVVM::CpAsyncOp::create(b, advance(destination, byte),
                            advance(source, byte), width, cache,
                            select(exists, i32(width), i32(0)));
  }
}
