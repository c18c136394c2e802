// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the meeting of a warp's lanes, and the ABI's functions
// on warps.

#include "Machine.h"

#include "vnm/Emulator/Abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Meeting
//===----------------------------------------------------------------------===//

static std::string describeCollective(const Thread &thread) {
  for (const Collective &collective : thread.warp->open)
    if (collective.arrived >> thread.lane & 1)
      return "waits for lanes " +
             formatLanes(collective.mask & ~collective.arrived) +
             " of its warp to execute it";
  return "waits for its warp";
}

/// Checks that the lanes `collective` wants can come.
static void checkLanes(Thread &thread, const Collective &collective) {
  Warp &warp = *thread.warp;
  if (!(collective.mask >> thread.lane & 1))
    thread.fail(Check::Divergence, collective.op,
                "requires a mask that has the executing lane, but it has lanes " +
                    formatLanes(collective.mask));
  uint32_t missing =
      collective.mask & ~(collective.aligned ? warp.live : warp.existing);
  if (missing)
    thread.fail(Check::Divergence, collective.op,
                "requires lanes " + formatLanes(collective.mask) +
                    " to execute it together, but lanes " +
                    formatLanes(missing) + " have returned or do not exist");
}

static bool isSame(const Collective &one, const Collective &other) {
  return one.execute == other.execute && one.mask == other.mask &&
         (!one.aligned || one.op == other.op);
}

void Warp::meet(Thread &thread, const Collective &wanted, void *arguments) {
  checkLanes(thread, wanted);
  uint32_t own = 1u << thread.lane;
  for (Collective &other : open) {
    if (isSame(other, wanted) || !(other.mask & own) ||
        !(wanted.mask & other.arrived))
      continue;
    // Each waits for the other.
    thread.fail(Check::Divergence, wanted.op,
                "requires lanes " + formatLanes(wanted.mask) +
                    " to execute it together, but lanes " +
                    formatLanes(other.arrived) + " are at " + other.op.str());
  }
  auto *found = llvm::find_if(
      open, [&](const Collective &other) { return isSame(other, wanted); });
  if (found == open.end()) {
    open.push_back(wanted);
    found = std::prev(open.end());
  }
  found->arrived |= own;
  found->arguments[thread.lane] = arguments;
  if (found->mask & live & ~found->arrived)
    return thread.park({wanted.op, describeCollective, 0});
  complete(thread, found - open.begin());
}

void Warp::complete(Thread &last, size_t position) {
  Collective collective = open[position];
  open.erase(open.begin() + position);
  collective.execute(*this, collective);
  for (unsigned lane = 0; lane < 32; ++lane)
    if ((collective.arrived >> lane & 1) && lane != last.lane)
      cta->cluster->wake(getThread(lane));
}

void Warp::exitLane(Thread &thread) {
  for (size_t i = 0; i < open.size();) {
    Collective &collective = open[i];
    if (!(collective.mask >> thread.lane & 1)) {
      ++i;
      continue;
    }
    if (collective.aligned)
      thread.fail(Check::Divergence, collective.op,
                  "requires lanes " + formatLanes(collective.mask) +
                      " to execute it together, but this thread returns while "
                      "lanes " +
                      formatLanes(collective.arrived) + " wait");
    if (collective.mask & live & ~collective.arrived) {
      ++i;
      continue;
    }
    complete(thread, i);
  }
}

//===----------------------------------------------------------------------===//
// Synchronisation and shuffles
//===----------------------------------------------------------------------===//

static Collective makeMasked(const char *op, uint32_t mask,
                             void (*execute)(Warp &, const Collective &)) {
  Collective collective;
  collective.op = OpRef(op);
  collective.mask = mask;
  collective.aligned = false;
  collective.execute = execute;
  return collective;
}

/// Calls `visit` with the number of each lane that is there.
template <typename Visit>
static void forEachLane(const Collective &collective, Visit visit) {
  for (unsigned lane = 0; lane < 32; ++lane)
    if (collective.arrived >> lane & 1)
      visit(lane);
}

void vnm_emu_warp_sync(Thread *thread, const char *op, uint32_t mask) {
  // bar.warp.sync orders memory; shuffles and votes do not.
  auto execute = [](Warp &warp, const Collective &collective) {
    ClockTable &clocks = warp.cta->cluster->clocks;
    Clock all;
    forEachLane(collective, [&](unsigned lane) {
      clocks.release(warp.getThread(lane).component, all);
    });
    forEachLane(collective, [&](unsigned lane) {
      clocks.acquire(warp.getThread(lane).component, all);
    });
  };
  thread->warp->meet(*thread, makeMasked(op, mask, execute), nullptr);
}

namespace {
struct ShuffleArguments {
  uint32_t kind, value, offset, clamp;
  uint32_t result = 0, isValid = 0;
};
} // namespace

/// PTX ISA 9.7.9.6, shfl.sync: the source lane, and whether it is in range.
static std::pair<unsigned, bool>
getSourceLane(const ShuffleArguments &arguments, unsigned lane) {
  unsigned offset = arguments.offset & 31, clamp = arguments.clamp & 31;
  unsigned segment = arguments.clamp >> 8 & 31;
  unsigned maxLane = (lane & segment) | (clamp & ~segment & 31);
  unsigned minLane = lane & segment;
  int source = int(lane);
  bool isValid = false;
  switch (arguments.kind) {
  case 0:
    source = int(lane ^ offset);
    isValid = source <= int(maxLane);
    break;
  case 1:
    source = int(lane) - int(offset);
    isValid = source >= int(maxLane);
    break;
  case 2:
    source = int(lane + offset);
    isValid = source <= int(maxLane);
    break;
  default:
    source = int(minLane | (offset & ~segment & 31));
    isValid = source <= int(maxLane);
  }
  return {isValid ? unsigned(source) : lane, isValid};
}

static void executeShuffle(Warp &warp, const Collective &collective) {
  auto get = [&](unsigned lane) {
    return static_cast<ShuffleArguments *>(collective.arguments[lane]);
  };
  forEachLane(collective, [&](unsigned lane) {
    auto [source, isValid] = getSourceLane(*get(lane), lane);
    if (!(collective.arrived >> source & 1))
      warp.getThread(lane).fail(
          Check::Divergence, collective.op,
          "requires a source lane that takes part, but lane " +
              std::to_string(source) + " does not");
    get(lane)->result = get(source)->value;
    get(lane)->isValid = isValid;
  });
}

uint64_t vnm_emu_shfl(Thread *thread, const char *op, uint32_t kind,
                      uint32_t mask, uint32_t value, uint32_t offset,
                      uint32_t clamp) {
  ShuffleArguments arguments{kind, value, offset, clamp};
  thread->warp->meet(*thread, makeMasked(op, mask, executeShuffle),
                     &arguments);
  return arguments.result | uint64_t(arguments.isValid) << 32;
}

/// Predicates in, the ballot out.
static void executeBallot(Warp &warp, const Collective &collective) {
  uint32_t ballot = 0;
  forEachLane(collective, [&](unsigned lane) {
    if (*static_cast<uint32_t *>(collective.arguments[lane]))
      ballot |= 1u << lane;
  });
  forEachLane(collective, [&](unsigned lane) {
    *static_cast<uint32_t *>(collective.arguments[lane]) = ballot;
  });
}

uint32_t vnm_emu_vote(Thread *thread, const char *op, uint32_t kind,
                      uint32_t mask, uint32_t predicate) {
  uint32_t ballot = predicate;
  uint32_t voters = mask & thread->warp->live;
  thread->warp->meet(*thread, makeMasked(op, mask, executeBallot), &ballot);
  switch (kind) {
  case 0:
    return ballot != 0;
  case 1:
    return ballot == voters;
  case 2:
    return ballot;
  default:
    return ballot == 0 || ballot == voters;
  }
}

uint32_t vnm_emu_elect(Thread *thread, const char *op, uint32_t mask) {
  uint32_t ballot = 1;
  thread->warp->meet(*thread, makeMasked(op, mask, executeBallot), &ballot);
  return unsigned(llvm::countr_zero(ballot)) == thread->lane;
}
