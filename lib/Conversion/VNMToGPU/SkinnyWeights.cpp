// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the weights of the skinny kernel: copies from the canonical
// storage to a warp's ring, and register fragments from there. The order of
// storage is the instruction's (Fragments.cpp), so ldmatrix delivers values.
//
// Rows of any size are copied in aligned 16-byte pieces. Where rows are not
// multiples of that, a row begins within its first piece, at a shift; loads
// from shared memory, which need only the alignment of the data, make up for
// it. Nothing is read past the end of a row, so zeros follow it.

#include "SkinnyKernel.h"

#include "Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace vnm;

/// Bytes of a row's values, and of its metadata, in a stage.
static constexpr int64_t kStageValueBytes = 4 * kStageGroups;
static constexpr int64_t kStageMetadataBytes = kStageGroups / 2;

Value SkinnyKernel::emitTileRow(Value tileRow) {
  Value result = add(row, tileRow);
  if (problem.numRows % schedule.rowTile != 0)
    result = minimum(result, i32(problem.numRows - 1));
  return result;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void SkinnyKernel::emitCopyWeights(Value step, Value slot, bool last) {
  StepRows values = {args.values, 4 * problem.numGroups,
                     4 * schedule.stepGroups(), schedule.valuePieces()};
  StepRows metadata = {args.metadata, 2 * problem.numWords(),
                       schedule.stepGroups() / 2, schedule.metadataPieces()};
  emitCopyRows(values, step, slot, last);
  emitCopyRows(metadata, step, advance(slot, schedule.metadataOffset()), last);
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
  // Unless the step is the row's last, only pieces that are not full of the
  // step's bytes can lie behind the row's end.
  bool full = first + count <= rows.stepBytes / pieces.pieceBytes &&
              (first == 0 || !pieces.shifted) &&
              rows.stepBytes % pieces.pieceBytes == 0;
  bool bounded = last || (pieces.shifted && !full);
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
    Value source, valid;
    int64_t alignment = tileRow * rows.rowBytes % pieces.pieceBytes;
    auto found = known.find(alignment);
    if (found != known.end() && !ragged && !bounded) {
      auto [other, pointer] = found->second;
      source = advance(pointer, (tileRow - other) * rows.rowBytes);
    } else {
      Value begin = mul(extend(emitTileRow(number)), rows.rowBytes);
      Value offset = emitPieceOffset(rows, begin, step, place);
      source = advance(globalPointer(rows.buffer), offset);
      known[alignment] = {tileRow, source};
      if (bounded)
        valid = emitValidBytes(add(begin, rows.rowBytes), offset,
                               pieces.pieceBytes);
    }
    emitCopy(advance(slot, add(mul(number, pieces.pitch), place)), source,
             pieces.pieceBytes, valid);
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

/// How many of the `bytes` at `offset` lie before `end`.
Value SkinnyKernel::emitValidBytes(Value end, Value offset, int64_t bytes) {
  Value left = sub(end, offset);
  left = b.createOrFold<arith::MaxSIOp>(left, i64(0));
  left = b.createOrFold<arith::MinSIOp>(left, i64(bytes));
  return b.createOrFold<arith::TruncIOp>(b.getI32Type(), left);
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
  bool isBF16 = problem.element.isBF16();
  std::array<std::array<Value, 4>, 2> registers;
  for (int64_t step = 0; step < 2; ++step) {
    int64_t bytes = stage * kStageValueBytes + 32 * step;
    if (!pieces.shifted) {
      // Matrices 0 to 3: rows 0 to 7 and 8 to 15 of the first 8 values, then
      // of the next.
      Value place =
          add(mul(rem(lane, 16), pieces.pitch), mul(div(lane, 16), 16));
      Value address =
          advance(advance(slot, place), 16 * tile * pieces.pitch + bytes);
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
          toMmaRegister(b, load(b.getI32Type(), address, 4), isBF16);
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
  RowPieces pieces = schedule.metadataPieces();
  Value halves[2];
  for (int64_t high = 0; high < 2; ++high) {
    int64_t firstRow = 16 * tile + 8 * high;
    Value place = add(mul(quadRow, pieces.pitch), mul(quadLane, 2));
    if (pieces.shifted)
      place =
          add(place, emitShift(add(quadRow, firstRow), 2 * problem.numWords(),
                               pieces, mul(step, schedule.stepGroups() / 2)));
    Value address =
        advance(advance(slot, place), schedule.metadataOffset() +
                                          firstRow * pieces.pitch +
                                          stage * kStageMetadataBytes);
    halves[high] = arith::ExtUIOp::create(b, b.getI32Type(),
                                          load(b.getI16Type(), address, 2));
  }
  Value both = bitOr(halves[0], shiftLeft(halves[1], 16));
  if (problem.numWords() % (schedule.stepGroups() / 4) == 0)
    return both;
  return bitOr(both, emitMetadataFill(step, stage));
}
