// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the barriers of a CTA and of a cluster.

#include "Machine.h"

#include "vnm/Emulator/Abi.h"

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Barriers of a CTA
//===----------------------------------------------------------------------===//

std::string Cta::describeBarrier(unsigned id) const {
  const NamedBarrier &barrier = barriers[id];
  return "barrier " + std::to_string(id) + " has " +
         std::to_string(barrier.arrived) + " of " +
         std::to_string(barrier.isWhole ? numLive : barrier.expected) +
         " threads";
}

static std::string describeWait(const Thread &thread) {
  return thread.cta->describeBarrier(unsigned(thread.wait.detail));
}

void Cta::checkBarrier(unsigned id) {
  NamedBarrier &barrier = barriers[id];
  unsigned wanted = barrier.isWhole ? numLive : barrier.expected;
  if (barrier.arrived == 0 || barrier.arrived < wanted)
    return;
  for (auto &[index, arrival] : barrier.warps) {
    Warp &warp = warps[index];
    if (arrival.second == warp.existing || arrival.second == warp.live)
      continue;
    Thread &witness = *barrier.waiting.front();
    witness.report(Check::Divergence, arrival.first,
                   "requires all lanes of a warp at an aligned barrier, but "
                   "of warp " +
                       std::to_string(index) + " only lanes " +
                       formatLanes(arrival.second) + " are there");
  }
  NamedBarrier done = std::move(barrier);
  barrier = NamedBarrier();
  for (Thread *thread : done.waiting) {
    cluster->clocks.acquire(thread->component, done.clock);
    thread->barrierResult = done.numTrue;
    cluster->wake(*thread);
  }
}

/// Counts the arrival of a thread at a barrier, after checking it.
static NamedBarrier &arriveAtBarrier(Thread &thread, OpRef op, uint32_t id,
                                     uint32_t count) {
  if (id >= thread.cta->barriers.size())
    thread.fail(Check::Barrier, op,
                "requires a barrier number below 16, but it is " +
                    std::to_string(id));
  if (count % 32 != 0 || count > thread.cta->warps.size() * 32)
    thread.fail(Check::Barrier, op,
                "requires a number of threads that is a multiple of 32 and at "
                "most the CTA's, but it is " +
                    std::to_string(count));
  NamedBarrier &barrier = thread.cta->barriers[id];
  if (barrier.arrived == 0) {
    barrier.expected = count;
    barrier.isWhole = count == 0;
  } else if (barrier.isWhole != (count == 0) || barrier.expected != count) {
    thread.fail(Check::Barrier, op,
                "requires the number of threads that others gave barrier " +
                    std::to_string(id) + ", " +
                    std::to_string(barrier.expected) + " (0: all), but it is " +
                    std::to_string(count));
  }
  auto &[warpOp, lanes] = barrier.warps[thread.warp->index];
  if (lanes != 0 && warpOp != op)
    thread.fail(Check::Divergence, op,
                "requires all lanes of a warp at the same barrier op, but lanes " +
                    formatLanes(lanes) + " are at " + warpOp.str());
  if (lanes >> thread.lane & 1)
    thread.fail(Check::Barrier, op,
                "requires one arrival of a thread per barrier, but this is "
                "its second at barrier " +
                    std::to_string(id));
  warpOp = op;
  lanes |= 1u << thread.lane;
  ++barrier.arrived;
  thread.getCluster().clocks.release(thread.component, barrier.clock);
  return barrier;
}

uint32_t vnm_emu_barrier(Thread *thread, const char *op, uint32_t id,
                         uint32_t count, uint32_t reduction,
                         uint32_t predicate) {
  NamedBarrier &barrier = arriveAtBarrier(*thread, OpRef(op), id, count);
  unsigned total = barrier.isWhole ? thread->cta->numLive : count;
  barrier.numTrue += predicate != 0;
  barrier.waiting.push_back(thread);
  // The last to arrive is woken, too.
  thread->wait = {OpRef(op), describeWait, id};
  thread->warp->runnable &= ~(1u << thread->lane);
  thread->cta->checkBarrier(id);
  if (!(thread->warp->runnable >> thread->lane & 1))
    thread->park({OpRef(op), describeWait, id});
  switch (reduction) {
  case 0:
    return thread->barrierResult;
  case 1:
    return thread->barrierResult == total;
  default:
    return thread->barrierResult != 0;
  }
}

void vnm_emu_barrier_arrive(Thread *thread, const char *op, uint32_t id,
                            uint32_t count) {
  if (count == 0)
    thread->fail(Check::Barrier, OpRef(op),
                 "requires a number of threads, but it is 0");
  arriveAtBarrier(*thread, OpRef(op), id, count);
  thread->cta->checkBarrier(id);
}

//===----------------------------------------------------------------------===//
// Barrier of a cluster
//===----------------------------------------------------------------------===//

static std::string describeClusterWait(const Thread &thread) {
  const Cluster &cluster = thread.getCluster();
  return "the cluster's barrier has " +
         std::to_string(cluster.barrier.arrived) + " of " +
         std::to_string(cluster.barrier.pendingPhase.size()) + " threads";
}

void vnm_emu_cluster_arrive(Thread *thread, const char *op, uint32_t relaxed,
                            uint32_t aligned) {
  Cluster &cluster = thread->getCluster();
  ClusterBarrier &barrier = cluster.barrier;
  uint64_t &pending = barrier.pendingPhase[thread->component];
  if (pending != 0)
    thread->fail(Check::Barrier, OpRef(op),
                 "requires cluster.wait between two cluster.arrive, but there "
                 "is none");
  pending = barrier.phase + 1;
  if (!relaxed)
    cluster.clocks.release(thread->component, barrier.collected);
  if (++barrier.arrived < barrier.pendingPhase.size())
    return;
  ++barrier.phase;
  barrier.arrived = 0;
  barrier.released.join(barrier.collected);
  for (Thread *waiting : barrier.waiting)
    cluster.wake(*waiting);
  barrier.waiting.clear();
}

void vnm_emu_cluster_wait(Thread *thread, const char *op, uint32_t aligned) {
  Cluster &cluster = thread->getCluster();
  ClusterBarrier &barrier = cluster.barrier;
  uint64_t &pending = barrier.pendingPhase[thread->component];
  if (pending == 0)
    thread->fail(Check::Barrier, OpRef(op),
                 "requires cluster.arrive before cluster.wait, but there is "
                 "none");
  while (barrier.phase < pending) {
    barrier.waiting.push_back(thread);
    thread->park({OpRef(op), describeClusterWait, 0});
  }
  pending = 0;
  cluster.clocks.acquire(thread->component, barrier.released);
}

//===----------------------------------------------------------------------===//
// Fences and others
//===----------------------------------------------------------------------===//

void vnm_emu_fence(Thread *thread, const char *op, uint32_t kind) {
  // Threads of a cluster see memory in program order; only proxies differ.
  if (kind == VNM_EMU_FENCE_PROXY_ASYNC)
    thread->getCluster().clocks.fence(thread->component);
}

void vnm_emu_setmaxnreg(Thread *thread, const char *op, uint32_t count,
                        uint32_t increase) {
  constexpr unsigned kRegisters = 64 << 10, kThreads = 128;
  Cta &cta = *thread->cta;
  unsigned &own = cta.registerCounts[thread->warp->index / 4];
  if (own != 0 && (increase ? own > count : own < count))
    thread->fail(Check::Instruction, OpRef(op),
                 std::string("requires a count that ") +
                     (increase ? "is not below" : "does not exceed") +
                     " the warpgroup's " + std::to_string(own) +
                     " registers, but it is " + std::to_string(count));
  own = count;
  unsigned total = 0;
  for (unsigned registers : cta.registerCounts)
    total += registers * kThreads;
  if (total > kRegisters)
    thread->fail(Check::Instruction, OpRef(op),
                 "requires at most " + std::to_string(kRegisters) +
                     " registers in a CTA, but its warpgroups now have " +
                     std::to_string(total));
}

void vnm_emu_griddepcontrol(Thread *, const char *, uint32_t) {
  // Launches run one after the other, so there is nothing to wait for.
}

static std::string describePoll(const Thread &) { return "polls"; }

void vnm_emu_yield(Thread *thread, const char *op) {
  thread->poll({OpRef(op), describePoll, 0});
}
