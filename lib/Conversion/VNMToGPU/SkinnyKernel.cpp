// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file puts the parts of the skinny kernel together: threads, the order of
// copies, the main loop.
//
// A warp works for itself until its sums are done: what its lanes copy, only
// they read. So copies are ordered by groups (cp.async.wait_group) and
// bar.warp.sync. At the start of a step the warp waits for the step's copies;
// then all its lanes are also done with the step before, whose slots are filled
// anew. In order of issue, the groups are
//
//   resident metadata, if it is; then
//   x gathered    ids of the first 2 A steps; weights of the first W steps;
//                 activations of each of the first A steps; then, in step i,
//                 weights of step i + W, activations of i + A, ids of i + 2 A
//   x resident    weights and ids of each of the first W steps; then, in
//                 step i, those of step i + W
//
// with W = weightsAhead, A = activationsAhead, W >= A. All of step i has come
// when A - 1 (or W - 1) groups are under way, and so have the ids of i + A.

#include "SkinnyKernel.h"

#include "Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

SkinnyKernel::SkinnyKernel(ImplicitLocOpBuilder &builder, SpmmOp op,
                           const SpmmProblem &problem,
                           const SkinnySchedule &schedule, ValueRange arguments)
    : KernelArithmetic(builder), op(op), problem(problem), schedule(schedule),
      args(op, arguments) {
  args.numTokens = arith::ConstantIndexOp::create(b, problem.numTokens);
}

/// Row tiles are fastest: CTAs that run together then share activations in the
/// L2 cache.
void SkinnyKernel::emitPosition() {
  Type type = b.getI32Type();
  thread = NVVM::ThreadIdXOp::create(b, type);
  warp = div(thread, SkinnySchedule::kWarpSize);
  lane = rem(thread, SkinnySchedule::kWarpSize);
  quadRow = div(lane, 4);
  quadLane = rem(lane, 4);
  Value block = NVVM::BlockIdXOp::create(b, type);
  int64_t rowTiles = llvm::divideCeil(problem.numRows, schedule.rowTile);
  row = mul(rem(block, rowTiles), schedule.rowTile);
  panel = div(row, problem.panelRows);
  batch = div(block, rowTiles);
  warpStart = advance(
      shared, add(mul(warp, schedule.warpBytes()), schedule.residentBytes()));
}

//===----------------------------------------------------------------------===//
// Steps and rings
//===----------------------------------------------------------------------===//

/// Neighbouring steps go to neighbouring warps: what a CTA reads of a row at a
/// time is one long run.
Value SkinnyKernel::emitStep(Value number) {
  return add(mul(number, schedule.numWarps), warp);
}

/// Only copies of the last step have ends of rows to look at, and, where rows
/// are copied in pieces that begin before them and end behind, those of the
/// last tile, which has the end of the buffer.
void SkinnyKernel::emitIfExists(Value number,
                                function_ref<void(Value, bool)> body) {
  bool ragged = problem.numGroups % schedule.stepGroups() != 0;
  Value step = emitStep(number);
  auto exists = scf::IfOp::create(b, less(step, schedule.numSteps()),
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(exists.thenBlock());
  if (!ragged) {
    body(step, /*last=*/false);
    return;
  }
  Value inner = less(step, schedule.numSteps() - 1);
  if (schedule.valuePieces().shifted || schedule.metadataPieces().shifted)
    inner = both(inner, less(row, problem.numRows - schedule.rowTile > 0
                                      ? problem.numRows - schedule.rowTile
                                      : 0));
  auto branch = scf::IfOp::create(b, inner, /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  body(step, /*last=*/false);
  b.setInsertionPointToStart(branch.elseBlock());
  body(step, /*last=*/true);
}

Value SkinnyKernel::emitSlot(Value number, int64_t offset, int64_t slots,
                             int64_t bytes) {
  return advance(warpStart, add(mul(rem(number, slots), bytes), offset));
}

Value SkinnyKernel::emitWeightSlot(Value number) {
  return emitSlot(number, 0, schedule.weightSlots(), schedule.weightBytes());
}

Value SkinnyKernel::emitIdSlot(Value number) {
  return emitSlot(number, schedule.idsOffset(), schedule.idSlots(),
                  schedule.idsBytes());
}

Value SkinnyKernel::emitActivationSlot(Value number) {
  return emitSlot(number, schedule.activationsOffset() + schedule.tokenBytes(),
                  schedule.activationSlots(), schedule.activationBytes());
}

void SkinnyKernel::emitCommit() { NVVM::CpAsyncCommitGroupOp::create(b); }

void SkinnyKernel::emitWait(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(b, pending);
  NVVM::SyncWarpOp::create(b, i32(-1));
}

/// Copies of 16 bytes pass by the L1 cache; smaller ones cannot. Bytes past
/// `validBytes` (null: all are valid) become zero and are not read.
void SkinnyKernel::emitCopy(Value destination, Value source, int64_t bytes,
                            Value validBytes) {
  auto modifier = bytes == 16 ? NVVM::LoadCacheModifierKind::CG
                              : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(b, destination, source, bytes, modifier, validBytes);
}

std::array<Value, 4> SkinnyKernel::emitLdMatrix(Value address,
                                                NVVM::MMALayout layout) {
  MLIRContext *context = b.getContext();
  auto type = LLVM::LLVMStructType::getLiteral(
      context, SmallVector<Type>(4, b.getI32Type()));
  Value matrices =
      NVVM::LdMatrixOp::create(b, type, address, /*num=*/4, layout,
                               NVVM::LdStMatrixShapeAttr::get(context, 8, 8),
                               NVVM::LdStMatrixEltType::B16);
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers[i] = toMmaRegister(
        b, LLVM::ExtractValueOp::create(b, matrices, i), problem.element);
  return registers;
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

static void emitGridControl(ImplicitLocOpBuilder &b,
                            NVVM::GridDepActionKind kind) {
  NVVM::GriddepcontrolOp::create(b, kind);
}

void SkinnyKernel::emitPrologue() {
  if (schedule.dependentLaunch)
    emitGridControl(b, NVVM::GridDepActionKind::launch_dependents);
  auto copyIds = [&](int64_t number) {
    emitIfExists(i32(number), [&](Value step, bool last) {
      emitCopyIds(step, emitIdSlot(i32(number)), last);
    });
  };
  if (schedule.residentMetadata) {
    emitCopyMetadata();
    emitCommit();
  }
  if (!schedule.residentX) {
    for (int64_t i = 0; i < schedule.idSlots(); ++i)
      copyIds(i);
    emitCommit();
  }
  for (int64_t i = 0; i < schedule.weightsAhead; ++i) {
    emitIfExists(i32(i), [&](Value step, bool last) {
      emitCopyWeights(step, emitWeightSlot(i32(i)), last);
    });
    if (schedule.residentX) {
      copyIds(i);
      emitCommit();
    }
  }
  if (!schedule.residentX) {
    emitCommit();
    emitWait(/*pending=*/1);
  }
  if (schedule.dependentLaunch)
    emitGridControl(b, NVVM::GridDepActionKind::wait);
  if (schedule.residentX) {
    emitLoadResident();
    // All copies of metadata are before those of weights.
    NVVM::CpAsyncWaitGroupOp::create(b, schedule.weightsAhead);
    gpu::BarrierOp::create(b);
    return;
  }
  for (int64_t i = 0; i < schedule.activationsAhead; ++i) {
    emitIfExists(i32(i), [&](Value step, bool last) {
      emitCopyActivations(step, emitIdSlot(i32(i)), emitActivationSlot(i32(i)),
                          last);
    });
    emitCommit();
  }
  // The lane's own part of the metadata came before its ids.
  if (schedule.residentMetadata)
    gpu::BarrierOp::create(b);
}

void SkinnyKernel::emitCopyAhead(Value number) {
  int64_t steps = schedule.stepsPerWarp();
  if (schedule.weightsAhead < steps)
    emitIfExists(add(number, schedule.weightsAhead),
                 [&](Value step, bool last) {
                   Value later = add(number, schedule.weightsAhead);
                   emitCopyWeights(step, emitWeightSlot(later), last);
                   if (schedule.residentX)
                     emitCopyIds(step, emitIdSlot(later), last);
                 });
  if (!schedule.residentX && schedule.activationsAhead < steps)
    emitIfExists(add(number, schedule.activationsAhead),
                 [&](Value step, bool last) {
                   Value later = add(number, schedule.activationsAhead);
                   emitCopyActivations(step, emitIdSlot(later),
                                       emitActivationSlot(later), last);
                 });
  if (!schedule.residentX && schedule.idsAhead() < steps)
    emitIfExists(add(number, schedule.idsAhead()), [&](Value step, bool last) {
      emitCopyIds(step, emitIdSlot(add(number, schedule.idsAhead())), last);
    });
  emitCommit();
}

void SkinnyKernel::emitMultiply(Value number, SmallVectorImpl<Value> &sums) {
  Value step = emitStep(number), slot = emitWeightSlot(number);
  if (schedule.gathersToken())
    emitGatherToken(step, emitIdSlot(number),
                    schedule.gathersPairs ? emitActivationSlot(number)
                                          : shared);
  for (int64_t stage = 0; stage < schedule.stagesPerStep; ++stage) {
    SmallVector<std::array<std::array<Value, 4>, 2>> weights;
    SmallVector<Value> metadata;
    for (int64_t tile = 0; tile < schedule.rowTiles(); ++tile) {
      weights.push_back(emitWeightFragment(slot, stage, tile));
      metadata.push_back(emitMetadataFragment(step, slot, stage, tile));
    }
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t n = 0; n < schedule.tokenTiles(); ++n) {
        std::array<Value, 4> activations =
            emitActivationFragment(step, number, stage, half, n);
        for (int64_t m = 0; m < schedule.rowTiles(); ++m)
          emitMmaSp(b, weights[m][half], activations,
                    MutableArrayRef<Value>(sums).slice(
                        4 * (m * schedule.tokenTiles() + n), 4),
                    metadata[m], half, problem.element);
      }
  }
}

std::array<Value, 4>
SkinnyKernel::emitActivationFragment(Value step, Value number, int64_t stage,
                                     int64_t half, int64_t tile) {
  if (schedule.gathersToken())
    return emitTokenFragment(stage, half);
  if (schedule.residentX)
    return emitResidentFragment(step, emitIdSlot(number), stage, half, tile);
  return emitGatheredFragment(emitActivationSlot(number), stage, half, tile);
}

SmallVector<Value> SkinnyKernel::emitMainLoop() {
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0f));
  SmallVector<Value> sums(4 * schedule.rowTiles() * schedule.tokenTiles(),
                          zero);
  // Steps warp, warp + numWarps, ...
  Value count = i32(schedule.stepsPerWarp());
  if (schedule.numSteps() % schedule.numWarps != 0)
    count = div(sub(i32(schedule.numSteps() + schedule.numWarps - 1), warp),
                schedule.numWarps);
  auto loop = scf::ForOp::create(b, i32(0), count, i32(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  emitWait(
      (schedule.residentX ? schedule.weightsAhead : schedule.activationsAhead) -
      1);
  emitCopyAhead(number);
  SmallVector<Value> results(loop.getRegionIterArgs());
  emitMultiply(number, results);
  scf::YieldOp::create(b, results);
  return SmallVector<Value>(loop.getResults());
}

void SkinnyKernel::emit(Value sharedMemory) {
  shared = sharedMemory;
  emitPosition();
  emitPrologue();
  emitStoreSums(emitMainLoop());
  gpu::BarrierOp::create(b);
  emitEpilogue();
}

gpu::GPUFuncOp vnm::buildSkinnyKernel(OpBuilder &builder, SpmmOp op,
                                      StringRef name,
                                      const SpmmProblem &problem,
                                      const SkinnySchedule &schedule) {
  LLVM::GlobalOp global = getSharedMemory(builder, op.getLoc());
  gpu::GPUFuncOp kernel = createKernelFunction(
      builder, op, name, schedule.numThreads(), TypeRange());
  OpBuilder::InsertionGuard guard(builder);
  ImplicitLocOpBuilder body(op.getLoc(), builder);
  body.setInsertionPointToStart(&kernel.getBody().front());
  Value shared = LLVM::AddressOfOp::create(body, global);
  SkinnyKernel emitter(
      body, op, problem, schedule,
      kernel.getArguments().take_front(kernel.getNumArguments()));
  emitter.emit(shared);
  gpu::ReturnOp::create(body);
  return kernel;
}
