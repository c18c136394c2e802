// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares vector clocks: what each thread knows of the others'
// progress.
//
// A component is something whose accesses are in order: a thread, one thread's
// asynchronous copies, an mbarrier's transactions. An access is stamped with its
// component's time; a thread is ordered after it if the thread's clock has
// reached that time.

#ifndef VNM_LIB_EMULATOR_CLOCKS_H
#define VNM_LIB_EMULATOR_CLOCKS_H

#include <cstdint>
#include <vector>

namespace vnm::emulator {

/// What something knows: `seen` of every component, and of `seen` the part that
/// a proxy fence made visible to the asynchronous proxy.
struct Clock {
  std::vector<uint32_t> seen, fenced;

  /// Adds what `other` knows.
  void join(const Clock &other);
  void clear();
};

/// The clocks of the threads of a cluster.
class ClockTable {
public:
  /// Forgets everything; components 0 .. numThreads - 1 are the threads'.
  void reset(unsigned numThreads);

  /// A new component, at time 0.
  unsigned addComponent() { return numComponents++; }

  const Clock &get(unsigned thread) const { return clocks[thread]; }
  /// The time that `thread` has reached itself.
  uint32_t getTime(unsigned thread) const { return clocks[thread].seen[thread]; }

  /// What `thread` releases: its clock is added to `clock`, and its later
  /// accesses are not covered.
  void release(unsigned thread, Clock &clock);
  /// `thread` acquires `clock`.
  void acquire(unsigned thread, const Clock &clock);
  /// `thread` has seen `component` reach `time`.
  void advance(unsigned thread, unsigned component, uint32_t time);
  /// fence.proxy.async: all that `thread` has seen is visible to the
  /// asynchronous proxy.
  void fence(unsigned thread);

  /// Whether `thread` has seen `component` reach `time`.
  bool hasSeen(unsigned thread, unsigned component, uint32_t time) const {
    const std::vector<uint32_t> &seen = clocks[thread].seen;
    return component < seen.size() && seen[component] >= time;
  }
  /// The same for what is visible to the asynchronous proxy.
  bool hasFenced(unsigned thread, unsigned component, uint32_t time) const {
    const std::vector<uint32_t> &fenced = clocks[thread].fenced;
    return component < fenced.size() && fenced[component] >= time;
  }

private:
  std::vector<Clock> clocks;
  unsigned numComponents = 0;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_CLOCKS_H
