// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vector clocks.

#include "Clocks.h"

#include <algorithm>

using namespace vnm::emulator;

static void raise(std::vector<uint32_t> &to,
                  const std::vector<uint32_t> &from) {
  if (to.size() < from.size())
    to.resize(from.size());
  uint32_t *target = to.data();
  const uint32_t *source = from.data();
  for (size_t i = 0, e = from.size(); i < e; ++i)
    target[i] = std::max(target[i], source[i]);
}

void Clock::join(const Clock &other) {
  raise(seen, other.seen);
  raise(fenced, other.fenced);
}

void Clock::clear() {
  seen.clear();
  fenced.clear();
}

void ClockTable::reset(unsigned numThreads) {
  numComponents = numThreads;
  clocks.resize(numThreads);
  for (unsigned thread = 0; thread < numThreads; ++thread) {
    clocks[thread].fenced.clear();
    clocks[thread].seen.assign(numThreads, 0);
    // Time 0 is what everybody has seen.
    clocks[thread].seen[thread] = 1;
  }
}

void ClockTable::release(unsigned thread, Clock &clock) {
  clock.join(clocks[thread]);
  ++clocks[thread].seen[thread];
}

void ClockTable::acquire(unsigned thread, const Clock &clock) {
  clocks[thread].join(clock);
}

void ClockTable::advance(unsigned thread, unsigned component, uint32_t time) {
  std::vector<uint32_t> &seen = clocks[thread].seen;
  if (seen.size() <= component)
    seen.resize(component + 1);
  seen[component] = std::max(seen[component], time);
}

void ClockTable::fence(unsigned thread) {
  clocks[thread].fenced = clocks[thread].seen;
}
