// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the weights of the skinny kernel: copies from memory to a
// warp's ring, and register fragments from there. The order of the canonical
// storage is the instruction's (Fragments.cpp), so ldmatrix delivers values;
// weights that are stored as fragments are copied and loaded as they are.
//
// Canonical rows of any size are copied in aligned 16-byte pieces. Where rows
// are not multiples of that, a row begins within its first piece, at a shift;
// loads from shared memory, which need only the alignment of the data, make up
// for it. Nothing is read past the end of a row, so zeros follow it.

#include "SkinnyKernel.h"

#include "Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "vnm/Sparsity/Fragments.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace vnm;

/// Bytes of a row's values, and of its metadata, in a stage.
static constexpr int64_t kRowValueBytes = 4 * kStageGroups;
static constexpr int64_t kRowMetadataBytes = kStageGroups / 2;

Value SkinnyKernel::emitTileRow(Value tileRow) {
  Value result = add(row, tileRow);
  if (problem.numRows % schedule.rowTile != 0)
    result = minimum(result, i32(problem.numRows - 1));
  return result;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// The record, in the order of fragments, of stage `stage` of a step and of
/// block `tile` of the CTA's tile: i64; and whether it exists, if `last` says
/// that it may not. Blocks past R are the last, as their sums are not stored.
std::pair<Value, Value> SkinnyKernel::emitRecord(Value step, Value tile,
                                                 Value stage, bool last) {
  int64_t numStages = problem.numGroups / kStageGroups;
  Value block = add(div(row, sparsity::kBlockRows), tile);
  if (problem.numRows % schedule.rowTile != 0)
    block = minimum(
        block,
        i32(llvm::divideCeil(problem.numRows, sparsity::kBlockRows) - 1));
  stage = add(mul(step, schedule.stagesPerStep), stage);
  Value exists;
  if (last) {
    exists = less(stage, numStages);
    stage = minimum(stage, i32(numStages - 1));
  }
  return {extend(add(mul(block, numStages), stage)), exists};
}

/// Records of `size` bytes of a step, from `buffer` to `destination`, where
/// those of a block follow one another. Records past the last stage are zero if
/// `clears`, else the last one again: metadata that are legal for zeros.
void SkinnyKernel::emitCopyRecords(Value buffer, Value destination, Value step,
                                   int64_t size, bool last, bool clears) {
  constexpr int64_t kPieceBytes = 16;
  int64_t numStages = problem.numGroups / kStageGroups;
  int64_t pieces = size / kPieceBytes, warp = SkinnySchedule::kWarpSize;
  int64_t count = schedule.rowTiles() * schedule.stagesPerStep * pieces;
  bool ragged = last || problem.numRows % schedule.rowTile != 0;
  Value first;
  for (int64_t number = 0; number < count; number += warp) {
    OpBuilder::InsertionGuard guard(b);
    if (number + warp > count) {
      auto branch = scf::IfOp::create(b, less(lane, count - number),
                                      /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    // Lanes differ in the piece, and, of small records, in the record.
    int64_t known = number / pieces;
    Value record = pieces < warp ? add(div(lane, pieces), known) : i32(known);
    Value piece = add(rem(lane, pieces), number % pieces);
    Value tile = div(record, schedule.stagesPerStep);
    Value stage = rem(record, schedule.stagesPerStep);
    Value source, bytes;
    bool isAffine = pieces >= warp && !ragged;
    if (isAffine && first) {
      int64_t distance = known / schedule.stagesPerStep * numStages +
                         known % schedule.stagesPerStep;
      source = advance(first, distance * size + number % pieces * kPieceBytes);
    } else {
      auto [place, exists] = emitRecord(step, tile, stage, last);
      source = advance(globalPointer(buffer),
                       add(mul(place, size), extend(mul(piece, kPieceBytes))));
      if (exists && clears)
        bytes = select(exists, i32(kPieceBytes), i32(0));
      first = source;
    }
    emitCopy(advance(advance(destination, mul(lane, kPieceBytes)),
                     number * kPieceBytes),
             source, kPieceBytes, bytes);
  }
}

void SkinnyKernel::emitCopyWeights(Value step, Value slot, bool last) {
  if (problem.fragments) {
    emitCopyRecords(args.values, slot, step, sparsity::kStageValueBytes, last,
                    /*clears=*/true);
    return emitCopyRecords(
        args.metadata, advance(slot, schedule.metadataOffset()), step,
        sparsity::kStageMetadataBytes, last, /*clears=*/false);
  }
  StepRows values = {args.values,
                     4 * problem.numGroups,
                     4 * schedule.stepGroups(),
                     schedule.valuePieces(),
                     /*permuted=*/!schedule.valuePieces().shifted,
                     /*unit=*/schedule.valuePieces().shifted
                         ? 4
                         : schedule.valuePieces().pieceBytes};
  StepRows metadata = {args.metadata,
                       2 * problem.numWords(),
                       schedule.stepGroups() / 2,
                       schedule.metadataPieces(),
                       /*permuted=*/false,
                       /*unit=*/schedule.metadataPieces().shifted
                           ? 2
                           : schedule.metadataPieces().pieceBytes};
  emitCopyRows(values, step, slot, last);
  if (!schedule.residentMetadata)
    emitCopyRows(metadata, step, advance(slot, schedule.metadataOffset()),
                 last);
}

/// The rows of a tile, 16 or more, follow one another in memory and begin at a
/// multiple of 16 bytes. Rows past R are not read.
void SkinnyKernel::emitCopyMetadata() {
  constexpr int64_t kPieceBytes = 16;
  int64_t rowBytes = 2 * problem.numWords();
  int64_t pieces = schedule.rowTile * rowBytes / kPieceBytes;
  bool ragged = problem.numRows % schedule.rowTile != 0;
  Value start = mul(extend(row), rowBytes);
  Value source = advance(globalPointer(args.metadata), start);
  Value target = advance(shared, schedule.residentXBytes());
  auto loop =
      scf::ForOp::create(b, thread, i32(pieces), i32(schedule.numThreads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value piece = loop.getInductionVar(), byte = mul(piece, kPieceBytes);
  Value place = byte;
  if (schedule.spreadsMetadata())
    place = add(byte, mul(div(byte, rowBytes), kPieceBytes));
  target = advance(target, place);
  source = advance(source, extend(byte));
  if (!ragged) {
    emitCopy(target, source, kPieceBytes, Value());
    return;
  }
  Value left = sub(i64(problem.numRows * rowBytes), add(start, extend(byte)));
  Value whole = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, left,
                                      i64(kPieceBytes));
  auto branch = scf::IfOp::create(b, whole, /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  emitCopy(target, source, kPieceBytes, Value());
  b.setInsertionPointToStart(branch.elseBlock());
  emitCopyUpTo(left, target, source, kPieceBytes, /*unit=*/2);
}

/// A power of two of pieces per row is shared so that every lane has pieces at
/// the same place of rows that are a fixed number apart; of what may remain,
/// one piece per row, every lane takes whole rows.
void SkinnyKernel::emitCopyRows(const StepRows &rows, Value step, Value slot,
                                bool last) {
  int64_t most = llvm::bit_floor(uint64_t(rows.pieces.numPieces));
  emitCopyPieces(rows, step, slot, last, /*first=*/0, most);
  if (most < rows.pieces.numPieces)
    emitCopyPieces(rows, step, slot, last, most, /*count=*/1);
}

void SkinnyKernel::emitCopyPieces(const StepRows &rows, Value step, Value slot,
                                  bool last, int64_t first, int64_t count) {
  const RowPieces &pieces = rows.pieces;
  int64_t rowsAtOnce = SkinnySchedule::kWarpSize / count;
  Value place = mul(add(rem(lane, count), first), pieces.pieceBytes);
  Value laneRow = div(lane, count);
  bool ragged = problem.numRows % schedule.rowTile != 0;
  // By the alignment of a lane's rows: a row, and where its piece begins.
  DenseMap<int64_t, std::pair<int64_t, Value>> known;
  for (int64_t tileRow = 0; tileRow < schedule.rowTile; tileRow += rowsAtOnce) {
    OpBuilder::InsertionGuard guard(b);
    if (rowsAtOnce > schedule.rowTile) {
      auto branch = scf::IfOp::create(b, less(laneRow, schedule.rowTile),
                                      /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    Value number = add(laneRow, tileRow);
    Value source, left;
    int64_t alignment = tileRow * rows.rowBytes % pieces.pieceBytes;
    auto found = known.find(alignment);
    if (found != known.end() && !ragged && !last) {
      auto [other, pointer] = found->second;
      source = advance(pointer, (tileRow - other) * rows.rowBytes);
    } else {
      Value begin = mul(extend(emitTileRow(number)), rows.rowBytes);
      Value offset = emitPieceOffset(rows, begin, step, place);
      source = advance(globalPointer(rows.buffer), offset);
      known[alignment] = {tileRow, source};
      if (last)
        left = sub(add(begin, rows.rowBytes), offset);
    }
    Value target = rows.permuted ? emitValuePlace(number, place) : place;
    target = advance(slot, add(mul(number, pieces.pitch), target));
    if (last)
      emitCopyUpTo(left, target, source, pieces.pieceBytes, rows.unit);
    else
      emitCopy(target, source, pieces.pieceBytes, Value());
  }
}

/// Byte of the buffer at which the piece at `place` of a step begins, in a row
/// that begins at byte `begin`. What does not depend on the step comes first.
Value SkinnyKernel::emitPieceOffset(const StepRows &rows, Value begin,
                                    Value step, Value place) {
  Value stepOffset = extend(mul(step, rows.stepBytes));
  if (!rows.pieces.shifted)
    return add(add(begin, extend(place)), stepOffset);
  int64_t mask = -rows.pieces.pieceBytes;
  if (rows.stepBytes % rows.pieces.pieceBytes == 0)
    return add(add(bitAnd(begin, mask), extend(place)), stepOffset);
  return add(bitAnd(add(begin, stepOffset), mask), extend(place));
}

/// Of 8 rows that follow one another, pieces of one number lie in 8 different
/// 16-byte parts of the banks' 128: ldmatrix reads them at once.
Value SkinnyKernel::emitValuePlace(Value tileRow, Value place) {
  bool narrow = schedule.stagesPerStep == 1;
  Value key = narrow ? bitAnd(shiftRight(tileRow, 1), 3) : bitAnd(tileRow, 7);
  return bitXor(place, mul(key, 16));
}

/// Copies whole units that lie before the end, as sizes of copies other than
/// all or nothing need not be heeded by what reads; the rest is zero. Units of
/// 2 bytes, which no copy can have, are loaded and stored.
void SkinnyKernel::emitCopyUpTo(Value left, Value destination, Value source,
                                int64_t bytes, int64_t unit) {
  for (int64_t byte = 0; byte < bytes; byte += unit) {
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, left, i64(byte));
    Value from = advance(source, byte), to = advance(destination, byte);
    if (unit >= 4) {
      emitCopy(to, from, unit, select(exists, i32(unit), i32(0)));
      continue;
    }
    auto branch = scf::IfOp::create(b, TypeRange{b.getI16Type()}, exists,
                                    /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      scf::YieldOp::create(b, load(b.getI16Type(), from, 2));
      b.setInsertionPointToStart(branch.elseBlock());
      scf::YieldOp::create(
          b, Value(arith::ConstantIntOp::create(b, b.getI16Type(), 0)));
    }
    LLVM::StoreOp::create(b, branch.getResult(0), to, /*alignment=*/2);
  }
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

Value SkinnyKernel::emitShift(Value tileRow, int64_t rowBytes,
                              const RowPieces &pieces, Value stepOffset) {
  // Rows of a tile that are 8 apart have the same shift, as the alignment of
  // rows is 2 bytes or more; those past R have the last one's.
  bool ragged = problem.numRows % schedule.rowTile != 0;
  Value stored = ragged ? emitTileRow(tileRow) : quadRow;
  Value begin = mul(stored, rowBytes % pieces.pieceBytes);
  return bitAnd(add(begin, stepOffset), pieces.pieceBytes - 1);
}

std::array<std::array<Value, 4>, 2>
SkinnyKernel::emitWeightFragment(Value slot, int64_t stage, int64_t tile) {
  RowPieces pieces = schedule.valuePieces();
  std::array<std::array<Value, 4>, 2> registers;
  for (int64_t step = 0; step < 2; ++step) {
    if (problem.fragments) {
      int64_t slotStage = tile * schedule.stagesPerStep + stage;
      Value address = advance(advance(slot, mul(lane, 16)),
                              slotStage * sparsity::kStageValueBytes +
                                  step * sparsity::kStepValueBytes);
      Value words = load(VectorType::get({4}, b.getI32Type()), address, 16);
      for (int64_t i = 0; i < 4; ++i)
        registers[step][i] = toMmaRegister(
            b, vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}),
            problem.element);
      continue;
    }
    int64_t bytes = stage * kRowValueBytes + 32 * step;
    if (!pieces.shifted) {
      // Matrices 0 to 3: rows 0 to 7 and 8 to 15 of the first 8 values, then
      // of the next.
      Value row = rem(lane, 16);
      Value place = emitValuePlace(row, mul(div(lane, 16), 16));
      place = bitXor(place, i32(bytes));
      Value address = advance(advance(slot, add(mul(row, pieces.pitch), place)),
                              16 * tile * pieces.pitch);
      registers[step] = emitLdMatrix(address, NVVM::MMALayout::row);
      continue;
    }
    // Groups 8 step + q and, in registers 2 and 3, four on.
    for (int64_t index = 0; index < 4; ++index) {
      int64_t firstRow = 16 * tile + index % 2 * 8;
      Value shift = emitShift(add(quadRow, firstRow), 4 * problem.numGroups,
                              pieces, i32(0));
      Value place =
          add(add(mul(quadRow, pieces.pitch), mul(quadLane, 4)), shift);
      Value address = advance(advance(slot, place),
                              firstRow * pieces.pitch + bytes + index / 2 * 16);
      registers[step][index] =
          toMmaRegister(b, load(b.getI32Type(), address, 4), problem.element);
    }
  }
  return registers;
}

Value SkinnyKernel::emitMetadataFill(Value step, int64_t stage) {
  constexpr int64_t kStageWords = kStageGroups / 4;
  Value word = add(add(mul(step, schedule.stepGroups() / 4), quadLane),
                   i32(stage * kStageWords));
  Value fill = i32(kUnusedWord << 16 | kUnusedWord);
  return select(less(word, problem.numWords()), i32(0), fill);
}

/// Word q of the stage, of rows g and, in the high half, g + 8: selector 0
/// reads lanes q = 0, 1, whose words belong to the first k32 step, selector 1
/// lanes q = 2, 3.
Value SkinnyKernel::emitMetadataFragment(Value step, Value slot, int64_t stage,
                                         int64_t tile) {
  if (problem.fragments)
    return load(b.getI32Type(),
                advance(advance(slot, mul(lane, 4)),
                        schedule.metadataOffset() +
                            (tile * schedule.stagesPerStep + stage) *
                                sparsity::kStageMetadataBytes),
                4);
  RowPieces pieces = schedule.metadataPieces();
  bool ragged = problem.numWords() % (schedule.stepGroups() / 4) != 0;
  Value halves[2];
  for (int64_t high = 0; high < 2; ++high) {
    int64_t firstRow = 16 * tile + 8 * high;
    Value tileRow = add(quadRow, firstRow);
    if (schedule.residentMetadata) {
      // Values past the last word are zero: any word will do for them.
      Value word = add(add(mul(step, schedule.stepGroups() / 4), quadLane),
                       i32(stage * kStageGroups / 4));
      if (ragged)
        word = minimum(word, i32(problem.numWords() - 1));
      if (problem.numRows % schedule.rowTile != 0)
        tileRow = sub(emitTileRow(tileRow), row);
      Value place = add(mul(tileRow, schedule.metadataPitch()), mul(word, 2));
      Value address = advance(shared, add(place, schedule.residentXBytes()));
      halves[high] = arith::ExtUIOp::create(b, b.getI32Type(),
                                            load(b.getI16Type(), address, 2));
      continue;
    }
    Value place = add(mul(quadRow, pieces.pitch), mul(quadLane, 2));
    if (pieces.shifted)
      place =
          add(place, emitShift(add(quadRow, firstRow), 2 * problem.numWords(),
                               pieces, mul(step, schedule.stepGroups() / 2)));
    Value address =
        advance(advance(slot, place), schedule.metadataOffset() +
                                          firstRow * pieces.pitch +
                                          stage * kRowMetadataBytes);
    halves[high] = arith::ExtUIOp::create(b, b.getI32Type(),
                                          load(b.getI16Type(), address, 2));
  }
  Value both = bitOr(halves[0], shiftLeft(halves[1], 16));
  if (!ragged || schedule.residentMetadata)
    return both;
  return bitOr(both, emitMetadataFill(step, stage));
}
