// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the parts an mma_sp kernel is made of. Each part is one
// file: tile map, gather, window, fragments, main loop, epilogue;
// SpmmKernel.cpp puts them together.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H

#include "Arithmetic.h"
#include "Schedule.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <functional>

namespace vnm {

/// Kernel arguments: flat buffers in the GPU's memory, T, and perhaps a map.
struct KernelArguments {
  mlir::Value values;
  mlir::Value metadata;
  mlir::Value columns;
  mlir::Value rows; ///< Null unless rows are permuted.
  mlir::Value x;
  mlir::Value y;
  llvm::SmallVector<mlir::Value> epilogue;
  mlir::Value numTokens;
  mlir::Value xMap; ///< Null unless the kernel has a tensor map of x.

  /// Takes them in the order in which the host passes them.
  KernelArguments(SpmmOp op, mlir::ValueRange arguments);
};

/// `value` rounded or extended to the float type `type`.
mlir::Value convertFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                         mlir::Type type);

/// Clones the op's epilogue for one element and returns what it yields.
/// `arguments`: the sum, then an element of every epilogue operand.
mlir::Value cloneEpilogue(mlir::ImplicitLocOpBuilder &b, SpmmOp op,
                          mlir::ValueRange arguments);

/// Where an element of the result is, all of index type.
struct ResultPosition {
  mlir::Value row;   ///< Stored row.
  mlir::Value token; ///< Of the batch entry.
  mlir::Value batch; ///< Batch entry, batch dimensions flattened.
};

/// Stores the element at `position`, given its sum, an f32: adds what y holds
/// if the op accumulates, and applies the op's epilogue.
void emitStoreResult(mlir::ImplicitLocOpBuilder &b, SpmmOp op,
                     const SpmmProblem &problem, const KernelArguments &args,
                     mlir::Value sum, const ResultPosition &position);

/// The dynamic shared memory of the kernels of a module, as a global in it that
/// begins at a multiple of 1024 bytes. `builder` is in the module.
mlir::LLVM::GlobalOp getSharedMemory(mlir::OpBuilder &builder,
                                     mlir::Location loc);

/// A kernel `name` of `numThreads` threads at the builder's insertion point,
/// with the arguments that KernelArguments expects, a tensor map of x if
/// `takesMap`, and an empty body.
mlir::gpu::GPUFuncOp createKernelFunction(mlir::OpBuilder &builder, SpmmOp op,
                                          llvm::StringRef name,
                                          int64_t numThreads,
                                          mlir::TypeRange workgroup,
                                          bool takesMap = false);

/// Where a thread is; i32 but for `token` and `batch`.
struct TileMap {
  mlir::Value thread;    ///< In the CTA.
  mlir::Value lane;      ///< In the warp.
  mlir::Value warp;      ///< In the CTA.
  mlir::Value warpRow;   ///< First row of the warp in the CTA's tile.
  mlir::Value warpToken; ///< First token of the warp in the CTA's tile.
  mlir::Value row;       ///< First stored row of the CTA's tile.
  mlir::Value panel;     ///< Its first row panel.
  mlir::Value token;     ///< First token of the CTA's tile; i64.
  mlir::Value batch;     ///< Batch entry, batch dimensions flattened; i64.
};

/// How activations get to shared memory.
enum class GatherMode {
  Copies, ///< Feature-major x: asynchronous copies of 4, 8 or 16 bytes.
  Tokens, ///< Feature-major x: through registers, as rows begin anywhere.
  Slots   ///< Token-major x: through registers, as elements lie apart.
};

/// What a thread gathers of every stage: a unit of each of its slots, which lie
/// side by side, of feature-major x (16 bytes by copies, else a register), or
/// its slots, which fill a register, of some tokens of token-major x.
struct GatherMap {
  GatherMode mode;
  int64_t numSlots;        ///< The thread's slots,
  int64_t slotStride;      ///< rows of shared memory apart, but of bytes.
  mlir::Value firstSlot;   ///< Of the stage; i32.
  mlir::Value token;       ///< Of the batch entry; i64.
  mlir::Value source;      ///< x at `token` and channel 0.
  mlir::Value destination; ///< Byte in a stage; i32.
  /// Width of a copy of values, 2 if there is none, and the thread's first one
  /// in a stage.
  int64_t valueBytes;
  mlir::Value valueRow;         ///< In the tile; i32.
  mlir::Value valuePiece;       ///< Of the row; i32.
  mlir::Value valueSource;      ///< Of stage 0.
  mlir::Value valueDestination; ///< Byte in a stage; i32.
};

/// What a warp has in registers when it begins a stage; also what the main loop
/// carries.
struct LoopState {
  llvm::SmallVector<mlir::Value> sums; ///< [m16 tile][n8 tile][4].
  mlir::Value read;                    ///< The stage's first byte; i32.
  mlir::Value write;                   ///< That of the stage to gather.
  /// Metadata words of the stage, two of every m16 tile or one of 32 bits.
  llvm::SmallVector<mlir::Value> metadata;
  /// Column ids of the stage to gather, as they lie in memory.
  llvm::SmallVector<mlir::Value> ids;
  /// Of a window, where the lane's row of every panel and step is; i32.
  llvm::SmallVector<mlir::Value> rows;
  /// Operands of the stage's first step: weights of every m16 tile, and
  /// activations of the first load; i32.
  llvm::SmallVector<mlir::Value> weights;
  llvm::SmallVector<mlir::Value> activations;

  llvm::SmallVector<mlir::Value> pack() const;
  /// Replaces all by `values`, which are in the order of `pack`.
  void unpack(mlir::ValueRange values);
};

/// Emits the body of one kernel at its builder's insertion point.
class SpmmKernel : KernelArithmetic {
public:
  SpmmKernel(mlir::ImplicitLocOpBuilder &builder, SpmmOp op,
             const SpmmProblem &problem, const SpmmSchedule &schedule,
             mlir::ValueRange arguments);

  /// Emits the whole body; `sharedMemory` is the CTA's.
  void emit(mlir::Value sharedMemory);

private:
  /// A part of a stage's gather; the main loop emits them between
  /// multiplications.
  using Copy = std::function<void()>;

  // TileMap.cpp
  TileMap emitTileMap();
  int64_t numStages() const;
  /// Whether the last tile or stage may be smaller.
  bool raggedRows() const;
  bool raggedTokens() const;
  bool raggedGroups() const;
  /// Whether row `row` of the tile exists; both i32.
  mlir::Value emitRowExists(mlir::Value row);

  // Gather.cpp
  GatherMap emitGatherMap(GatherMode mode);
  void emitGatherMapOfSlots(GatherMap &result);
  void emitGatherMapOfTokens(GatherMap &result);
  void emitGatherMapOfValues(GatherMap &result);
  /// Bytes of a copy if T, and so rows of x, is as it is; less than 4 if there
  /// is none.
  int64_t copyWidth() const;
  /// The row of shared memory of a slot of feature-major x; rows of a thread's
  /// slots follow from that of its first by addition.
  int64_t getSlotRow(int64_t slot) const;
  mlir::Value emitSlotRow(mlir::Value slot);
  /// The thread's column ids of stage `stage`; of the last if there is none.
  llvm::SmallVector<mlir::Value> emitLoadIds(mlir::Value stage);
  /// Ids that are loaded at a time.
  int64_t idsPerLoad() const;
  /// Id `position` of the thread (i32), and whether it is a channel of stage
  /// `stage`.
  std::pair<mlir::Value, mlir::Value>
  emitChannel(mlir::ValueRange ids, int64_t position, mlir::Value stage);
  /// Whether the thread's first channel of a stage is in its source.
  bool stepsChannels() const;
  /// Channel `id` of x, which is id `position` of the thread.
  mlir::Value emitChannelSource(mlir::Value stage, mlir::Value id,
                                int64_t position);
  /// Fills the stage at `write` with channels and values of stage `stage`.
  /// Slots without a channel and tokens past T are zero, as are values past G
  /// and R; nothing is read for them.
  llvm::SmallVector<Copy> makeGather(mlir::Value stage, mlir::ValueRange ids,
                                     mlir::Value write);
  void emitCopyChannel(mlir::Value stage, mlir::ValueRange ids,
                       mlir::Value write, int64_t position);
  void emitCopyValues(mlir::Value stage, mlir::Value write, int64_t row);

  // Window.cpp
  /// Whether lanes pick rows of a window by column ids.
  bool picksRows() const { return schedule.window && !schedule.sharesRows; }
  void emitZeroRow();
  /// As emitLoadIds and emitChannel.
  llvm::SmallVector<mlir::Value> emitWindowStart(mlir::Value stage);
  std::pair<mlir::Value, mlir::Value>
  emitWindowChannel(mlir::ValueRange ids, int64_t position, mlir::Value stage);
  /// The lane's column id of stage `stage` of every panel of the warp and step,
  /// as it lies in memory.
  llvm::SmallVector<mlir::Value> emitLoadPanelIds(mlir::Value stage);
  /// Where the rows of these ids begin, in the stage at `read`, for the warp's
  /// first tokens.
  llvm::SmallVector<mlir::Value>
  emitPickRows(mlir::ValueRange ids, mlir::Value stage, mlir::Value read);
  /// As emitActivations.
  llvm::SmallVector<mlir::Value>
  emitPickedActivations(const LoopState &state, int64_t half, int64_t load);

  // MetadataStage.cpp
  /// Whether metadata goes through shared memory; else lanes load it directly.
  bool stagesMetadata() const;
  /// Copies the metadata of stage `stage` and those after it, if it is the
  /// first of mma::kMetadataStages.
  void emitCopyMetadata(mlir::Value stage);
  /// The metadata words of stage `stage`, which has been waited for.
  llvm::SmallVector<mlir::Value> emitReadMetadata(mlir::Value stage);
  /// Likewise, not staged; of the last if there is no such stage.
  llvm::SmallVector<mlir::Value> emitLoadMetadata(mlir::Value stage);
  /// The row in the tile, and the word of a stage, of a lane's first word.
  std::pair<mlir::Value, mlir::Value> emitMetadataPlace();
  /// The instruction's metadata, one register per m16 tile.
  llvm::SmallVector<mlir::Value> emitMetadata(mlir::ValueRange words);

  // GatherElements.cpp
  /// Fetch elements that lie side by side in shared memory, an i32 full; what
  /// does not exist is zero and not read.
  mlir::Value emitTokenWord(mlir::Value stage, mlir::ValueRange ids,
                            int64_t position);
  mlir::Value emitSlotWord(mlir::Value stage, mlir::ValueRange ids,
                           int64_t token);
  /// The `bytes` bytes at `place`, at most 2, in the low ones of an i32.
  mlir::Value emitElement(mlir::Value place, mlir::Value valid, int64_t bytes);
  /// Adds copies of words in batches, so that few registers hold many loads.
  void addWords(mlir::Value stage, llvm::ArrayRef<mlir::Value> ids,
                mlir::Value write, llvm::SmallVectorImpl<Copy> &copies);
  /// The place of the thread's word number `number` in the stage at `write`.
  mlir::Value emitWordAddress(mlir::Value write, int64_t number);
  /// Tokens of token-major x whose words all threads take at once.
  int64_t tokensAtOnce() const;
  /// Moves a piece of values, of groups from `firstGroup` on, group by group.
  void emitMoveValues(mlir::Value source, mlir::Value destination,
                      mlir::Value rowExists, mlir::Value firstGroup);

  // Fragments.cpp
  /// The four registers of m16 tile `tile` and step `half` of the stage at
  /// `read`.
  llvm::SmallVector<mlir::Value> emitWeights(mlir::Value read, int64_t half,
                                             int64_t tile);
  /// Likewise of the n8 tiles of load `load`, of the stage that is read.
  llvm::SmallVector<mlir::Value> emitActivations(const LoopState &state,
                                                 int64_t half, int64_t load);
  llvm::SmallVector<mlir::Value>
  emitTokenMajorActivations(mlir::Value read, int64_t half, int64_t tile);
  /// Those of the even and then of the odd ones of 16 tokens, a piece of every
  /// slot, of bytes; `address` is the lane's first.
  llvm::SmallVector<mlir::Value> emitInterleavedActivations(mlir::Value address,
                                                            int64_t lineBytes);
  llvm::SmallVector<mlir::Value>
  emitLoadMatrices(mlir::Value address, int64_t offset, bool transpose);

  // MainLoop.cpp
  /// Whether column ids of the gather are loaded a stage ahead.
  bool carriesIds() const;
  /// The tile's sums.
  llvm::SmallVector<mlir::Value> emitMainLoop();
  llvm::SmallVector<mlir::Value> emitMainLoop(GatherMode mode);
  LoopState emitPrologue();
  /// `count` stages from `first` on; `gathers`: each starts the gather of a
  /// later one.
  void emitStages(LoopState &state, int64_t first, int64_t count, bool gathers);
  void emitStage(LoopState &state, mlir::Value stage, bool gathers, bool last);
  /// Adds the products of load `load` of tokens and step `half`.
  void emitMultiply(llvm::MutableArrayRef<mlir::Value> sums,
                    llvm::ArrayRef<mlir::Value> weights,
                    llvm::ArrayRef<mlir::Value> activations,
                    llvm::ArrayRef<mlir::Value> metadata, int64_t half,
                    int64_t load);
  /// Waits until everyone's part of the next stage is there, and moves on to
  /// it. `panelIds`: what emitLoadPanelIds gave for it.
  void emitNextStage(LoopState &state, mlir::Value stage,
                     mlir::ValueRange panelIds);
  mlir::Value emitNextBuffer(mlir::Value buffer);

  // Epilogue.cpp
  void emitEpilogue(mlir::ValueRange sums);
  /// Staged sums: as many lines as a chunk has of the inner dimension's
  /// elements, which lie side by side in the destination.
  int64_t linesPerChunk() const;
  int64_t elementsPerLine() const;
  mlir::Value emitStagingAddress(mlir::Value line, mlir::Value element);
  void emitStageSums(mlir::ValueRange sums, int64_t chunk);
  void emitStageTokenMajorSums(mlir::ValueRange sums, int64_t chunk);
  mlir::Value emitTokenOfLine(mlir::Value line, int64_t chunk);
  /// Stores chunk `chunk`, `width` elements at a time.
  void emitStoreChunk(int64_t chunk, int64_t width);
  void emitStorePiece(mlir::Value address, mlir::Value row, mlir::Value token,
                      int64_t width);
  mlir::Value emitAccumulate(mlir::Value sum, mlir::Value old);
  /// The elements of `buffer` from `position` (index) on.
  llvm::SmallVector<mlir::Value>
  loadElements(mlir::Value buffer, mlir::Value position, int64_t width);
  void emitEpilogueBodies(llvm::MutableArrayRef<mlir::Value> sums,
                          mlir::Value row, mlir::Value token,
                          mlir::Value offset);

  mlir::Value sharedPointer(mlir::Value address);
  /// mma::getSwizzle of `row`, an i32.
  mlir::Value emitSwizzle(mlir::Value row, int64_t pieces);
  mlir::Value minimum(mlir::Value x, int64_t y) {
    return KernelArithmetic::minimum(x, like(x, y));
  }
  using KernelArithmetic::minimum;
  mlir::Value bitXor(mlir::Value x, int64_t y) {
    return KernelArithmetic::bitXor(x, like(x, y));
  }
  using KernelArithmetic::bitXor;

  SpmmOp op;
  const SpmmProblem &problem;
  const SpmmSchedule &schedule;
  KernelArguments args;
  mlir::Value shared;    ///< The CTA's shared memory; i32.
  mlir::Value numTokens; ///< T; i64.
  TileMap map;
  GatherMap gather;
};

/// Builds the kernel of `op` as a function `name` at the builder's insertion
/// point, inside a gpu.module.
mlir::gpu::GPUFuncOp buildSpmmKernel(mlir::OpBuilder &builder, SpmmOp op,
                                     llvm::StringRef name,
                                     const SpmmProblem &problem,
                                     const SpmmSchedule &schedule);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H
