// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the parts an mma_sp kernel is made of. Each part is one
// file: tile map, gather, fragments, main loop, epilogue; SpmmKernel.cpp puts
// them together.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H

#include "Schedule.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// Kernel arguments: flat buffers in the GPU's memory, and T.
struct KernelArguments {
  mlir::Value values;
  mlir::Value metadata;
  mlir::Value columns;
  mlir::Value rows; ///< Null unless rows are permuted.
  mlir::Value x;
  mlir::Value y;
  llvm::SmallVector<mlir::Value> epilogue;
  mlir::Value numTokens;

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
/// with the arguments that KernelArguments expects and an empty body.
mlir::gpu::GPUFuncOp createKernelFunction(mlir::OpBuilder &builder, SpmmOp op,
                                          llvm::StringRef name,
                                          int64_t numThreads,
                                          mlir::TypeRange workgroup);

/// Where a thread is, all of index type.
struct TileMap {
  mlir::Value thread;    ///< In the CTA.
  mlir::Value lane;      ///< In the warp.
  mlir::Value quadRow;   ///< lane / 4, "g" in the PTX manual's figures.
  mlir::Value quadLane;  ///< lane % 4, "q".
  mlir::Value warpRow;   ///< First row of the warp in the CTA's tile.
  mlir::Value warpToken; ///< First token of the warp in the CTA's tile.
  mlir::Value row;       ///< First stored row of the CTA's tile.
  mlir::Value panel;     ///< Its row panel.
  mlir::Value token;     ///< First token of the CTA's tile.
  mlir::Value batch;     ///< Batch entry, batch dimensions flattened.
};

/// Sparse operand of one warp and one step of kStageSlots channels: four
/// registers per m16 tile and k32 half, one metadata register per m16 tile.
struct WeightFragments {
  llvm::SmallVector<std::array<std::array<mlir::Value, 4>, 2>> values;
  llvm::SmallVector<mlir::Value> metadata;
};

/// Shared memory of a CTA: gathered channels while multiplying, then the tile
/// of sums.
struct SharedMemory {
  /// [stage][slot][token], or [stage][token][slot] if x is token-major.
  mlir::Value stages;
  /// f32 [row][token].
  mlir::Value sums;
};

/// Emits the body of one kernel at its builder's insertion point.
class SpmmKernel {
public:
  SpmmKernel(mlir::ImplicitLocOpBuilder &builder, SpmmOp op,
             const SpmmProblem &problem, const SpmmSchedule &schedule,
             mlir::ValueRange arguments);

  /// Types of the workgroup buffer that `emit` needs.
  static mlir::MemRefType getWorkgroupType(const SpmmProblem &problem,
                                           const SpmmSchedule &schedule,
                                           mlir::MLIRContext *context);

  /// Emits the whole body, with `workgroup` a buffer of that type.
  void emit(mlir::Value workgroup);

private:
  // TileMap.cpp
  TileMap emitTileMap();
  SharedMemory emitSharedMemory(mlir::Value workgroup);

  // Gather.cpp
  /// Starts filling buffer `buffer` with the channels of step `step`. Slots
  /// without a channel and tokens past T are zero; x is not read for them.
  void emitGather(mlir::Value step, mlir::Value buffer);
  /// The channel of a slot and whether there is one.
  std::pair<mlir::Value, mlir::Value> emitChannel(mlir::Value slot);
  void emitGatherPieces(mlir::Value step, mlir::Value buffer);
  void emitGatherElements(mlir::Value step, mlir::Value buffer);
  void emitGatherElement(mlir::Value channel, mlir::Value valid,
                         mlir::Value token, mlir::ValueRange destination);

  // Fragments.cpp
  WeightFragments emitWeightFragments(mlir::Value step);
  mlir::Value emitWeightRegister(mlir::Value row, mlir::Value group);
  mlir::Value emitMetadataHalf(mlir::Value row, mlir::Value word);
  /// The four registers of n8 tile `tile` and k32 half `half`.
  std::array<mlir::Value, 4> emitActivationFragment(mlir::Value buffer,
                                                    int64_t half, int64_t tile);

  // MainLoop.cpp
  /// Sums of the warp's tile, [m16 tile][n8 tile][4], flattened.
  llvm::SmallVector<mlir::Value> emitMainLoop();
  llvm::SmallVector<mlir::Value> emitStep(mlir::Value step,
                                          mlir::ValueRange sums);
  void emitMultiply(const WeightFragments &weight, mlir::Value buffer,
                    llvm::SmallVectorImpl<mlir::Value> &sums);

  // Epilogue.cpp
  void emitStoreSums(mlir::ValueRange sums);
  void emitEpilogue();
  void emitEpilogueElement(mlir::Value tileRow, mlir::Value tileToken);

  // Small arithmetic on indices; constants fold.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, index(b)); }
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b) { return div(a, index(b)); }
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, int64_t b) { return rem(a, index(b)); }
  /// a < b, unsigned.
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, int64_t b) { return less(a, index(b)); }
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// `a` if it is below `bound`, else bound - 1: an index that is safe to read.
  mlir::Value clamp(mlir::Value a, int64_t bound);
  mlir::Value isTrue();

  mlir::ImplicitLocOpBuilder &b;
  SpmmOp op;
  const SpmmProblem &problem;
  const SpmmSchedule &schedule;
  KernelArguments args;
  TileMap map;
  SharedMemory shared;
};

/// Builds the kernel of `op` as a function `name` at the builder's insertion
/// point, inside a gpu.module.
mlir::gpu::GPUFuncOp buildSpmmKernel(mlir::OpBuilder &builder, SpmmOp op,
                                     llvm::StringRef name,
                                     const SpmmProblem &problem,
                                     const SpmmSchedule &schedule);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SPMMKERNEL_H
