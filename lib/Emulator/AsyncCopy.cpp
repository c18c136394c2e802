// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements asynchronous copies: cp.async with its groups, and bulk
// copies.

#include "Access.h"

#include "vnm/Emulator/Abi.h"

#include <cstring>

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

void AsyncGroups::commit() {
  committed.push_back({std::move(current), time++});
  current.clear();
}

uint32_t AsyncGroups::finish(size_t keep) {
  uint32_t finished = 0;
  while (committed.size() > keep) {
    for (const AsyncTaskRef &task : committed.front().tasks)
      task->finish();
    finished = committed.front().time;
    committed.pop_front();
  }
  return finished;
}

/// Issues `work` as part of the current group: done now or later, as the order
/// says.
static AsyncTaskRef issue(Thread &thread, AsyncGroups &groups, OpRef op,
                          llvm::unique_function<void()> work) {
  auto task = std::make_shared<AsyncTask>();
  task->op = op;
  task->perform = std::move(work);
  if (thread.getCluster().drawCompletion())
    task->finish();
  groups.current.push_back(task);
  return task;
}

/// Random order: some of what is pending happens before the next step.
static void stir(Thread &thread, AsyncGroups &groups) {
  Cluster &cluster = thread.getCluster();
  if (cluster.launch.settings.order != Order::Random)
    return;
  for (AsyncGroups::Group &group : groups.committed)
    for (const AsyncTaskRef &task : group.tasks)
      if (task->perform && cluster.drawCompletion(/*odds=*/4))
        task->finish();
}

static unsigned getComponent(Thread &thread, AsyncGroups &groups) {
  if (!groups.hasComponent) {
    groups.component = thread.getCluster().clocks.addComponent();
    groups.hasComponent = true;
  }
  return groups.component;
}

static void wait(Thread &thread, AsyncGroups &groups, uint32_t keep) {
  if (uint32_t time = groups.finish(keep); time && groups.hasComponent)
    thread.getCluster().clocks.advance(thread.component, groups.component,
                                       time);
}

void vnm::emulator::finishAsyncWork(Thread &thread) {
  AsyncGroups &bulk = thread.copies.bulk;
  if (bulk.isPending()) {
    OpRef op;
    if (!bulk.current.empty())
      op = bulk.current.front()->op;
    else if (!bulk.committed.front().tasks.empty())
      op = bulk.committed.front().tasks.front()->op;
    if (op)
      thread.report(Check::Async, op,
                    "requires cp.async.bulk.wait_group before the thread that "
                    "issued it returns, as it reads shared memory, but there "
                    "is none");
  }
  for (AsyncGroups *groups : {&thread.copies.copies, &bulk}) {
    groups->commit();
    groups->finish(0);
  }
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

void vnm_emu_cp_async(Thread *thread, const char *op, char *destination,
                      const char *source, uint32_t bytes,
                      uint32_t sourceBytes) {
  OpRef ref(op);
  if (sourceBytes > bytes)
    thread->fail(Check::Instruction, ref,
                 "requires a source size of at most the copy's " +
                     std::to_string(bytes) + " bytes, but it is " +
                     std::to_string(sourceBytes));
  SharedRange range =
      locateShared(*thread, ref, destination, bytes, /*alignment=*/bytes);
  checkNotMBarrier(*thread, ref, range);
  // Nothing is read for a source size of 0.
  if (sourceBytes > 0) {
    Allocation &allocation =
        locateGlobal(*thread, ref, source, sourceBytes, /*alignment=*/bytes);
    noteGlobal(*thread, ref, allocation, source, sourceBytes,
               /*isWrite=*/false);
  }
  AsyncGroups &groups = thread->copies.copies;
  noteAccess(*thread, ref, range, AccessKind::Write,
             getComponent(*thread, groups), groups.time);
  issue(*thread, groups, ref, [=] {
    std::memcpy(destination, source, sourceBytes);
    std::memset(destination + sourceBytes, 0, bytes - sourceBytes);
  });
}

void vnm_emu_cp_async_commit(Thread *thread, const char *op) {
  stir(*thread, thread->copies.copies);
  thread->copies.copies.commit();
}

void vnm_emu_cp_async_wait(Thread *thread, const char *op, uint32_t keep) {
  wait(*thread, thread->copies.copies, keep);
  stir(*thread, thread->copies.copies);
}

/// Adds work to the cluster's queue, or does it now.
static void enqueue(Cluster &cluster, OpRef op,
                    llvm::unique_function<void()> work) {
  if (cluster.drawCompletion())
    return work();
  cluster.queue.tasks.push_back({op, std::move(work)});
}

void vnm_emu_cp_async_mbarrier_arrive(Thread *thread, const char *op,
                                      const char *address,
                                      uint32_t noIncrement) {
  OpRef ref(op);
  auto [cta, barrier] = findMBarrier(*thread, ref, address);
  if (!noIncrement)
    ++barrier->pending;
  AsyncGroups &groups = thread->copies.copies;
  std::vector<AsyncTaskRef> tasks = groups.current;
  for (AsyncGroups::Group &group : groups.committed)
    tasks.insert(tasks.end(), group.tasks.begin(), group.tasks.end());
  // Copies issued from now on are not covered.
  uint32_t time = groups.time++;
  unsigned component = getComponent(*thread, groups);
  enqueue(*cta->cluster, ref,
          [=, cta = cta, barrier = barrier, tasks = std::move(tasks)] {
            for (const AsyncTaskRef &task : tasks)
              task->finish();
            if (barrier->pending == 0)
              return thread->report(
                  Check::Barrier, ref,
                  "requires an arrival that the mbarrier expects, but none is "
                  "pending");
            std::vector<uint32_t> &seen = barrier->collected.seen;
            if (seen.size() <= component)
              seen.resize(component + 1);
            seen[component] = std::max(seen[component], time);
            arrive(*cta, *barrier, 1);
          });
}

//===----------------------------------------------------------------------===//
// cp.async.bulk
//===----------------------------------------------------------------------===//

static void checkBulkSize(Thread &thread, OpRef op, uint32_t bytes) {
  if (bytes % 16 != 0)
    thread.fail(Check::Alignment, op,
                "requires a size that is a multiple of 16 bytes, but it is " +
                    std::to_string(bytes));
}

void vnm::emulator::issueWithMBarrier(Thread &thread, OpRef op,
                                      SharedRange range, const char *mbarrier,
                                      uint64_t bytes,
                                      llvm::unique_function<void()> work) {
  auto [cta, barrier] = findMBarrier(thread, op, mbarrier);
  Cluster &cluster = thread.getCluster();
  if (!barrier->hasComponent) {
    barrier->component = cluster.clocks.addComponent();
    barrier->hasComponent = true;
  }
  checkNotMBarrier(thread, op, range);
  noteAccess(thread, op, range, AccessKind::AsyncWrite, barrier->component,
             uint32_t(barrier->phase) + 1);
  ++barrier->numCopies;
  enqueue(cluster, op,
          [=, cta = cta, barrier = barrier, work = std::move(work)]() mutable {
            work();
            --barrier->numCopies;
            addTransactions(*cta, *barrier, -int64_t(bytes));
          });
}

void vnm::emulator::issueBulkRead(Thread &thread, OpRef op, SharedRange range,
                                  llvm::unique_function<void()> work) {
  AsyncGroups &groups = thread.copies.bulk;
  noteAccess(thread, op, range, AccessKind::AsyncRead,
             getComponent(thread, groups), groups.time);
  issue(thread, groups, op, std::move(work));
}

/// The same place in another CTA's window.
static char *translate(Thread &thread, OpRef op, const char *address,
                       unsigned rank) {
  return vnm_emu_mapa(&thread, op.getRecord(), address, rank);
}

void vnm::emulator::forEachTarget(
    Thread &thread, OpRef op, char *destination, const char *mbarrier,
    uint32_t ctaMask,
    llvm::function_ref<void(char *destination, const char *mbarrier)> visit) {
  if (ctaMask == 0)
    return visit(destination, mbarrier);
  for (unsigned rank = 0; rank < 16; ++rank)
    if (ctaMask >> rank & 1)
      visit(translate(thread, op, destination, rank),
            translate(thread, op, mbarrier, rank));
}

void vnm_emu_bulk_load(Thread *thread, const char *op, char *destination,
                       const char *source, const char *mbarrier, uint32_t bytes,
                       uint32_t ctaMask) {
  OpRef ref(op);
  checkBulkSize(*thread, ref, bytes);
  Allocation &allocation =
      locateGlobal(*thread, ref, source, bytes, /*alignment=*/16);
  noteGlobal(*thread, ref, allocation, source, bytes, /*isWrite=*/false);
  forEachTarget(*thread, ref, destination, mbarrier, ctaMask,
                [&](char *to, const char *barrier) {
                  SharedRange range =
                      locateShared(*thread, ref, to, bytes, /*alignment=*/16);
                  issueWithMBarrier(*thread, ref, range, barrier, bytes, [=] {
                    std::memcpy(to, source, bytes);
                  });
                });
}

void vnm_emu_bulk_copy(Thread *thread, const char *op, char *destination,
                       const char *source, const char *mbarrier,
                       uint32_t bytes) {
  OpRef ref(op);
  checkBulkSize(*thread, ref, bytes);
  SharedRange from = locateShared(*thread, ref, source, bytes, 16);
  SharedRange to = locateShared(*thread, ref, destination, bytes, 16);
  AsyncGroups &groups = thread->copies.bulk;
  noteAccess(*thread, ref, from, AccessKind::AsyncRead,
             getComponent(*thread, groups), groups.time);
  issueWithMBarrier(*thread, ref, to, mbarrier, bytes,
                    [=] { std::memcpy(destination, source, bytes); });
}

void vnm_emu_bulk_store(Thread *thread, const char *op, char *destination,
                        const char *source, uint32_t bytes) {
  OpRef ref(op);
  checkBulkSize(*thread, ref, bytes);
  SharedRange range = locateShared(*thread, ref, source, bytes, 16);
  Allocation &allocation = locateGlobal(*thread, ref, destination, bytes, 16);
  issueBulkRead(*thread, ref, range, [=, &allocation] {
    std::memcpy(destination, source, bytes);
    allocation.markWritten(reinterpret_cast<uintptr_t>(destination), bytes);
  });
}

void vnm_emu_bulk_commit(Thread *thread, const char *op) {
  thread->copies.bulk.commit();
}

void vnm_emu_bulk_wait(Thread *thread, const char *op, uint32_t keep,
                       uint32_t read) {
  wait(*thread, thread->copies.bulk, keep);
}
