// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the checks of memory accesses, and the ABI's functions
// on addresses.

#include "Access.h"

#include "vnm/Emulator/Abi.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace vnm::emulator;

static uintptr_t toInteger(const char *address) {
  return reinterpret_cast<uintptr_t>(address);
}

static std::string formatRange(uint64_t address, uint64_t bytes) {
  return std::to_string(bytes) + " bytes at 0x" +
         utohexstr(address, /*LowerCase=*/true);
}

static void checkAlignment(Thread &thread, OpRef op, uint64_t address,
                           uint64_t bytes, uint32_t alignment,
                           const char *space) {
  if (alignment > 1 && address % alignment != 0)
    thread.report(Check::Alignment, op,
                  "requires an address aligned to " +
                      std::to_string(alignment) + " bytes, but accesses " +
                      formatRange(address, bytes) + " of " + space +
                      " memory");
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

SharedRange vnm::emulator::locateShared(Thread &thread, OpRef op,
                                        const char *address, uint64_t bytes,
                                        uint32_t alignment) {
  uintptr_t value = toInteger(address);
  Cta *cta = thread.cta;
  if (!cta->window.contains(value) && thread.getCluster().ctas.size() > 1)
    if (Cta *other = thread.getCluster().findWindow(value))
      cta = other;
  // Unsigned, so that an address before the window is far behind it.
  uint64_t offset = value - toInteger(cta->window.getBase());
  if (offset > cta->window.getSize() ||
      bytes > cta->window.getSize() - offset) {
    int64_t distance = int64_t(offset);
    thread.fail(Check::Bounds, op,
                "requires an access within the CTA's " +
                    std::to_string(cta->window.getSize()) +
                    " bytes of shared memory, but accesses " +
                    std::to_string(bytes) + " bytes at offset " +
                    std::to_string(distance));
  }
  checkAlignment(thread, op, offset, bytes, alignment, "shared");
  return {cta, uint32_t(offset), uint32_t(bytes)};
}

/// Whether an access was by no thread itself.
static bool isAsynchronous(const Thread &thread, const Access &access) {
  const Cluster &cluster = thread.getCluster();
  return access.component >=
         cluster.ctas.front().threads.size() * cluster.ctas.size();
}

static std::string describeRace(const AccessProblem &problem,
                                const Access &access, const Thread &thread) {
  Cluster &cluster = thread.getCluster();
  const Access &earlier = problem.earlier;
  std::string by = "asynchronously";
  unsigned perCta = cluster.ctas.front().threads.size();
  if (!isAsynchronous(thread, earlier)) {
    const Cta &cta = cluster.ctas[earlier.component / perCta];
    by = "by thread " +
         formatDim(cta.threads[earlier.component % perCta].id);
    if (&cta != thread.cta)
      by += " of CTA " + formatDim(cta.id);
  }
  return std::string(isWrite(access.kind) ? "writes" : "reads") +
         " shared memory at 0x" +
         utohexstr(problem.offset, /*LowerCase=*/true) + ", which " +
         earlier.op.str() + (isWrite(earlier.kind) ? " writes " : " reads ") +
         by;
}

static void reportProblem(Thread &thread, const AccessProblem &problem,
                          const Access &access) {
  switch (problem.kind) {
  case AccessProblem::None:
    return;
  case AccessProblem::Uninitialized:
    return thread.report(Check::Uninit, access.op,
                         "requires shared memory that was written, but reads "
                         "it at 0x" +
                             utohexstr(problem.offset, /*LowerCase=*/true) +
                             ", where nothing wrote");
  case AccessProblem::Race:
    return thread.report(
        Check::Race, access.op,
        std::string("requires ") +
            (isAsynchronous(thread, problem.earlier)
                 ? "a wait for asynchronous work and then a barrier"
                 : "a barrier") +
            " between conflicting accesses, but " +
            describeRace(problem, access, thread) + " with none between");
  case AccessProblem::Proxy:
    return thread.report(
        Check::Proxy, access.op,
        "requires fence.proxy.async between generic writes and the "
        "asynchronous proxy, but " +
            describeRace(problem, access, thread) + " with none between");
  }
}

static void note(Thread &thread, SharedRange range, const Access &access) {
  const CheckSet &checks = thread.getCluster().launch.settings.checks;
  if (range.bytes == 0 || !(checks.has(Check::Race) ||
                            checks.has(Check::Uninit) ||
                            checks.has(Check::Proxy)))
    return;
  AccessProblem problem =
      range.cta->window.access(range.offset, range.bytes, access,
                               thread.component, thread.getCluster().clocks);
  if (problem.kind != AccessProblem::None)
    reportProblem(thread, problem, access);
}

void vnm::emulator::noteAccess(Thread &thread, OpRef op, SharedRange range,
                               AccessKind kind) {
  Access access;
  access.op = op;
  access.kind = kind;
  access.component = uint16_t(thread.component);
  access.time = thread.getCluster().clocks.getTime(thread.component);
  note(thread, range, access);
}

void vnm::emulator::noteAccess(Thread &thread, OpRef op, SharedRange range,
                               AccessKind kind, unsigned component,
                               uint32_t time) {
  Access access;
  access.op = op;
  access.kind = kind;
  access.component = uint16_t(component);
  access.time = time;
  note(thread, range, access);
}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

Allocation &vnm::emulator::locateGlobal(Thread &thread, OpRef op,
                                        const char *address, uint64_t bytes,
                                        uint32_t alignment) {
  Launch &launch = thread.getCluster().launch;
  Allocation *allocation = launch.findAllocation(toInteger(address), bytes);
  if (!allocation) {
    std::string where = "where no allocation is near";
    if (Allocation *near = launch.findAllocation(toInteger(address), 0))
      where = "which starts " +
              std::to_string(toInteger(address) - near->getBase()) +
              " bytes into an allocation of " +
              std::to_string(near->getSize());
    else
      for (const auto &other : launch.allocations)
        if (uint64_t distance = other->getBase() - toInteger(address);
            distance < 512)
          where = "which starts " + std::to_string(distance) +
                  " bytes before an allocation";
    thread.fail(Check::Bounds, op,
                "requires an access within one allocation of global memory, "
                "but accesses " +
                    formatRange(toInteger(address), bytes) + ", " + where);
  }
  checkAlignment(thread, op, toInteger(address), bytes, alignment, "global");
  return *allocation;
}

void vnm::emulator::noteGlobal(Thread &thread, OpRef op,
                               Allocation &allocation, const char *address,
                               uint64_t bytes, bool isWrite) {
  if (isWrite)
    return allocation.markWritten(toInteger(address), bytes);
  size_t bad = allocation.findUnwritten(toInteger(address), bytes);
  if (bad < bytes)
    thread.report(Check::Uninit, op,
                  "requires global memory that was written, but reads byte " +
                      std::to_string(toInteger(address) + bad -
                                     allocation.getBase()) +
                      " of an allocation of " +
                      std::to_string(allocation.getSize()) +
                      ", where nothing wrote");
}

//===----------------------------------------------------------------------===//
// ABI
//===----------------------------------------------------------------------===//

void vnm_emu_access(Thread *thread, const char *op, const char *address,
                    uint64_t bytes, uint32_t alignment, uint32_t space,
                    uint32_t access) {
  OpRef ref(op);
  bool isShared = space == VNM_EMU_SHARED || space == VNM_EMU_CLUSTER;
  if (space == VNM_EMU_GENERIC) {
    uintptr_t value = toInteger(address);
    if (thread->stack->contains(value))
      return;
    isShared = thread->getCluster().findWindow(value);
  }
  if (isShared) {
    SharedRange range = locateShared(*thread, ref, address, bytes, alignment);
    AccessKind kind = access == VNM_EMU_READ    ? AccessKind::Read
                      : access == VNM_EMU_WRITE ? AccessKind::Write
                                                : AccessKind::Atomic;
    checkNotMBarrier(*thread, ref, range);
    return noteAccess(*thread, ref, range, kind);
  }
  Allocation &allocation =
      locateGlobal(*thread, ref, address, bytes, alignment);
  noteGlobal(*thread, ref, allocation, address, bytes,
             access == VNM_EMU_WRITE);
}

char *vnm_emu_shared_window(Thread *thread) {
  return thread->cta->window.getBase();
}

/// Bits of an offset in shared::cluster addresses.
static constexpr unsigned kRankShift = 24;

uint64_t vnm_emu_shared_to_integer(Thread *thread, const char *op,
                                   const char *address) {
  uintptr_t value = toInteger(address);
  Cta *cta = thread->getCluster().findWindow(value);
  if (!cta || cta == thread->cta)
    return value - toInteger(thread->cta->window.getBase());
  return (value - toInteger(cta->window.getBase())) |
         uint64_t(cta->rank + 1) << kRankShift;
}

char *vnm_emu_integer_to_shared(Thread *thread, const char *op,
                                uint64_t value) {
  unsigned rank = value >> kRankShift & 0xFF;
  Cta *cta = thread->cta;
  if (rank != 0 && rank <= thread->getCluster().ctas.size())
    cta = &thread->getCluster().ctas[rank - 1];
  return cta->window.getBase() + (value & ((1u << kRankShift) - 1));
}

char *vnm_emu_mapa(Thread *thread, const char *op, const char *address,
                   uint32_t rank) {
  SharedRange range = locateShared(*thread, OpRef(op), address, 0, 1);
  Cluster &cluster = thread->getCluster();
  if (rank >= cluster.ctas.size())
    thread->fail(Check::Bounds, OpRef(op),
                 "requires a CTA of the cluster's " +
                     std::to_string(cluster.ctas.size()) + ", but its rank is " +
                     std::to_string(rank));
  return cluster.ctas[rank].window.getBase() + range.offset;
}

static uint32_t selectDim(const Dim3 &dim, unsigned which) {
  return which == 0 ? dim.x : which == 1 ? dim.y : dim.z;
}

uint32_t vnm_emu_special_register(Thread *thread, const char *op,
                                  uint32_t which) {
  const Launch &launch = thread->getCluster().launch;
  const Dim3 &cta = thread->cta->id, &cluster = launch.cluster;
  Dim3 clusterId = {cta.x / cluster.x, cta.y / cluster.y, cta.z / cluster.z};
  Dim3 numClusters = {launch.grid.x / cluster.x, launch.grid.y / cluster.y,
                      launch.grid.z / cluster.z};
  Dim3 within = {cta.x % cluster.x, cta.y % cluster.y, cta.z % cluster.z};
  const Dim3 dims[] = {thread->id, launch.block, cta,    launch.grid,
                       clusterId,  numClusters,  within, cluster};
  if (which < 3 * std::size(dims))
    return selectDim(dims[which / 3], which % 3);
  uint32_t below = (1u << thread->lane) - 1, own = 1u << thread->lane;
  switch (which) {
  case VNM_EMU_CLUSTER_CTARANK:
    return thread->cta->rank;
  case VNM_EMU_CLUSTER_NCTARANK:
    return cluster.getCount();
  case VNM_EMU_LANEID:
    return thread->lane;
  case VNM_EMU_WARPID:
    return thread->warp->index;
  case VNM_EMU_NWARPID:
    return thread->cta->warps.size();
  case VNM_EMU_WARPSIZE:
    return 32;
  case VNM_EMU_LANEMASK_EQ:
    return own;
  case VNM_EMU_LANEMASK_LE:
    return below | own;
  case VNM_EMU_LANEMASK_LT:
    return below;
  case VNM_EMU_LANEMASK_GE:
    return ~below;
  case VNM_EMU_LANEMASK_GT:
    return ~(below | own);
  case VNM_EMU_TOTAL_SMEM:
    return launch.getSharedBytes();
  case VNM_EMU_DYNAMIC_SMEM:
    return launch.dynamicSharedBytes;
  default:
    thread->fail(Check::Instruction, OpRef(op),
                 "requires a special register the emulator has, but it is "
                 "number " +
                     std::to_string(which));
  }
}
