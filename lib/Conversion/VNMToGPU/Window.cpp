// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the window: all channels of the M-blocks that a stage's
// groups select from, which several panels share. A warp picks the channels of
// its panels with ldmatrix, whose rows begin where lanes say.
//
// Rows of one 8x8 matrix are two groups' columns, of 2 M channels. Those of M =
// 4 lie in 8 places of the banks. Of M = 8 each group's are in 4 places of 8,
// and both groups' are apart only if one's are exactly those that the other's
// are not: of random columns 1 pair in 70, so nearly every matrix is read in
// two steps. No fixed swizzle changes that, as it must hold for all columns. If
// storage had groups of a stage in another order, each with its values and
// metadata, 1.6 of a stage's 8 matrices would be read in one step (M = 5: 2.6;
// by the best pairs of random columns); so groups stay as they are.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

/// The barrier before the first stage is read makes it everyone's.
void SpmmKernel::emitZeroRow() {
  OpBuilder::InsertionGuard guard(b);
  int64_t pieces = schedule.lineBytes() / mma::kPieceBytes;
  auto branch = scf::IfOp::create(b, less(map.thread, pieces),
                                  /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());
  auto type = VectorType::get({mma::kPieceBytes / 4}, b.getI32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value address = add(add(shared, schedule.zeroOffset()),
                      mul(map.thread, mma::kPieceBytes));
  LLVM::StoreOp::create(b, zero, sharedPointer(address), mma::kPieceBytes);
}

/// If T is dynamic, the stage's first channel; the main loop carries it, as the
/// address of every copy would else be a pointer of its own that advances from
/// stage to stage. A static T makes them constants apart.
SmallVector<Value> SpmmKernel::emitWindowStart(Value stage) {
  if (stepsChannels())
    return {};
  return {mul(minimum(stage, numStages() - 1), schedule.windowRows)};
}

/// Past K, and in the last copies of a stage, there may be no channel.
std::pair<Value, Value>
SpmmKernel::emitWindowChannel(ValueRange ids, int64_t position, Value stage) {
  Value row = add(gather.firstSlot, getSlotRow(position));
  Value first =
      ids.empty() ? mul(stage, schedule.windowRows) : Value(ids.front());
  Value id = add(first, row);
  Value valid = isTrue();
  if (problem.numCols % schedule.windowRows != 0)
    valid = less(id, problem.numCols);
  if (schedule.stageRows() != schedule.windowRows)
    valid = both(valid, less(row, schedule.windowRows));
  return {id, valid};
}

/// The warp's panels past the last one of the weight repeat it; their sums are
/// not stored.
SmallVector<Value> SpmmKernel::emitLoadPanelIds(Value stage) {
  int64_t idBytes = problem.wideIds ? 4 : 2;
  Type type = b.getIntegerType(8 * idBytes);
  int64_t numPanels = llvm::divideCeil(problem.numRows, problem.panelRows);
  Value first = add(map.panel, div(map.warpRow, problem.panelRows));
  Value slot = add(mul(stage, mma::kStageSlots), map.lane);
  SmallVector<Value> ids;
  for (int64_t i = 0; i < schedule.panelsPerWarp(); ++i) {
    Value number = add(first, i);
    if (raggedRows())
      number = minimum(number, numPanels - 1);
    Value panel = advance(globalPointer(args.columns),
                          mul(extend(number), idBytes * problem.numSlots()));
    for (int64_t half = 0; half < schedule.stepsPerStage(); ++half) {
      Value position = add(slot, 32 * half);
      if (raggedGroups())
        position = minimum(position, problem.numSlots() - 1);
      ids.push_back(
          load(type, advance(panel, extend(mul(position, idBytes))), idBytes));
    }
  }
  return ids;
}

/// The sentinel and any other id that lies in no row of the window, and slots
/// past G, pick the row of zeros.
SmallVector<Value> SpmmKernel::emitPickRows(ValueRange ids, Value stage,
                                            Value read) {
  int64_t pieces = schedule.tokenTile / schedule.pieceElements();
  Value firstPiece = div(map.warpToken, schedule.pieceElements());
  Value firstChannel = mul(stage, schedule.windowRows);
  Value slot = add(mul(stage, mma::kStageSlots), map.lane);
  Value zero = add(shared, schedule.zeroOffset());
  SmallVector<Value> rows;
  for (auto [number, word] : llvm::enumerate(ids)) {
    int64_t half = number % schedule.stepsPerStage();
    Value id = word;
    if (!problem.wideIds)
      id = arith::ExtUIOp::create(b, b.getI32Type(), word);
    Value row = sub(id, firstChannel);
    Value valid = less(row, schedule.windowRows);
    if (raggedGroups())
      valid = both(valid, less(add(slot, 32 * half), problem.numSlots()));
    Value piece = bitXor(firstPiece, emitSwizzle(row, pieces));
    Value place =
        add(mul(row, schedule.lineBytes()), mul(piece, mma::kPieceBytes));
    rows.push_back(select(valid, add(read, place), zero));
  }
  return rows;
}

/// Lines are aligned to their size, the row of zeros too.
SmallVector<Value> SpmmKernel::emitPickedActivations(const LoopState &state,
                                                     int64_t half,
                                                     int64_t load) {
  int64_t panel = load / schedule.loadsPerPanel();
  int64_t tile = load % schedule.loadsPerPanel();
  Value row = state.rows[panel * schedule.stepsPerStage() + half];
  return emitLoadMatrices(bitXor(row, tile * mma::kPieceBytes), /*offset=*/0,
                          /*transpose=*/true);
}
