// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the main loop. A stage is multiplied while those after it are
// copied; one barrier per stage keeps the warps in step.
//
// The barrier lies before the last multiplications of a stage: behind it, the
// next stage's first operands are loaded while those go on. All reads of the
// stage are before it, so the copies that follow it may overwrite the buffer.

#include "Fragments.h"
#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

SmallVector<Value> LoopState::pack() const {
  SmallVector<Value> values(sums);
  values.append({read, write});
  for (ArrayRef<Value> list :
       {ArrayRef<Value>(metadata), ArrayRef<Value>(ids),
        ArrayRef<Value>(weights), ArrayRef<Value>(activations)})
    values.append(list.begin(), list.end());
  return values;
}

void LoopState::unpack(ValueRange values) {
  auto next = values.begin();
  auto take = [&](SmallVectorImpl<Value> &list) {
    for (Value &value : list)
      value = *next++;
  };
  take(sums);
  read = *next++;
  write = *next++;
  for (SmallVectorImpl<Value> *list : {&metadata, &ids, &weights, &activations})
    take(*list);
}

/// Operands as mma.sp takes them.
static SmallVector<Value> toRegisters(ImplicitLocOpBuilder &b,
                                      ArrayRef<Value> bits, bool isBF16) {
  SmallVector<Value> registers;
  for (Value value : bits)
    registers.push_back(toMmaRegister(b, value, isBF16));
  return registers;
}

/// Whether column ids are loaded a stage ahead. A kernel for any T has the
/// registers of its copies; where it takes pairs of tokens, for which a thread
/// needs more ids, it loads them when it needs them.
static bool carriesIds(const SpmmProblem &problem, GatherMode mode) {
  return mode != GatherMode::Tokens ||
         !ShapedType::isDynamic(problem.numTokens);
}

Value SpmmKernel::emitNextBuffer(Value buffer) {
  Value next = add(buffer, schedule.stageBytes());
  Value end = add(shared, schedule.stages * schedule.stageBytes());
  return select(less(next, end), next, shared);
}

/// All copies are grouped by stages, of which schedule.stages - 1 are under
/// way; when all but the last schedule.stages - 2 have arrived, so has the
/// next.
void SpmmKernel::emitNextStage(LoopState &state, Value stage) {
  NVVM::CpAsyncWaitGroupOp::create(b, schedule.stages - 2);
  gpu::BarrierOp::create(b);
  if (stagesMetadata())
    state.metadata = emitReadMetadata(stage);
  state.weights.clear();
  for (int64_t tile = 0; tile < schedule.rowTilesPerWarp(); ++tile)
    llvm::append_range(state.weights, emitWeights(state.read, 0, tile));
  state.activations = emitActivations(state.read, 0, 0);
}

/// Multiplies the stage at state.read, tile by tile of tokens, with the
/// operands of the next tile under way; copies lie between.
void SpmmKernel::emitStage(LoopState &state, Value stage, bool gathers,
                           bool last) {
  int64_t rowTiles = schedule.rowTilesPerWarp();
  int64_t tokenTiles = schedule.tokenTilesPerWarp();
  int64_t steps = 2 * tokenTiles;
  bool isBF16 = problem.element.isBF16();
  SmallVector<Value> metadata = emitMetadata(state.metadata);
  SmallVector<Copy> copies;
  if (gathers) {
    Value later = add(stage, schedule.stages - 1);
    copies = makeGather(later, state.ids, state.write);
    if (carriesIds(problem, gather.mode))
      state.ids = emitLoadIds(add(later, 1));
    state.write = emitNextBuffer(state.write);
  }
  if (!last && !stagesMetadata())
    state.metadata = emitLoadMetadata(add(stage, 1));

  SmallVector<Value> weights[2] = {state.weights, {}};
  SmallVector<Value> activations = state.activations;
  size_t copied = 0;
  for (int64_t step = 0; step < steps; ++step) {
    int64_t half = step / tokenTiles, tile = step % tokenTiles;
    SmallVector<Value> next;
    if (step + 1 < steps) {
      next = emitActivations(state.read, (step + 1) / tokenTiles,
                             (step + 1) % tokenTiles);
      // The second step's weights, evenly over the first.
      for (int64_t row = 0; half == 0 && row < rowTiles; ++row)
        if (row * tokenTiles / rowTiles == tile)
          llvm::append_range(weights[1], emitWeights(state.read, 1, row));
      for (; copied * (steps - 1) < copies.size() * (step + 1); ++copied)
        copies[copied]();
    } else if (!last) {
      NVVM::CpAsyncCommitGroupOp::create(b);
      state.read = emitNextBuffer(state.read);
      emitNextStage(state, add(stage, 1));
    }
    for (int64_t row = 0; row < rowTiles; ++row)
      emitMmaSp(b,
                toRegisters(b, ArrayRef<Value>(weights[half]).slice(4 * row, 4),
                            isBF16),
                toRegisters(b, activations, isBF16),
                MutableArrayRef<Value>(state.sums)
                    .slice(4 * (row * tokenTiles + tile), 4),
                metadata[row], half, isBF16);
    activations = next;
  }
}

void SpmmKernel::emitStages(LoopState &state, int64_t first, int64_t count,
                            bool gathers) {
  if (count <= 0)
    return;
  auto loop = scf::ForOp::create(b, i32(first), i32(first + count), i32(1),
                                 state.pack());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  LoopState inner = state;
  inner.unpack(loop.getRegionIterArgs());
  emitStage(inner, loop.getInductionVar(), gathers, /*last=*/false);
  scf::YieldOp::create(b, inner.pack());
  state.unpack(loop.getResults());
}

/// Starts the copies of the first stages, and loads what the first needs. A
/// group without copies stands for a stage that does not exist.
LoopState SpmmKernel::emitPrologue() {
  LoopState state;
  int64_t ahead = schedule.stages - 1;
  for (int64_t stage = 0; stage < ahead; ++stage) {
    if (stage < numStages()) {
      Value write = add(shared, stage * schedule.stageBytes());
      for (const Copy &copy :
           makeGather(i32(stage), emitLoadIds(i32(stage)), write))
        copy();
    }
    NVVM::CpAsyncCommitGroupOp::create(b);
  }
  if (carriesIds(problem, gather.mode))
    state.ids = emitLoadIds(i32(ahead));
  if (!stagesMetadata())
    state.metadata = emitLoadMetadata(i32(0));
  state.read = shared;
  state.write = add(shared, ahead * schedule.stageBytes());
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0f));
  state.sums.assign(
      4 * schedule.rowTilesPerWarp() * schedule.tokenTilesPerWarp(), zero);
  emitNextStage(state, i32(0));
  return state;
}

SmallVector<Value> SpmmKernel::emitMainLoop(GatherMode mode) {
  gather = emitGatherMap(mode);
  LoopState state = emitPrologue();
  int64_t gathering = std::max<int64_t>(0, numStages() - (schedule.stages - 1));
  emitStages(state, 0, std::min(gathering, numStages() - 1),
             /*gathers=*/true);
  emitStages(state, gathering, numStages() - 1 - gathering,
             /*gathers=*/false);
  emitStage(state, i32(numStages() - 1), /*gathers=*/false, /*last=*/true);
  return state.sums;
}

/// If T is dynamic, whether rows of x are aligned shows at run time.
SmallVector<Value> SpmmKernel::emitMainLoop() {
  if (problem.xTokenMajor)
    return emitMainLoop(GatherMode::Slots);
  if (!ShapedType::isDynamic(problem.numTokens))
    return emitMainLoop(copyWidth() > mma::kElementBytes ? GatherMode::Copies
                                                         : GatherMode::Tokens);
  SmallVector<Type> types(4 * schedule.rowTilesPerWarp() *
                              schedule.tokenTilesPerWarp(),
                          b.getF32Type());
  Value aligned = equal(rem(numTokens, mma::kPieceElements), 0);
  auto branch = scf::IfOp::create(b, types, aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, emitMainLoop(GatherMode::Copies));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, emitMainLoop(GatherMode::Tokens));
  return SmallVector<Value>(branch.getResults());
}
