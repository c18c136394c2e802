// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the way of metadata to registers, mostly through shared
// memory. A lane needs a word or two of 16 bits of a row, and a row's words of
// a stage are 8 bytes: loaded directly, every load of a warp touches 8 rows,
// and so 8 cache lines, which the L1 cache serves one after the other. So rows
// are copied a sector of 32 bytes at a time.

#include "Fragments.h"
#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Asynchronous copies have 4 bytes at least.
bool SpmmKernel::stagesMetadata() const { return problem.numWords() % 2 == 0; }

/// Of 16-bit elements, word 4 stage + q of rows g and g + 8 serves both steps:
/// selector 0 reads lanes q = 0, 1, whose words belong to the first, selector 1
/// lanes q = 2, 3. Of bytes, lane q = 2i + h has words 2i and 2i + 1 of row
/// g + 8h.
std::pair<Value, Value> SpmmKernel::emitMetadataPlace() {
  Value row = add(map.warpRow, div(map.lane, 4)), word = rem(map.lane, 4);
  if (schedule.elementBytes == 1) {
    row = add(row, mul(rem(map.lane, 2), 8));
    word = sub(word, rem(map.lane, 2));
  }
  return {row, word};
}

/// The buffer is free: all stages of the metadata before the last have been
/// read, as at most mma::kMetadataStages stages are under way. Past the last
/// word, and past R, legal metadata that is there already serves zero values
/// and sums that are not stored.
void SpmmKernel::emitCopyMetadata(Value stage) {
  static_assert(SpmmSchedule::kMaxStages <= mma::kMetadataStages);
  constexpr int64_t kPieces = mma::kMetadataPieces;
  OpBuilder::InsertionGuard guard(b);
  Value begins = equal(rem(stage, mma::kMetadataStages), 0);
  int64_t rowsAtOnce = schedule.numThreads() / kPieces;
  Value firstRow = div(map.thread, kPieces), piece = rem(map.thread, kPieces);
  if (schedule.rowTile < rowsAtOnce)
    begins = both(begins, less(firstRow, schedule.rowTile));
  auto branch = scf::IfOp::create(b, begins, /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());

  int64_t rowBytes = mma::kWordBytes * problem.numWords();
  int64_t width = std::gcd(mma::kPieceBytes, rowBytes);
  auto cache = width == mma::kPieceBytes ? NVVM::LoadCacheModifierKind::CG
                                         : NVVM::LoadCacheModifierKind::CA;
  Value period = div(stage, mma::kMetadataStages);
  Value column =
      add(mul(period, mma::kMetadataBytes), mul(piece, mma::kPieceBytes));
  Value place =
      add(mul(firstRow, mma::kMetadataBytes),
          mul(bitXor(piece, emitSwizzle(firstRow, kPieces)), mma::kPieceBytes));
  Value buffer = add(add(shared, schedule.metadataOffset()),
                     mul(rem(period, 2), schedule.metadataBytes()));
  Value metadata = globalPointer(args.metadata);
  for (int64_t row = 0; row < schedule.rowTile; row += rowsAtOnce) {
    Value tileRow = add(map.row, add(firstRow, row));
    if (raggedRows())
      tileRow = minimum(tileRow, problem.numRows - 1);
    Value source = advance(metadata, mul(extend(tileRow), rowBytes));
    Value destination =
        advance(sharedPointer(add(buffer, place)), row * mma::kMetadataBytes);
    for (int64_t byte = 0; byte < mma::kPieceBytes; byte += width) {
      Value position = add(column, byte);
      if (rowBytes % mma::kMetadataBytes != 0)
        position = minimum(position, rowBytes - width);
      NVVM::CpAsyncOp::create(b, advance(destination, byte),
                              advance(source, extend(position)), width, cache,
                              Value());
    }
  }
}

SmallVector<Value> SpmmKernel::emitReadMetadata(Value stage) {
  constexpr int64_t kPieces = mma::kMetadataPieces;
  constexpr int64_t kStageBytes = mma::kStageWords * mma::kWordBytes;
  constexpr int64_t kStagesPerPiece = mma::kPieceBytes / kStageBytes;
  auto [row, word] = emitMetadataPlace();
  Value piece = rem(div(stage, kStagesPerPiece), kPieces);
  Value period = rem(div(stage, mma::kMetadataStages), 2);
  Value address =
      add(add(shared, schedule.metadataOffset()),
          add(mul(row, mma::kMetadataBytes), mul(word, mma::kWordBytes)));
  address = add(
      address, mul(bitXor(piece, emitSwizzle(row, kPieces)), mma::kPieceBytes));
  address = add(address, mul(rem(stage, kStagesPerPiece), kStageBytes));
  address = add(address, mul(period, schedule.metadataBytes()));
  // Of bytes both words at once.
  bool pairs = schedule.elementBytes == 1;
  int64_t bytes = (pairs ? 2 : 1) * mma::kWordBytes, rows = pairs ? 16 : 8;
  int64_t end = schedule.rowsPerWarp();
  SmallVector<Value> words;
  for (int64_t first = 0; first < end; first += rows)
    words.push_back(load(
        b.getIntegerType(8 * bytes),
        advance(sharedPointer(address), first * mma::kMetadataBytes), bytes));
  return words;
}

/// Rows past R repeat the last, whose sums are not stored.
SmallVector<Value> SpmmKernel::emitLoadMetadata(Value stage) {
  int64_t numWords = problem.numWords();
  int64_t rowBytes = mma::kWordBytes * numWords;
  bool pairs = schedule.elementBytes == 1;
  auto [firstRow, firstWord] = emitMetadataPlace();
  firstWord =
      add(mul(minimum(stage, numStages() - 1), mma::kStageWords), firstWord);
  Value tile =
      advance(globalPointer(args.metadata), mul(extend(map.row), rowBytes));
  Value left = sub(i32(problem.numRows - 1), map.row);
  SmallVector<Value> words;
  for (int64_t i = 0; i < 2 * schedule.rowTilesPerWarp(); ++i) {
    Value row = add(firstRow, pairs ? i / 2 * 16 : i * 8);
    Value word = add(firstWord, pairs ? i % 2 : 0), safeWord = word;
    if (raggedRows())
      row = minimum(row, left);
    bool ragged = numWords % mma::kStageWords != 0;
    if (ragged)
      safeWord = minimum(word, numWords - 1);
    Value place = advance(
        tile, extend(add(mul(row, rowBytes), mul(safeWord, mma::kWordBytes))));
    Value value = load(b.getI16Type(), place, mma::kWordBytes);
    if (ragged)
      value = select(less(word, numWords), value,
                     arith::ConstantIntOp::create(b, kUnusedWord, 16));
    words.push_back(value);
  }
  return words;
}

SmallVector<Value> SpmmKernel::emitMetadata(ValueRange words) {
  if (words.front().getType().isInteger(32))
    return words;
  SmallVector<Value> registers;
  for (size_t i = 0; i < words.size(); i += 2) {
    Value low = arith::ExtUIOp::create(b, b.getI32Type(), words[i]);
    Value high = arith::ExtUIOp::create(b, b.getI32Type(), words[i + 1]);
    registers.push_back(bitOr(low, shiftLeft(high, i32(16))));
  }
  return registers;
}
