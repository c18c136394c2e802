// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the weights of the skinny kernel: copies from the canonical
// storage to a warp's ring, and register fragments from there;
// wgmma::getInstructionGroup says why a lane's registers lie side by side.
//
// Rows of any size are copied in aligned 16-byte pieces. Where rows are not
// multiples of that, a row begins within its first piece, at a shift; loads
// from shared memory, which need only the alignment of the data, make up for
// it. Nothing is read past the end of a row, so zeros follow it.

#include "SkinnyKernel.h"

#include "Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Bytes of a row's values, and of its metadata, in a stage.
static constexpr int64_t kStageValueBytes = 4 * wgmma::kStageGroups;
static constexpr int64_t kStageMetadataBytes = wgmma::kStageGroups / 2;
/// Where steps of a row are multiples of 128 bytes, odd rows have the halves of
/// 128 bytes exchanged, so that 8 lanes that read two rows meet all banks.
static constexpr int64_t kHalfLine = 64;

static bool isSwizzled(const SkinnySchedule &schedule) {
  return schedule.stagesPerStep > 1 && !schedule.valuePieces().shifted;
}

Value SkinnyKernel::emitTileRow(Value tileRow) {
  Value result = add(row, tileRow);
  if (problem.numRows % schedule.rowTile != 0)
    result = minimum(result, i32(problem.numRows - 1));
  return result;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void SkinnyKernel::emitCopyWeights(Value step, Value slot) {
  emitCopyRows(args.values, 4 * problem.numGroups, schedule.valuePieces(),
               4 * schedule.stepGroups(), step, slot, isSwizzled(schedule));
  emitCopyRows(args.metadata, 2 * problem.numWords(), schedule.metadataPieces(),
               schedule.stepGroups() / 2, step,
               advance(slot, schedule.metadataOffset()), /*swizzled=*/false);
}

/// Of each row of the tile, the bytes of step `step`, `stepBytes` of a row's
/// `rowBytes`, to `slot`.
void SkinnyKernel::emitCopyRows(Value buffer, int64_t rowBytes,
                                const RowPieces &pieces, int64_t stepBytes,
                                Value step, Value slot, bool swizzled) {
  Value first = globalPointer(buffer);
  bool ragged = rowBytes % stepBytes != 0;
  emitShare(schedule.rowTile * pieces.numPieces, [&](Value number) {
    Value tileRow = div(number, pieces.numPieces);
    Value place = mul(rem(number, pieces.numPieces), pieces.pieceBytes);
    Value begin = mul(extend(emitTileRow(tileRow)), rowBytes);
    Value offset = add(begin, extend(mul(step, stepBytes)));
    if (pieces.shifted)
      offset = bitAnd(offset, -pieces.pieceBytes);
    offset = add(offset, extend(place));
    Value valid;
    if (ragged || pieces.shifted) {
      // The last pieces of a row may lie wholly behind its end.
      Value left = sub(add(begin, rowBytes), offset);
      left = b.createOrFold<arith::MaxSIOp>(left, i64(0));
      left = b.createOrFold<arith::MinSIOp>(left, i64(pieces.pieceBytes));
      valid = b.createOrFold<arith::TruncIOp>(b.getI32Type(), left);
    }
    if (swizzled)
      place = bitXor(place, mul(bitAnd(tileRow, 1), kHalfLine));
    emitCopy(advance(slot, add(mul(tileRow, pieces.pitch()), place)),
             advance(first, offset), pieces.pieceBytes, valid);
  });
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
  int64_t rowBytes = 4 * problem.numGroups;
  int64_t width = std::gcd<int64_t>(4, problem.numGroups);
  bool isBF16 = problem.element.isBF16();
  std::array<std::array<Value, 4>, 2> registers;
  for (int64_t high = 0; high < 2; ++high) {
    Value tileRow = add(quadRow, 16 * tile + 8 * high);
    Value place = mul(quadLane, 16);
    int64_t stageBytes = stage * kStageValueBytes;
    if (isSwizzled(schedule)) {
      Value odd = mul(bitAnd(quadRow, 1), kHalfLine);
      place = add(place, bitXor(odd, i32(stageBytes % (2 * kHalfLine))));
      stageBytes -= stageBytes % (2 * kHalfLine);
    }
    place = add(place, stageBytes);
    // Steps begin at multiples of 16 bytes of a row.
    if (pieces.shifted)
      place = add(place, emitShift(tileRow, rowBytes, pieces, i32(0)));
    Value address = advance(slot, add(mul(tileRow, pieces.pitch()), place));
    for (int64_t word = 0; word < 4; word += width) {
      Value words = load(VectorType::get({width}, b.getI32Type()),
                         advance(address, 4 * word), 4 * width);
      for (int64_t i = 0; i < width; ++i) {
        Value bits = vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i});
        int64_t step = (word + i) / 2, half = (word + i) % 2;
        registers[step][2 * half + high] = toMmaRegister(b, bits, isBF16);
      }
    }
  }
  return registers;
}

Value SkinnyKernel::emitMetadataFill(Value step, int64_t stage) {
  constexpr int64_t kStageWords = wgmma::kStageGroups / 4;
  Value first =
      add(mul(step, schedule.stepGroups() / 4), i32(stage * kStageWords));
  Value left = sub(i32(problem.numWords()), first);
  left = b.createOrFold<arith::MaxSIOp>(left, i32(0));
  left = b.createOrFold<arith::MinSIOp>(left, i32(kStageWords));
  Value half = bitAnd(shiftLeft(i32(kUnusedWord), mul(left, 4)), 0xFFFF);
  return bitOr(half, shiftLeft(half, 16));
}

/// Nibble q of the four words of rows g and g + 8, below one another.
Value SkinnyKernel::emitMetadataFragment(Value step, Value slot, int64_t stage,
                                         int64_t tile) {
  RowPieces pieces = schedule.metadataPieces();
  int64_t rowBytes = 2 * problem.numWords();
  int64_t width = std::gcd<int64_t>(4, problem.numWords());
  Value halves[2];
  for (int64_t high = 0; high < 2; ++high) {
    Value tileRow = add(quadRow, 16 * tile + 8 * high);
    Value place = i32(stage * kStageMetadataBytes);
    if (pieces.shifted)
      place = add(place, emitShift(tileRow, rowBytes, pieces,
                                   mul(step, schedule.stepGroups() / 2)));
    Value address = advance(slot, add(mul(tileRow, pieces.pitch()),
                                      add(place, schedule.metadataOffset())));
    SmallVector<Value> words;
    if (width == 1) {
      for (int64_t i = 0; i < 4; ++i)
        words.push_back(load(b.getI16Type(), advance(address, 2 * i), 2));
    } else {
      auto type = VectorType::get({width / 2}, b.getI32Type());
      for (int64_t word = 0; word < 4; word += width) {
        Value loaded = load(type, advance(address, 2 * word), 2 * width);
        for (int64_t i = 0; i < width / 2; ++i)
          words.push_back(
              vector::ExtractOp::create(b, loaded, ArrayRef<int64_t>{i}));
      }
    }
    halves[high] = selectNibbles(words, mul(quadLane, 4));
  }
  Value both = bitOr(bitAnd(halves[0], 0xFFFF), shiftLeft(halves[1], 16));
  if (problem.numWords() % (schedule.stepGroups() / 4) == 0)
    return both;
  return bitOr(both, emitMetadataFill(step, stage));
}
