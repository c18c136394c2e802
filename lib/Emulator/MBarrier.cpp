// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements mbarriers (PTX ISA 9.7.13.15).

#include "MBarrier.h"

#include "Access.h"

#include "vnm/Emulator/Abi.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace vnm::emulator;

static constexpr uint32_t kMBarrierBytes = 8;
static constexpr uint32_t kMaxCount = (1u << 20) - 1;

void vnm::emulator::checkNotMBarrier(Thread &thread, OpRef op,
                                     const SharedRange &range) {
  const MBarrierMap &barriers = range.cta->mbarriers;
  if (barriers.empty())
    return;
  auto after = barriers.lower_bound(range.offset + range.bytes);
  if (after == barriers.begin())
    return;
  auto &[offset, barrier] = *std::prev(after);
  if (offset + kMBarrierBytes <= range.offset)
    return;
  thread.report(Check::Barrier, op,
                "requires mbarrier.inval before other accesses to an "
                "mbarrier, but that at 0x" +
                    utohexstr(offset, /*LowerCase=*/true) + " is in use");
}

std::pair<Cta *, MBarrier *>
vnm::emulator::findMBarrier(Thread &thread, OpRef op, const char *address) {
  SharedRange range =
      locateShared(thread, op, address, kMBarrierBytes, kMBarrierBytes);
  auto found = range.cta->mbarriers.find(range.offset);
  if (found == range.cta->mbarriers.end())
    thread.fail(Check::Barrier, op,
                "requires an mbarrier that was initialised, but there is none "
                "at 0x" +
                    utohexstr(range.offset, /*LowerCase=*/true));
  // Initialisation must be ordered before any use.
  noteAccess(thread, op, range, AccessKind::Atomic);
  return {range.cta, &found->second};
}

/// Starts the next phase if nothing is pending.
static void checkPhase(Cta &cta, MBarrier &barrier) {
  if (barrier.pending != 0 || barrier.transactions != 0)
    return;
  ++barrier.phase;
  barrier.pending = barrier.expected;
  barrier.released.join(barrier.collected);
  // A copy that is still under way has not been waited for.
  if (barrier.numCopies == 0)
    barrier.completedTime = uint32_t(barrier.phase);
  for (Thread *thread : barrier.waiting)
    cta.cluster->wake(*thread);
  barrier.waiting.clear();
}

void vnm::emulator::arrive(Cta &cta, MBarrier &barrier, uint32_t count) {
  barrier.pending -= count;
  checkPhase(cta, barrier);
}

void vnm::emulator::addTransactions(Cta &cta, MBarrier &barrier,
                                    int64_t bytes) {
  barrier.transactions += bytes;
  checkPhase(cta, barrier);
}

void vnm_emu_mbarrier_init(Thread *thread, const char *op, const char *address,
                           uint32_t count) {
  OpRef ref(op);
  SharedRange range =
      locateShared(*thread, ref, address, kMBarrierBytes, kMBarrierBytes);
  if (count == 0 || count > kMaxCount)
    thread->fail(Check::Barrier, ref,
                 "requires a count of 1 to " + std::to_string(kMaxCount) +
                     ", but it is " + std::to_string(count));
  auto [place, isNew] = range.cta->mbarriers.try_emplace(range.offset);
  if (!isNew)
    thread->report(Check::Barrier, ref,
                   "requires mbarrier.inval before an mbarrier is initialised "
                   "again, but " +
                       place->second.op.str() + " initialised it");
  noteAccess(*thread, ref, range, AccessKind::Write);
  MBarrier &barrier = place->second;
  barrier = MBarrier();
  barrier.expected = count;
  barrier.pending = count;
  barrier.op = ref;
}

void vnm_emu_mbarrier_inval(Thread *thread, const char *op,
                            const char *address) {
  auto [cta, barrier] = findMBarrier(*thread, OpRef(op), address);
  if (!barrier->waiting.empty() || barrier->numCopies != 0)
    thread->fail(Check::Barrier, OpRef(op),
                 "requires an mbarrier that nothing waits for, but threads or "
                 "copies do");
  cta->mbarriers.erase(uint32_t(address - cta->window.getBase()));
}

uint64_t vnm_emu_mbarrier_arrive(Thread *thread, const char *op,
                                 const char *address, uint32_t count,
                                 uint32_t drop, uint32_t noComplete,
                                 uint32_t relaxed) {
  OpRef ref(op);
  auto [cta, barrier] = findMBarrier(*thread, ref, address);
  if (count == 0 || count > barrier->pending ||
      (noComplete && count == barrier->pending))
    thread->fail(Check::Barrier, ref,
                 "requires a count from 1 to the phase's pending arrivals, " +
                     std::to_string(barrier->pending) + ", but it is " +
                     std::to_string(count));
  uint64_t state = barrier->phase;
  if (drop)
    barrier->expected -= count;
  if (!relaxed)
    thread->getCluster().clocks.release(thread->component, barrier->collected);
  arrive(*cta, *barrier, count);
  return state;
}

void vnm_emu_mbarrier_transactions(Thread *thread, const char *op,
                                   const char *address, uint32_t bytes,
                                   uint32_t sign) {
  auto [cta, barrier] = findMBarrier(*thread, OpRef(op), address);
  if (bytes > kMaxCount)
    thread->fail(Check::Barrier, OpRef(op),
                 "requires at most " + std::to_string(kMaxCount) +
                     " bytes, but there are " + std::to_string(bytes));
  // expect_tx never completes a phase: an arrival is still to come.
  if (sign)
    barrier->transactions += bytes;
  else
    addTransactions(*cta, *barrier, -int64_t(bytes));
}

static std::string describeWait(const Thread &thread) {
  auto offset = uint32_t(thread.wait.detail);
  auto found = thread.cta->mbarriers.find(offset);
  std::string text = "the mbarrier at 0x" + utohexstr(offset, true);
  if (found == thread.cta->mbarriers.end())
    return text + " is gone";
  const MBarrier &barrier = found->second;
  return text + " is in phase " + std::to_string(barrier.phase) + " with " +
         std::to_string(barrier.pending) + " arrivals and " +
         std::to_string(barrier.transactions) + " bytes pending";
}

uint32_t vnm_emu_mbarrier_wait(Thread *thread, const char *op,
                               const char *address, uint64_t phase,
                               uint32_t isState, uint32_t blocking,
                               uint32_t relaxed) {
  OpRef ref(op);
  auto [cta, barrier] = findMBarrier(*thread, ref, address);
  if (cta != thread->cta)
    thread->fail(Check::Barrier, ref,
                 "requires an mbarrier of the thread's own CTA to wait for, "
                 "but it is in CTA " +
                     formatDim(cta->id));
  auto isOver = [&, barrier = barrier] {
    return isState ? barrier->phase > phase : barrier->isOver(uint32_t(phase));
  };
  Thread::Wait reason = {ref, describeWait,
                         uint64_t(address - cta->window.getBase())};
  while (!isOver()) {
    if (blocking) {
      barrier->waiting.push_back(thread);
      thread->park(reason);
      continue;
    }
    thread->poll(reason);
    if (!isOver())
      return 0;
  }
  if (relaxed)
    return 1;
  ClockTable &clocks = thread->getCluster().clocks;
  clocks.acquire(thread->component, barrier->released);
  if (barrier->hasComponent)
    clocks.advance(thread->component, barrier->component,
                   barrier->completedTime);
  return 1;
}
