// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the main loop: gather a step ahead, multiply the current one.

#include "Fragments.h"
#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

void SpmmKernel::emitMultiply(const WeightFragments &weight, Value buffer,
                              SmallVectorImpl<Value> &sums) {
  int64_t tokenTiles = schedule.tokenTilesPerWarp();
  for (int64_t tile = 0; tile < tokenTiles; ++tile) {
    for (int64_t half = 0; half < 2; ++half) {
      std::array<Value, 4> activations =
          emitActivationFragment(buffer, half, tile);
      for (int64_t row = 0; row < schedule.rowTilesPerWarp(); ++row)
        emitMmaSp(b, weight.values[row][half], activations,
                  MutableArrayRef<Value>(sums).slice(
                      4 * (row * tokenTiles + tile), 4),
                  weight.metadata[row], half, problem.element.isBF16());
    }
  }
}

/// Step `step` multiplies buffer step % 2 while the other one is filled for the
/// next step. The first barrier makes everyone's part of the buffer visible;
/// the second keeps the next step's gather from overwriting it too early. The
/// copies are grouped with NVVM's ops: nvgpu's want the copies' tokens, which
/// do not leave the branches in which they are issued.
SmallVector<Value> SpmmKernel::emitStep(Value step, ValueRange sums) {
  int64_t numSteps =
      llvm::divideCeil(problem.numGroups, SpmmSchedule::kStageGroups);
  Value next = add(step, 1);
  auto more = scf::IfOp::create(b, less(next, numSteps),
                                /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(more.thenBlock());
    emitGather(next, rem(next, SpmmSchedule::kStages));
  }
  NVVM::CpAsyncCommitGroupOp::create(b);
  // Issued before the wait, so that their latencies overlap.
  WeightFragments weight = emitWeightFragments(step);
  NVVM::CpAsyncWaitGroupOp::create(b, /*n=*/1);
  gpu::BarrierOp::create(b);
  SmallVector<Value> result(sums);
  emitMultiply(weight, rem(step, SpmmSchedule::kStages), result);
  gpu::BarrierOp::create(b);
  return result;
}

SmallVector<Value> SpmmKernel::emitMainLoop() {
  int64_t numSteps =
      llvm::divideCeil(problem.numGroups, SpmmSchedule::kStageGroups);
  emitGather(index(0), index(0));
  NVVM::CpAsyncCommitGroupOp::create(b);
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0f));
  SmallVector<Value> sums(
      4 * schedule.rowTilesPerWarp() * schedule.tokenTilesPerWarp(), zero);
  auto loop = scf::ForOp::create(b, index(0), index(numSteps), index(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(
      b, emitStep(loop.getInductionVar(), loop.getRegionIterArgs()));
  return SmallVector<Value>(loop.getResults());
}
