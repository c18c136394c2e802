// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the running of a cluster: which thread runs when.

#include "Machine.h"
#include "Wgmma.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Thread
//===----------------------------------------------------------------------===//

void Thread::park(Wait reason) {
  wait = reason;
  warp->runnable &= ~(1u << lane);
  fiber.suspend();
}

void Thread::poll(Wait reason) {
  wait = reason;
  if (!getCluster().countPoll())
    fail(Check::Deadlock, reason.op,
         "requires what is polled for to happen, but nothing happens: " +
             reason.describe(*this));
  fiber.suspend();
}

void Thread::report(Check check, OpRef op, std::string text) {
  if (!getCluster().launch.settings.checks.has(check) &&
      check != Check::Deadlock)
    return;
  std::string unique = (op.getKernel() + op.getName()).str();
  getCluster().launch.reports.add(
      check, unique, op.str() + ": " + text + " (" + describe(*this) + ")");
}

void Thread::fail(Check check, OpRef op, std::string text) {
  report(check, op, std::move(text));
  Cluster &cluster = getCluster();
  // Without its check, the failure would pass unseen.
  if (cluster.launch.reports.isEmpty())
    report(Check::Deadlock, op, "ends because of a failure whose check is off");
  cluster.abort();
  // This may be on behalf of another lane than the one that runs.
  cluster.current->fiber.suspend();
  llvm_unreachable("an aborted cluster resumes no thread");
}

std::string vnm::emulator::describe(const Thread &thread) {
  return ("kernel " + Twine(thread.getCluster().launch.kernel->name) +
          ", CTA " + formatDim(thread.cta->id) + ", thread " +
          formatDim(thread.id) + ", warp " + Twine(thread.warp->index) +
          ", lane " + Twine(thread.lane))
      .str();
}

std::string vnm::emulator::formatLanes(uint32_t mask) {
  std::string text;
  for (unsigned lane = 0; lane < 32;) {
    if (!(mask >> lane & 1)) {
      ++lane;
      continue;
    }
    unsigned end = lane;
    while (end < 32 && (mask >> end & 1))
      ++end;
    text += (text.empty() ? "" : ", ") + std::to_string(lane);
    if (end - lane > 1)
      text += "-" + std::to_string(end - 1);
    lane = end;
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Cluster
//===----------------------------------------------------------------------===//

static void runThread(void *argument) {
  auto *thread = static_cast<Thread *>(argument);
  Launch &launch = thread->getCluster().launch;
  launch.kernel->entry(thread, launch.parameters);
  thread->getCluster().finishThread(*thread);
}

void Cluster::createCta(Cta &cta) {
  unsigned numThreads = launch.block.getCount();
  cta.cluster = this;
  cta.threads = std::vector<Thread>(numThreads);
  cta.warps = std::vector<Warp>((numThreads + 31) / 32);
  cta.window.reset(launch.getSharedBytes());
  cta.barriers = {};
  cta.mbarriers.clear();
  cta.warpgroups.clear();
  cta.numLive = numThreads;
  for (size_t i = 0; i < cta.warps.size(); i += 4)
    cta.warpgroups.push_back(std::make_shared<WarpgroupWork>());
  cta.registerCounts.assign(cta.warpgroups.size(), 0);
  for (unsigned i = 0; i < numThreads; ++i) {
    Thread &thread = cta.threads[i];
    thread.cta = &cta;
    thread.warp = &cta.warps[i / 32];
    thread.index = i;
    thread.lane = i % 32;
    thread.component = cta.rank * numThreads + i;
    thread.id = launch.block.delinearize(i);
    thread.stack = &stacks[thread.component];
    thread.fiber.start(*thread.stack, runThread, &thread);
    thread.warp->cta = &cta;
    thread.warp->index = i / 32;
    thread.warp->existing |= 1u << thread.lane;
  }
  for (Warp &warp : cta.warps) {
    warp.live = warp.runnable = warp.existing;
    warp.warpgroup = cta.warpgroups[warp.index / 4].get();
    warps.push_back(&warp);
  }
}

void Cluster::create(unsigned index) {
  const Dim3 &extents = launch.cluster;
  Dim3 clusters = {launch.grid.x / extents.x, launch.grid.y / extents.y,
                   launch.grid.z / extents.z};
  Dim3 position = clusters.delinearize(index);
  first = {position.x * extents.x, position.y * extents.y,
           position.z * extents.z};
  unsigned numCtas = extents.getCount();
  numLive = numCtas * launch.block.getCount();
  while (stacks.size() < numLive)
    stacks.emplace_back();
  clocks.reset(numLive);
  random.seed(launch.settings.seed * 0x9E3779B97F4A7C15u + index);
  queue.tasks.clear();
  barrier = ClusterBarrier();
  barrier.pendingPhase.assign(numLive, 0);
  warps.clear();
  cursor = 0;
  aborted = false;
  ctas.resize(numCtas);
  for (unsigned rank = 0; rank < numCtas; ++rank) {
    Dim3 within = extents.delinearize(rank);
    ctas[rank].rank = rank;
    ctas[rank].id = {first.x + within.x, first.y + within.y,
                     first.z + within.z};
    createCta(ctas[rank]);
  }
}

bool Cluster::drawCompletion(unsigned odds) {
  switch (launch.settings.order) {
  case Order::Late:
    return false;
  case Order::Early:
    return true;
  case Order::Random:
    return random() % odds == 0;
  }
  llvm_unreachable("unknown order");
}

void Cluster::wake(Thread &thread) {
  numPolls = 0;
  thread.warp->runnable |= 1u << thread.lane;
}

bool Cluster::performQueued() {
  if (queue.tasks.empty())
    return false;
  auto task = queue.tasks.begin();
  if (launch.settings.order == Order::Random)
    task = std::next(task, random() % queue.tasks.size());
  AsyncTask work = std::move(*task);
  queue.tasks.erase(task);
  work.finish();
  return true;
}

bool Cluster::countPoll() {
  // Enough for CTAs on other threads of the host to do their part.
  constexpr unsigned kHopeless = 20000000;
  ++numPolls;
  if (numPolls > 2 * numLive)
    performQueued();
  return numPolls < kHopeless;
}

Cta *Cluster::findWindow(uintptr_t address) {
  for (Cta &cta : ctas)
    if (cta.window.contains(address))
      return &cta;
  return nullptr;
}

/// Late runs a warp as far as it goes and then the next; early goes through
/// the warps backwards; random takes any.
Warp *Cluster::pickWarp() {
  size_t count = warps.size();
  size_t start = cursor;
  if (launch.settings.order == Order::Random)
    start = random() % count;
  bool backwards = launch.settings.order == Order::Early;
  for (size_t i = 0; i < count; ++i) {
    size_t position = backwards ? start + count - i : start + i;
    Warp *warp = warps[position % count];
    if (!warp->runnable)
      continue;
    cursor = position % count;
    return warp;
  }
  return nullptr;
}

/// Every lane that can run does so once.
void Cluster::runWarp(Warp &warp) {
  uint32_t lanes = warp.runnable;
  unsigned rotation =
      launch.settings.order == Order::Random ? random() % 32 : 0;
  for (unsigned i = 0; i < 32 && !aborted; ++i) {
    unsigned lane = (i + rotation) % 32;
    if (!(lanes >> lane & 1))
      continue;
    current = &warp.getThread(lane);
    current->fiber.resume();
    current = nullptr;
  }
}

void Cluster::run(unsigned index) {
  create(index);
  while (numLive > 0 && !aborted) {
    if (Warp *warp = pickWarp()) {
      runWarp(*warp);
      continue;
    }
    // Everybody waits: the latest moment for what was put off.
    if (performQueued())
      continue;
    reportDeadlock();
    break;
  }
}

void Cluster::finishThread(Thread &thread) {
  finishAsyncWork(thread);
  --numLive;
  --thread.cta->numLive;
  thread.warp->live &= ~(1u << thread.lane);
  thread.warp->runnable &= ~(1u << thread.lane);
  thread.warp->exitLane(thread);
  for (unsigned id = 0; id < thread.cta->barriers.size(); ++id)
    thread.cta->checkBarrier(id);
}

void Cluster::reportDeadlock() {
  std::string text = "requires some thread to make progress, but all that are "
                     "left wait:";
  Thread *witness = nullptr;
  for (Warp *warp : warps) {
    uint32_t left = warp->live;
    while (left) {
      Thread &leader = warp->getThread(llvm::countr_zero(left));
      std::string why = leader.wait.describe(leader);
      uint32_t lanes = 0;
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(left >> lane & 1))
          continue;
        Thread &other = warp->getThread(lane);
        if (other.wait.op == leader.wait.op && other.wait.describe(other) == why)
          lanes |= 1u << lane;
      }
      left &= ~lanes;
      witness = witness ? witness : &leader;
      raw_string_ostream(text)
          << "\n  CTA " << formatDim(warp->cta->id) << ", warp " << warp->index
          << ", lanes " << formatLanes(lanes) << " at "
          << leader.wait.op.str() << ": " << why;
    }
  }
  if (witness)
    witness->report(Check::Deadlock, witness->wait.op, text);
}
