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
       {ArrayRef<Value>(metadata), ArrayRef<Value>(ids), ArrayRef<Value>(rows),
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
  for (SmallVectorImpl<Value> *list :
       {&metadata, &ids, &rows, &weights, &activations})
    take(*list);
}

/// Operands as mma.sp takes them.
static SmallVector<Value> toRegisters(ImplicitLocOpBuilder &b,
                                      ArrayRef<Value> bits, Type element) {
  SmallVector<Value> registers;
  for (Value value : bits)
    registers.push_back(toMmaRegister(b, value, element));
  return registers;
}

/// A kernel for any T has the registers of its copies; where it takes words of
/// tokens, for which a thread needs more ids, it loads them when it needs them.
/// Of a window there is one at most.
bool SpmmKernel::carriesIds() const {
  return schedule.window || gather.mode != GatherMode::Tokens ||
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
void SpmmKernel::emitNextStage(LoopState &state, Value stage,
                               ValueRange panelIds) {
  NVVM::CpAsyncWaitGroupOp::create(b, schedule.stages - 2);
  gpu::BarrierOp::create(b);
  if (stagesMetadata())
    state.metadata = emitReadMetadata(stage);
  state.weights.clear();
  for (int64_t tile = 0; tile < schedule.rowTilesPerWarp(); ++tile)
    llvm::append_range(state.weights, emitWeights(state.read, 0, tile));
  if (picksRows())
    state.rows = emitPickRows(panelIds, stage, state.read);
  state.activations = emitActivations(state, 0, 0);
}

/// Multiplies the stage at state.read, load by load of tokens, with the
/// operands of the next load under way; copies lie between.
void SpmmKernel::emitStage(LoopState &state, Value stage, bool gathers,
                           bool last) {
  int64_t rowTiles = schedule.rowTilesPerWarp();
  int64_t loads = schedule.loadsPerStep();
  int64_t numLoads = schedule.stepsPerStage() * loads;
  SmallVector<Value> metadata = emitMetadata(state.metadata);
  SmallVector<Copy> copies;
  if (gathers) {
    Value later = add(stage, schedule.stages - 1);
    copies = makeGather(later, state.ids, state.write);
    if (carriesIds())
      state.ids = emitLoadIds(add(later, 1));
    state.write = emitNextBuffer(state.write);
  }
  if (!last && !stagesMetadata())
    state.metadata = emitLoadMetadata(add(stage, 1));
  SmallVector<Value> panelIds;
  if (!last && picksRows())
    panelIds = emitLoadPanelIds(add(stage, 1));

  SmallVector<Value> weights[2] = {state.weights, {}};
  SmallVector<Value> activations = state.activations;
  size_t copied = 0, copyingLoads = std::max<int64_t>(1, numLoads - 1);
  for (int64_t number = 0; number < numLoads; ++number) {
    int64_t half = number / loads, load = number % loads;
    SmallVector<Value> next;
    if (number + 1 < numLoads)
      next = emitActivations(state, (number + 1) / loads, (number + 1) % loads);
    // The second step's weights, evenly over the first.
    for (int64_t row = 0; half + 1 < schedule.stepsPerStage() && row < rowTiles;
         ++row)
      if (row * loads / rowTiles == load)
        llvm::append_range(weights[1], emitWeights(state.read, 1, row));
    for (; copied < copies.size() &&
           copied * copyingLoads < copies.size() * (number + 1);
         ++copied)
      copies[copied]();
    if (number + 1 == numLoads && !last) {
      NVVM::CpAsyncCommitGroupOp::create(b);
      state.read = emitNextBuffer(state.read);
      emitNextStage(state, add(stage, 1), panelIds);
    }
    emitMultiply(state.sums, weights[half], activations, metadata, half, load);
    activations = next;
  }
}

void SpmmKernel::emitMultiply(MutableArrayRef<Value> sums,
                              ArrayRef<Value> weights,
                              ArrayRef<Value> activations,
                              ArrayRef<Value> metadata, int64_t half,
                              int64_t load) {
  SmallVector<Value> rows = toRegisters(b, weights, problem.element);
  SmallVector<Value> tokens = toRegisters(b, activations, problem.element);
  int64_t tilesPerPanel = schedule.rowTilesPerWarp() / schedule.panelsPerWarp();
  int64_t firstRow = load / schedule.loadsPerPanel() * tilesPerPanel;
  int64_t firstToken =
      load % schedule.loadsPerPanel() * schedule.tilesPerLoad();
  for (int64_t i = 0; i < schedule.tilesPerLoad(); ++i)
    for (int64_t row = firstRow; row < firstRow + tilesPerPanel; ++row) {
      int64_t tile = row * schedule.tokenTilesPerWarp() + firstToken + i;
      emitMmaSp(b, ArrayRef<Value>(rows).slice(4 * row, 4),
                ArrayRef<Value>(tokens).slice(4 * i, 4),
                sums.slice(4 * tile, 4), metadata[row], half, problem.element);
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
  if (carriesIds())
    state.ids = emitLoadIds(i32(ahead));
  SmallVector<Value> panelIds;
  if (picksRows())
    panelIds = emitLoadPanelIds(i32(0));
  if (!stagesMetadata())
    state.metadata = emitLoadMetadata(i32(0));
  state.read = shared;
  state.write = add(shared, ahead * schedule.stageBytes());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(problem.sumElement));
  state.sums.assign(
      4 * schedule.rowTilesPerWarp() * schedule.tokenTilesPerWarp(), zero);
  emitNextStage(state, i32(0), panelIds);
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
    return emitMainLoop(copyWidth() < mma::kRegisterBytes ? GatherMode::Tokens
                                                          : GatherMode::Copies);
  SmallVector<Type> types(4 * schedule.rowTilesPerWarp() *
                              schedule.tokenTilesPerWarp(),
                          problem.sumElement);
  Value aligned = equal(rem(numTokens, schedule.pieceElements()), 0);
  auto branch = scf::IfOp::create(b, types, aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, emitMainLoop(GatherMode::Copies));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, emitMainLoop(GatherMode::Tokens));
  return SmallVector<Value>(branch.getResults());
}
