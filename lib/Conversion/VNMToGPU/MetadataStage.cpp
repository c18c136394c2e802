// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the way of metadata through shared memory. A lane needs one
// word of 16 bits per row, and a row's words of a stage are 8 bytes: loaded
// directly, every load of a warp touches 8 rows, and so 8 cache lines, which
// the L1 cache serves one after the other. So rows are copied a sector of 32
// bytes at a time.

#include "SpmmKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Asynchronous copies have 4 bytes at least.
bool SpmmKernel::stagesMetadata() const { return problem.numWords() % 2 == 0; }

/// The buffer is free: all stages of the metadata before the last have been
/// read, as at most mma::kMetadataStages stages are under way. Past the last
/// word, and past R, legal metadata that is there already serves zero values
/// and sums that are not stored.
void SpmmKernel::emitCopyMetadata(Value stage) {
  static_assert(SpmmSchedule::kMaxStages <= mma::kMetadataStages);
  constexpr int64_t kPieces = mma::kMetadataPieces;
  OpBuilder::InsertionGuard guard(b);
  Value begins = equal(rem(stage, mma::kMetadataStages), 0);
  int64_t rowsAtOnce = SpmmSchedule::kThreads / kPieces;
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
  Value swizzle = rem(div(firstRow, 8 / kPieces), kPieces);
  Value place = add(mul(firstRow, mma::kMetadataBytes),
                    mul(bitXor(piece, swizzle), mma::kPieceBytes));
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
  Value row = add(map.warpRow, div(map.lane, 4));
  Value swizzle = rem(div(row, 8 / kPieces), kPieces);
  Value piece = rem(div(stage, kStagesPerPiece), kPieces);
  Value period = rem(div(stage, mma::kMetadataStages), 2);
  Value address = add(add(shared, schedule.metadataOffset()),
                      add(mul(row, mma::kMetadataBytes),
                          mul(rem(map.lane, 4), mma::kWordBytes)));
  address = add(address, mul(bitXor(piece, swizzle), mma::kPieceBytes));
  address = add(address, mul(rem(stage, kStagesPerPiece), kStageBytes));
  address = add(address, mul(period, schedule.metadataBytes()));
  SmallVector<Value> words;
  for (int64_t i = 0; i < 2 * schedule.rowTilesPerWarp(); ++i)
    words.push_back(
        load(b.getI16Type(),
             advance(sharedPointer(address), 8 * i * mma::kMetadataBytes),
             mma::kWordBytes));
  return words;
}
