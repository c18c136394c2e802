// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts barriers, mbarriers and fences.

#include "KernelConverter.h"

#include "vnm/Emulator/Abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;

/// Replaces the op's result, if it has one.
static LogicalResult finish(Operation *op, Value result = {}) {
  if (op->getNumResults())
    op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

/// The emulator's number for "no reduction".
static constexpr int64_t kNoReduction = 3;

static LogicalResult convertBarrier0(Operation *op, KernelConverter &c) {
  Value zero = c.i32(0);
  c.callWithI32(op, "barrier", {zero, zero, c.i32(kNoReduction), zero});
  return finish(op);
}

static LogicalResult convertBarrier(Operation *op, KernelConverter &c) {
  auto barrier = cast<NVVM::BarrierOp>(op);
  auto orZero = [&](Value value) { return value ? value : c.i32(0); };
  int64_t reduction = barrier.getReductionOp()
                          ? int64_t(*barrier.getReductionOp())
                          : kNoReduction;
  return finish(
      op, c.callWithI32(op, "barrier",
                        {orZero(barrier.getBarrierId()),
                         orZero(barrier.getNumberOfThreads()), c.i32(reduction),
                         orZero(barrier.getReductionPredicate())}));
}

static LogicalResult convertBarrierArrive(Operation *op, KernelConverter &c) {
  auto barrier = cast<NVVM::BarrierArriveOp>(op);
  Value id = barrier.getBarrierId() ? barrier.getBarrierId() : c.i32(0);
  c.call(op, "barrier_arrive", {id, barrier.getNumberOfThreads()});
  return finish(op);
}

template <bool relaxed>
static LogicalResult convertClusterArrive(Operation *op, KernelConverter &c) {
  c.call(op, "cluster_arrive",
         {c.i32(relaxed), c.i32(op->hasAttr("aligned"))});
  return finish(op);
}

static LogicalResult convertClusterWait(Operation *op, KernelConverter &c) {
  c.call(op, "cluster_wait", {c.i32(op->hasAttr("aligned"))});
  return finish(op);
}

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

static LogicalResult convertInit(Operation *op, KernelConverter &c) {
  auto init = cast<NVVM::MBarrierInitOp>(op);
  c.guard(op, init.getPredicate());
  c.call(op, "mbarrier_init", {c.toPointer(init.getAddr()), init.getCount()});
  return finish(op);
}

static LogicalResult convertInval(Operation *op, KernelConverter &c) {
  c.call(op, "mbarrier_inval", {c.toPointer(op->getOperand(0))});
  return finish(op);
}

static Value emitArrive(Operation *op, KernelConverter &c, Value address,
                        Value count, bool drop, bool noComplete, bool relaxed) {
  return c.call(op, "mbarrier_arrive",
                {c.toPointer(address), count ? count : c.i32(1), c.i32(drop),
                 c.i32(noComplete), c.i32(relaxed)},
                c.builder().getI64Type());
}

template <typename OpTy, bool drop>
static LogicalResult convertArrive(Operation *op, KernelConverter &c) {
  auto arrive = cast<OpTy>(op);
  return finish(op, emitArrive(op, c, arrive.getAddr(), arrive.getCount(), drop,
                               /*noComplete=*/false, arrive.getRelaxed()));
}

template <typename OpTy, bool drop>
static LogicalResult convertNoComplete(Operation *op, KernelConverter &c) {
  auto arrive = cast<OpTy>(op);
  return finish(op, emitArrive(op, c, arrive.getAddr(), arrive.getCount(), drop,
                               /*noComplete=*/true, /*relaxed=*/false));
}

static void emitTransactions(Operation *op, KernelConverter &c, Value address,
                             Value bytes, bool add) {
  c.call(op, "mbarrier_transactions",
         {c.toPointer(address), bytes, c.i32(add)});
}

template <typename OpTy, bool add>
static LogicalResult convertTransactions(Operation *op, KernelConverter &c) {
  auto transactions = cast<OpTy>(op);
  emitTransactions(op, c, transactions.getAddr(), transactions.getTxcount(),
                   add);
  return finish(op);
}

static LogicalResult convertArriveExpect(Operation *op, KernelConverter &c) {
  auto arrive = cast<NVVM::MBarrierArriveExpectTxOp>(op);
  if (arrive.getPredicate() && op->getNumResults())
    return emitNoEmulation(op) << " with a predicate and a result";
  c.guard(op, arrive.getPredicate());
  emitTransactions(op, c, arrive.getAddr(), arrive.getTxcount(), /*add=*/true);
  return finish(op, emitArrive(op, c, arrive.getAddr(), Value(), /*drop=*/false,
                               /*noComplete=*/false, arrive.getRelaxed()));
}

static LogicalResult convertArriveDropExpect(Operation *op,
                                             KernelConverter &c) {
  auto arrive = cast<NVVM::MBarrierArriveDropExpectTxOp>(op);
  emitTransactions(op, c, arrive.getAddr(), arrive.getTxcount(), /*add=*/true);
  return finish(op, emitArrive(op, c, arrive.getAddr(), Value(), /*drop=*/true,
                               /*noComplete=*/false, arrive.getRelaxed()));
}

static Value emitWait(Operation *op, KernelConverter &c, Value address,
                      Value phase, int64_t blocking, bool relaxed) {
  ImplicitLocOpBuilder &b = c.builder();
  bool isState = phase.getType().isInteger(64);
  if (!isState)
    phase = LLVM::ZExtOp::create(b, b.getI64Type(), phase);
  return c.callWithI32(op, "mbarrier_wait",
                       {c.toPointer(address), phase, c.i32(isState),
                        c.i32(blocking), c.i32(relaxed)});
}

/// The op stands for a loop until the phase is over.
static LogicalResult convertWaitParity(Operation *op, KernelConverter &c) {
  auto wait = cast<NVVM::MBarrierTryWaitParityOp>(op);
  emitWait(op, c, wait.getAddr(), wait.getPhase(), /*blocking=*/2,
           /*relaxed=*/false);
  return finish(op);
}

template <typename OpTy, int64_t blocking>
static LogicalResult convertWait(Operation *op, KernelConverter &c) {
  auto wait = cast<OpTy>(op);
  Value isOver = emitWait(op, c, wait.getAddr(), wait.getStateOrPhase(),
                          blocking, wait.getRelaxed());
  return finish(op, c.toI1(isOver));
}

static LogicalResult convertCopyArrive(Operation *op, KernelConverter &c) {
  auto arrive = cast<NVVM::CpAsyncMBarrierArriveOp>(op);
  c.call(op, "cp_async_mbarrier_arrive",
         {c.toPointer(arrive.getAddr()), c.i32(arrive.getNoinc())});
  return finish(op);
}

//===----------------------------------------------------------------------===//
// Fences and others
//===----------------------------------------------------------------------===//

static LogicalResult emitFence(Operation *op, KernelConverter &c,
                               VnmEmuFence kind) {
  c.call(op, "fence", {c.i32(kind)});
  return finish(op);
}

static LogicalResult convertFence(Operation *op, KernelConverter &c) {
  return emitFence(op, c, VNM_EMU_FENCE_MEMORY);
}

static LogicalResult convertFenceProxy(Operation *op, KernelConverter &c) {
  NVVM::ProxyKind kind = cast<NVVM::FenceProxyOp>(op).getKind();
  bool isAsync = kind == NVVM::ProxyKind::async ||
                 kind == NVVM::ProxyKind::async_shared;
  return emitFence(op, c,
                   isAsync ? VNM_EMU_FENCE_PROXY_ASYNC : VNM_EMU_FENCE_MEMORY);
}

static LogicalResult convertSetMaxRegister(Operation *op, KernelConverter &c) {
  auto set = cast<NVVM::SetMaxRegisterOp>(op);
  bool increase = set.getAction() == NVVM::SetMaxRegisterAction::increase;
  c.call(op, "setmaxnreg", {c.i32(set.getRegCount()), c.i32(increase)});
  return finish(op);
}

static LogicalResult convertGridDepControl(Operation *op, KernelConverter &c) {
  c.call(op, "griddepcontrol",
         {c.i32(int64_t(cast<NVVM::GriddepcontrolOp>(op).getKind()))});
  return finish(op);
}

static LogicalResult convertNanosleep(Operation *op, KernelConverter &c) {
  c.call(op, "yield", {});
  return finish(op);
}

void vnm::addBarrierHandlers(HandlerMap &handlers) {
  handlers["nvvm.barrier0"] = convertBarrier0;
  handlers["nvvm.barrier"] = convertBarrier;
  handlers["nvvm.barrier.arrive"] = convertBarrierArrive;
  handlers["nvvm.cluster.arrive"] = convertClusterArrive<false>;
  handlers["nvvm.cluster.arrive.relaxed"] = convertClusterArrive<true>;
  handlers["nvvm.cluster.wait"] = convertClusterWait;
  handlers["nvvm.mbarrier.init"] = convertInit;
  handlers["nvvm.mbarrier.inval"] = convertInval;
  handlers["nvvm.mbarrier.arrive"] =
      convertArrive<NVVM::MBarrierArriveOp, false>;
  handlers["nvvm.mbarrier.arrive_drop"] =
      convertArrive<NVVM::MBarrierArriveDropOp, true>;
  handlers["nvvm.mbarrier.arrive.nocomplete"] =
      convertNoComplete<NVVM::MBarrierArriveNocompleteOp, false>;
  handlers["nvvm.mbarrier.arrive_drop.nocomplete"] =
      convertNoComplete<NVVM::MBarrierArriveDropNocompleteOp, true>;
  handlers["nvvm.mbarrier.expect_tx"] =
      convertTransactions<NVVM::MBarrierExpectTxOp, true>;
  handlers["nvvm.mbarrier.complete_tx"] =
      convertTransactions<NVVM::MBarrierCompleteTxOp, false>;
  handlers["nvvm.mbarrier.arrive.expect_tx"] = convertArriveExpect;
  handlers["nvvm.mbarrier.arrive_drop.expect_tx"] = convertArriveDropExpect;
  handlers["nvvm.mbarrier.try_wait.parity"] = convertWaitParity;
  handlers["nvvm.mbarrier.test.wait"] =
      convertWait<NVVM::MBarrierTestWaitOp, 0>;
  handlers["nvvm.mbarrier.try_wait"] = convertWait<NVVM::MBarrierTryWaitOp, 1>;
  handlers["nvvm.cp.async.mbarrier.arrive"] = convertCopyArrive;
  handlers["nvvm.memory.barrier"] = convertFence;
  handlers["nvvm.fence.sc.cluster"] = convertFence;
  handlers["nvvm.fence.mbarrier.init"] = convertFence;
  handlers["nvvm.fence.proxy"] = convertFenceProxy;
  handlers["nvvm.setmaxregister"] = convertSetMaxRegister;
  handlers["nvvm.griddepcontrol"] = convertGridDepControl;
  handlers["nvvm.nanosleep"] = convertNanosleep;
}
