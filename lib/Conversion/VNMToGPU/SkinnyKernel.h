// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the parts a skinny kernel is made of: threads, the order
// of copies and the main loop (SkinnyKernel.cpp), weights (SkinnyWeights.cpp),
// activations that are gathered (SkinnyActivations.cpp) or resident
// (SkinnyResident.cpp), the sum over warps and the epilogue
// (SkinnyEpilogue.cpp).

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SKINNYKERNEL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SKINNYKERNEL_H

#include "Arithmetic.h"
#include "SkinnySchedule.h"
#include "SpmmKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace vnm {

/// Emits the body of one kernel at its builder's insertion point.
class SkinnyKernel : KernelArithmetic {
public:
  SkinnyKernel(mlir::ImplicitLocOpBuilder &builder, SpmmOp op,
               const SpmmProblem &problem, const SkinnySchedule &schedule,
               mlir::ValueRange arguments);

  /// Emits the whole body. `shared` points at the CTA's shared memory.
  void emit(mlir::Value shared);

private:
  // SkinnyKernel.cpp
  void emitPosition();
  /// Starts the copies of the first steps, and waits for the kernel before this
  /// one between those that do not depend on it and those that do.
  void emitPrologue();
  /// Sums of the warp's steps, [m16 tile][n8 tile][4].
  llvm::SmallVector<mlir::Value> emitMainLoop();
  /// Starts the copies that step `number` of the warp is to start.
  void emitCopyAhead(mlir::Value number);
  void emitMultiply(mlir::Value number,
                    llvm::SmallVectorImpl<mlir::Value> &sums);
  /// The step of the product that is step `number` of the warp.
  mlir::Value emitStep(mlir::Value number);
  /// Emits `body` for step `number` of the warp, if the warp has it: the
  /// callback gets the step of the product and whether it may be the last one.
  void emitIfExists(mlir::Value number,
                    llvm::function_ref<void(mlir::Value, bool)> body);
  /// Address of the warp's slot for step `number` in the ring at `offset`.
  mlir::Value emitSlot(mlir::Value number, int64_t offset, int64_t slots,
                       int64_t bytes);
  mlir::Value emitWeightSlot(mlir::Value number);
  mlir::Value emitIdSlot(mlir::Value number);
  mlir::Value emitActivationSlot(mlir::Value number);
  void emitCommit();
  /// Waits until at most `pending` of the lane's groups of copies are under
  /// way, then for the other lanes of the warp to come as far.
  void emitWait(int64_t pending);
  void emitCopy(mlir::Value destination, mlir::Value source, int64_t bytes,
                mlir::Value validBytes);
  /// Four 8x8 matrices of 16-bit elements, one register each, of rows at the
  /// lanes' addresses; `layout` col: transposed.
  std::array<mlir::Value, 4> emitLdMatrix(mlir::Value address,
                                          mlir::NVVM::MMALayout layout);
  std::array<mlir::Value, 4> emitActivationFragment(mlir::Value step,
                                                    mlir::Value number,
                                                    int64_t stage, int64_t half,
                                                    int64_t tile);

  // SkinnyWeights.cpp
  /// Rows of a buffer and what is copied of them per step.
  struct StepRows {
    mlir::Value buffer;
    int64_t rowBytes, stepBytes;
    RowPieces pieces;
    bool permuted; ///< Whether emitValuePlace permutes the pieces.
    int64_t unit;  ///< Bytes of which the ends of rows are multiples.
  };
  /// Byte of a row of values in shared memory at which what is byte `place` of
  /// it in memory lies; `place` is a multiple of 16.
  mlir::Value emitValuePlace(mlir::Value row, mlir::Value place);
  std::pair<mlir::Value, mlir::Value>
  emitRecord(mlir::Value step, mlir::Value tile, mlir::Value stage, bool last);
  void emitCopyRecords(mlir::Value buffer, mlir::Value destination,
                       mlir::Value step, int64_t size, bool last, bool clears);
  void emitCopyWeights(mlir::Value step, mlir::Value slot, bool last);
  /// Copies all metadata of the tile.
  void emitCopyMetadata();
  void emitCopyRows(const StepRows &rows, mlir::Value step, mlir::Value slot,
                    bool last);
  /// Pieces `first` to first + count - 1, `count` a power of two, of every row.
  void emitCopyPieces(const StepRows &rows, mlir::Value step, mlir::Value slot,
                      bool last, int64_t first, int64_t count);
  mlir::Value emitPieceOffset(const StepRows &rows, mlir::Value begin,
                              mlir::Value step, mlir::Value place);
  /// Copies the first `left` (i64, any) of `bytes` bytes; zeros follow.
  void emitCopyUpTo(mlir::Value left, mlir::Value destination,
                    mlir::Value source, int64_t bytes, int64_t unit);
  /// The stored row that is row `row` of the tile; rows past R repeat the last.
  mlir::Value emitTileRow(mlir::Value row);
  /// Where, from its first piece on, a row's bytes of a step begin.
  mlir::Value emitShift(mlir::Value row, int64_t rowBytes,
                        const RowPieces &pieces, mlir::Value stepOffset);
  /// Registers a0 to a3 of both k32 steps of stage `stage` of the slot's step,
  /// for m16 tile `tile`.
  std::array<std::array<mlir::Value, 4>, 2>
  emitWeightFragment(mlir::Value slot, int64_t stage, int64_t tile);
  mlir::Value emitMetadataFragment(mlir::Value step, mlir::Value slot,
                                   int64_t stage, int64_t tile);
  /// What makes zeros past the end of metadata legal, for both halves.
  mlir::Value emitMetadataFill(mlir::Value step, int64_t stage);

  // SkinnyActivations.cpp
  mlir::Value activations(); ///< x of the CTA's batch entry.
  void emitCopyIds(mlir::Value step, mlir::Value slot, bool last);
  void emitCopyActivations(mlir::Value step, mlir::Value ids,
                           mlir::Value destination, bool last);
  void emitCopyChannelPieces(mlir::Value step, mlir::Value ids,
                             mlir::Value destination, bool last);
  void emitCopyChannelPairs(mlir::Value step, mlir::Value ids,
                            mlir::Value destination, bool last);
  void emitCopyChannelElements(mlir::Value step, mlir::Value ids,
                               mlir::Value destination);
  /// The id at place `place` of a step and whether it is a channel's; `last`:
  /// the step may be the last, which may have fewer.
  std::pair<mlir::Value, mlir::Value>
  emitChannel(mlir::Value step, mlir::Value ids, mlir::Value place, bool last);
  /// Byte of a step's activations at which byte `byte` of channel `place` is.
  mlir::Value emitActivationOffset(mlir::Value place, mlir::Value byte);
  /// Registers b0 to b3 of k32 step `half` of stage `stage`, n8 tile `tile`.
  std::array<mlir::Value, 4> emitGatheredFragment(mlir::Value slot,
                                                  int64_t stage, int64_t half,
                                                  int64_t tile);

  // SkinnyResident.cpp
  void emitLoadResident();
  void emitLoadLines(mlir::Value first, int64_t width, int64_t count,
                     int64_t pieces);
  /// Bytes of resident x at which the channels of places `place` and the next
  /// begin.
  std::array<mlir::Value, 2> emitIdPair(mlir::Value ids, mlir::Value place);
  std::array<mlir::Value, 2>
  emitChannelOffsets(mlir::Value step, mlir::Value ids, mlir::Value place);
  /// The elements at two such offsets of `x`, the first in the low half.
  mlir::Value emitElementPair(mlir::Value x,
                              const std::array<mlir::Value, 2> &offsets);
  std::array<mlir::Value, 4> emitResidentFragment(mlir::Value step,
                                                  mlir::Value ids,
                                                  int64_t stage, int64_t half,
                                                  int64_t tile);
  /// Gathers the only token's elements for a step, in fragment order: of `x`,
  /// which is resident or the step's pairs.
  void emitGatherToken(mlir::Value step, mlir::Value ids, mlir::Value x);
  std::array<mlir::Value, 4> emitTokenFragment(int64_t stage, int64_t half);

  // SkinnyEpilogue.cpp
  void emitStoreSums(mlir::ValueRange sums);
  void emitEpilogue();
  mlir::Value emitSumOfWarps(mlir::Value row, mlir::Value token);

  SpmmOp op;
  const SpmmProblem &problem;
  const SkinnySchedule &schedule;
  KernelArguments args;
  mlir::Value shared;    ///< !llvm.ptr<3>
  mlir::Value warpStart; ///< The warp's part of it.
  mlir::Value thread;    ///< In the CTA; this and the following i32.
  mlir::Value warp;
  mlir::Value lane;
  mlir::Value quadRow;  ///< lane / 4, "g" in the PTX manual's figures.
  mlir::Value quadLane; ///< lane % 4, "q".
  mlir::Value row;      ///< First stored row of the CTA's tile.
  mlir::Value panel;    ///< Its row panel.
  mlir::Value batch;    ///< Batch entry, batch dimensions flattened.
};

/// Builds the kernel of `op` as a function `name` at the builder's insertion
/// point, inside a gpu.module.
mlir::gpu::GPUFuncOp buildSkinnyKernel(mlir::OpBuilder &builder, SpmmOp op,
                                       llvm::StringRef name,
                                       const SpmmProblem &problem,
                                       const SkinnySchedule &schedule);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SKINNYKERNEL_H
