// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares mbarrier objects and the barrier of a cluster.

#ifndef VNM_LIB_EMULATOR_MBARRIER_H
#define VNM_LIB_EMULATOR_MBARRIER_H

#include "Clocks.h"
#include "Report.h"

#include "llvm/ADT/SmallVector.h"
#include <map>

namespace vnm::emulator {

struct Cta;
struct Thread;

/// An mbarrier (PTX ISA 9.7.13.15). A phase completes when no arrival and no
/// transaction is pending.
struct MBarrier {
  uint64_t phase = 0;    ///< Number of completed phases.
  uint32_t expected = 0; ///< Arrivals of the phases to come.
  int64_t pending = 0;   ///< Arrivals that this phase still needs.
  int64_t transactions = 0;
  OpRef op; ///< That initialised it.
  /// Component of the bulk copies that complete on it; their time is the number
  /// of the phase in which they were issued, plus one.
  unsigned component = 0;
  bool hasComponent = false;
  unsigned numCopies = 0;      ///< Bulk copies that are not performed.
  uint32_t completedTime = 0;  ///< Of the component.
  Clock collected; ///< Of the arrivals so far.
  Clock released;  ///< Of the completed phases.
  llvm::SmallVector<Thread *, 8> waiting;

  /// Whether the phase of parity `parity` is over.
  bool isOver(uint32_t parity) const { return (phase & 1) != (parity & 1); }
};

/// The mbarriers of a CTA by their offset in its window.
using MBarrierMap = std::map<uint32_t, MBarrier>;

struct SharedRange;

/// Reports an ordinary access to an mbarrier.
void checkNotMBarrier(Thread &thread, OpRef op, const SharedRange &range);
/// The mbarrier at `address`, with its CTA; fails the thread if there is none.
std::pair<Cta *, MBarrier *> findMBarrier(Thread &thread, OpRef op,
                                          const char *address);
/// Counts an arrival; completes the phase if it was the last.
void arrive(Cta &cta, MBarrier &barrier, uint32_t count);
/// Changes the transaction count; completes the phase if it was the last.
void addTransactions(Cta &cta, MBarrier &barrier, int64_t bytes);

/// barrier.cluster: a phase completes when every thread has arrived.
struct ClusterBarrier {
  uint64_t phase = 0;
  unsigned arrived = 0;
  Clock collected, released;
  llvm::SmallVector<Thread *, 32> waiting;
  /// Per thread: the phase it has arrived for and not waited for, plus one.
  std::vector<uint64_t> pendingPhase;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_MBARRIER_H
