// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the emulated machine: threads, warps, CTAs and clusters,
// and how they wait for each other.
//
// All of a cluster runs on one thread of the host, one fiber at a time, so its
// state needs no locks. Clusters run in parallel.

#ifndef VNM_LIB_EMULATOR_MACHINE_H
#define VNM_LIB_EMULATOR_MACHINE_H

#include "AsyncWork.h"
#include "Clocks.h"
#include "Fiber.h"
#include "Launch.h"
#include "MBarrier.h"
#include "Report.h"
#include "SharedWindow.h"

#include "llvm/ADT/SmallVector.h"
#include <map>
#include <random>

namespace vnm::emulator {

class Cluster;
struct Cta;
struct Warp;
struct WarpgroupWork;

/// One thread of a CTA.
struct Thread {
  Cta *cta = nullptr;
  Warp *warp = nullptr;
  unsigned index = 0;     ///< In the CTA, x fastest.
  unsigned lane = 0;      ///< In the warp.
  unsigned component = 0; ///< In the cluster: its component of clocks.
  Dim3 id;
  Fiber fiber;
  const FiberStack *stack = nullptr;
  ThreadCopies copies;

  /// What the thread waits for, for the report of a deadlock.
  struct Wait {
    OpRef op;
    std::string (*describe)(const Thread &) = nullptr;
    uint64_t detail = 0; ///< Meaning as `describe` takes it.
  };
  Wait wait;
  uint32_t barrierResult = 0; ///< Of a barrier's reduction.

  Cluster &getCluster() const;

  /// Lets others run until somebody wakes this thread.
  void park(Wait reason);
  /// Lets others run and goes on: a thread that polls for something. Fails if
  /// nothing happens for too long.
  void poll(Wait reason);
  /// Reports and ends the cluster; does not return.
  [[noreturn]] void fail(Check check, OpRef op, std::string text);
  /// Reports, if `check` is on.
  void report(Check check, OpRef op, std::string text);
};

/// What the lanes of a warp do together.
struct Collective {
  OpRef op;
  /// Runs once, on the last lane's stack, with every lane's `arguments`.
  void (*execute)(Warp &warp, const Collective &collective) = nullptr;
  /// Lanes that take part, and those that are there.
  uint32_t mask = 0, arrived = 0;
  /// `.aligned`: all lanes of the warp execute this very op.
  bool aligned = true;
  std::array<void *, 32> arguments{};
};

/// Up to 32 threads that execute collectives together.
struct Warp {
  Cta *cta = nullptr;
  unsigned index = 0;    ///< In the CTA.
  uint32_t existing = 0; ///< Lanes that have a thread.
  uint32_t live = 0;     ///< Lanes that have not returned.
  uint32_t runnable = 0; ///< Lanes that can run.
  llvm::SmallVector<Collective, 2> open;
  WarpgroupWork *warpgroup = nullptr; ///< Asynchronous products it is part of.

  Thread &getThread(unsigned lane) const;

  /// Waits until all lanes of `mask` are here, then executes. Returns after
  /// that.
  void meet(Thread &thread, const Collective &collective, void *arguments);
  /// A lane returned: others may wait for it in vain.
  void exitLane(Thread &thread);

private:
  void complete(Thread &last, size_t position);
};

/// One of a CTA's sixteen barriers (PTX ISA 9.7.13.1).
struct NamedBarrier {
  unsigned expected = 0; ///< 0: nobody is here.
  bool isWhole = false;  ///< Expects all threads that have not returned.
  unsigned arrived = 0;
  llvm::SmallVector<Thread *, 32> waiting;
  /// Per warp: the op at which it arrives, and the lanes that have.
  std::map<unsigned, std::pair<OpRef, uint32_t>> warps;
  Clock clock;
  unsigned numTrue = 0; ///< Predicates of a reduction.
};

/// One CTA.
struct Cta {
  Cluster *cluster = nullptr;
  Dim3 id;           ///< In the grid.
  unsigned rank = 0; ///< In the cluster.
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  SharedWindow window;
  std::array<NamedBarrier, 16> barriers;
  MBarrierMap mbarriers;
  std::vector<std::shared_ptr<WarpgroupWork>> warpgroups;
  unsigned numLive = 0;
  /// Registers per thread of each warpgroup that setmaxnreg set; 0: not set.
  std::vector<unsigned> registerCounts;

  /// Wakes what waits for a barrier that is now complete.
  void checkBarrier(unsigned id);
  std::string describeBarrier(unsigned id) const;
};

/// CTAs that can see each other's shared memory; by default, one.
class Cluster {
public:
  explicit Cluster(Launch &launch) : launch(launch) {}

  /// Runs the cluster number `index` of the launch to its end or first failure.
  void run(unsigned index);

  Launch &launch;
  Dim3 first; ///< Position of its first CTA in the grid.
  std::vector<Cta> ctas;
  ClockTable clocks;
  std::mt19937_64 random;
  /// Asynchronous work that no thread performs by itself.
  AsyncQueue queue;
  ClusterBarrier barrier;
  /// The thread that runs; null while the scheduler does.
  Thread *current = nullptr;

  /// Makes `thread` runnable.
  void wake(Thread &thread);
  /// Whether asynchronous work is to be done now: always if early, never if
  /// late, else by chance, once in `odds` times.
  bool drawCompletion(unsigned odds = 2);
  /// Ends the cluster: no thread runs again.
  void abort() { aborted = true; }
  /// The CTA whose window holds a host address; null if none does.
  Cta *findWindow(uintptr_t address);
  /// A thread returned.
  void finishThread(Thread &thread);
  /// Performs the oldest work of the queue, or any if random; false if none.
  bool performQueued();
  /// Counts a poll; false if polling is hopeless.
  bool countPoll();

private:
  void create(unsigned index);
  void createCta(Cta &cta);
  Warp *pickWarp();
  void runWarp(Warp &warp);
  void reportDeadlock();

  std::vector<FiberStack> stacks;
  std::vector<Warp *> warps;
  size_t cursor = 0;
  bool aborted = false;
  unsigned numPolls = 0; ///< In a row, without anybody making progress.
  unsigned numLive = 0;
};

inline Cluster &Thread::getCluster() const { return *cta->cluster; }
inline Thread &Warp::getThread(unsigned lane) const {
  return cta->threads[index * 32 + lane];
}

/// A set of lanes in words, e.g. "0-15, 31".
std::string formatLanes(uint32_t mask);

/// Where a thread is: kernel, CTA, thread, warp and lane.
std::string describe(const Thread &thread);

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_MACHINE_H
