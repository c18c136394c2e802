// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the main loop of the wgmma_sp kernel: one tile's stages.
//
// The loop's body is a group of two or four stages. Weights are loaded while
// the group before is multiplied: all of a group together, or, of fragments,
// each stage's by themselves. What the loop cannot cover follows it, with every
// stage's number known.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"

using namespace mlir;
using namespace vnm;

Type WgmmaKernel::getSumsType() {
  return LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(tileTokens() / 2, b.getF32Type()));
}

Value WgmmaKernel::emitSlotBefore(Value slot) {
  return select(equal(slot, 0), i32(schedule.stages - 1), sub(slot, i32(1)));
}

/// Hands a slot back to the producers, once per warp.
void WgmmaKernel::emitRelease(Value slot, Value condition) {
  if (schedule.cluster > 1)
    return emitReleaseInCluster(slot, condition);
  Value elected = NVVM::ElectSyncOp::create(b, b.getI1Type(), Value());
  auto branch = scf::IfOp::create(b, both(elected, condition),
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitArrive(Barrier::Empty, slot);
}

/// One k32 step. The metadata register serves both; lanes q = 0, 1 hold that of
/// the first (selector 0), lanes q = 2, 3 that of the second.
Value WgmmaKernel::emitMultiply(Value sums, const StageWeights &weights,
                                Value metadata, Value descriptor, int64_t step,
                                Value keepSums) {
  const auto &[low, high] = weights.values;
  SmallVector<Value> registers = {low[2 * step], high[2 * step],
                                  low[2 * step + 1], high[2 * step + 1]};
  Value start = add(descriptor, i64(step * wgmma::kStepStride >> 4));
  MLIRContext *context = b.getContext();
  bool isBF16 = problem.element.isBF16();
  auto type = NVVM::WGMMATypesAttr::get(
      context, isBF16 ? NVVM::WGMMATypes::bf16 : NVVM::WGMMATypes::f16);
  auto one = NVVM::WGMMAScaleInAttr::get(context, NVVM::WGMMAScaleIn::one);
  return nvvm::WgmmaMmaAsyncSpOp::create(
      b, getSumsType(), sums, registers, start, metadata, keepSums,
      b.getI32IntegerAttr(step),
      NVVM::MMAShapeAttr::get(context, 64, tileTokens(), 32),
      NVVM::WGMMATypesAttr::get(context, NVVM::WGMMATypes::f32), type, one,
      NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::row), type, one,
      NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::row), UnitAttr());
}

/// Issues one stage's multiplications. Then those of the stage before are
/// waited for, whose slot is free again.
Value WgmmaKernel::emitStage(Value sums, const StageWeights &weights,
                             const WeightPointers &pointers, Value first,
                             RingPosition &position) {
  Value address = LLVM::PtrToIntOp::create(b, b.getI32Type(), ringStart);
  // Above the offset in shared memory lies the CTA's number in its cluster.
  constexpr int64_t kOffsetMask = 0x3FFFF;
  if (schedule.cluster > 1)
    address = bitAnd(address, kOffsetMask);
  address = add(address, mul(position.slot, schedule.stageBytes()));
  Value descriptor = add(extend(shiftRight(address, 4)),
                         i64(static_cast<int64_t>(wgmma::kDescriptorBase)));
  Value later = bitXor(first, isTrue());
  emitWait(getStageBarrier(), position.slot, position.parity);
  Value metadata = emitMetadataRegister(weights, pointers);
  NVVM::WgmmaFenceAlignedOp::create(b);
  sums = emitMultiply(sums, weights, metadata, descriptor, 0, later);
  sums = emitMultiply(sums, weights, metadata, descriptor, 1, isTrue());
  NVVM::WgmmaGroupSyncAlignedOp::create(b);
  NVVM::WgmmaWaitGroupSyncOp::create(b, 1);
  emitRelease(emitSlotBefore(position.slot), later);
  position = emitNext(position);
  return sums;
}

/// A group of stages whose weights are in `group`; `loadNext` loads what
/// follows on a stage of it. Fragments take few loads, which have scoreboards
/// of their own: a stage's are copied as it begins, and there are always loads
/// of a whole group of stages under way. Otherwise all are copied, then the
/// next group's are loaded: there is never more than one group that is being
/// loaded, because a wait for one load is a wait for all that were issued
/// before it and, in a loop, behind it.
Value WgmmaKernel::emitGroup(Value sums, const StageWeightsList &group,
                             const WeightPointers &pointers, Value first,
                             RingPosition &position,
                             llvm::function_ref<void(int64_t)> loadNext) {
  StageWeightsList operands = group;
  if (!schedule.rollsWeights)
    for (StageWeights &weights : operands)
      weights = emitCopy(weights, pointers);
  Value no = bitXor(isTrue(), isTrue());
  for (auto [i, weights] : llvm::enumerate(operands)) {
    if (schedule.rollsWeights)
      weights = emitCopy(weights, pointers);
    sums = emitStage(sums, weights, pointers, i == 0 ? first : no, position);
    loadNext(static_cast<int64_t>(i));
  }
  return sums;
}

/// Adds to `next` what is loaded after stage `i` of a group; `stage` and
/// `known` are of the next group, as for emitLoadWeights.
void WgmmaKernel::emitLoadNext(const WeightPointers &pointers, Value stage,
                               int64_t known, int64_t i,
                               StageWeightsList &next) {
  if (known >= 0 && known + i >= stagesPerTile())
    return;
  if (schedule.rollsWeights)
    next.push_back(emitLoadFragments(pointers, add(stage, i)));
  else if (i == 0)
    next = emitLoadWeights(pointers, stage, known);
}

Value WgmmaKernel::emitMainLoop(const WeightPointers &pointers,
                                RingPosition &position,
                                StageWeightsList &ahead) {
  int64_t numStages = stagesPerTile();
  // The loop loads no part of a last stage that is ragged.
  int64_t numWhole = numStages - (problem.numGroups % wgmma::kStageGroups != 0);
  int64_t count = schedule.weightGroup;
  int64_t rounds = std::max<int64_t>(0, numWhole / count - 1);
  Value sums = LLVM::UndefOp::create(b, getSumsType());
  mainLoopStart = sums.getDefiningOp();
  if (rounds > 0)
    sums = emitRounds(rounds, sums, pointers, position, ahead);
  for (int64_t stage = rounds * count; stage < numStages; stage += count) {
    StageWeightsList next;
    Value first = stage == 0 ? isTrue() : bitXor(isTrue(), isTrue());
    sums = emitGroup(sums, ahead, pointers, first, position, [&](int64_t i) {
      emitLoadNext(pointers, i32(stage + count), stage + count, i, next);
    });
    ahead = next;
  }
  return sums;
}

/// The loop: `rounds` groups of stages.
Value WgmmaKernel::emitRounds(int64_t rounds, Value sums,
                              const WeightPointers &pointers,
                              RingPosition &position, StageWeightsList &ahead) {
  SmallVector<Value> carried = {sums, position.slot, position.parity};
  pack(ahead, carried);
  auto loop = scf::ForOp::create(b, i32(0), i32(rounds), i32(1), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ValueRange current = loop.getRegionIterArgs();
  StageWeightsList group = ahead, next;
  unpack(current.drop_front(3), group);
  RingPosition inner = {current[1], current[2]};
  Value round = loop.getInductionVar();
  Value nextGroup = mul(add(round, 1), schedule.weightGroup);
  Value result = emitGroup(
      current[0], group, pointers, equal(round, 0), inner, [&](int64_t i) {
        emitLoadNext(pointers, nextGroup, /*known=*/-1, i, next);
      });
  SmallVector<Value> results = {result, inner.slot, inner.parity};
  pack(next, results);
  scf::YieldOp::create(b, results);
  position = {loop.getResult(1), loop.getResult(2)};
  unpack(loop.getResults().drop_front(3), ahead);
  return loop.getResult(0);
}
