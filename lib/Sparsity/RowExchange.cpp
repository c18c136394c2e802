// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the exchange of rows between panels.

#include "RowExchange.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

/// Gains below this share of the values are rounding.
static constexpr float kRelativeNoise = 1e-6f;
/// Cycles take B^3 steps to find: not for more panels than this.
static constexpr int64_t kMaxCyclePanels = 128;

static constexpr float kNone = -std::numeric_limits<float>::infinity();

void RowExchange::findMoves(int64_t from) {
  float *best = &moveGain(from, 0);
  int32_t *mover = movers.data() + from * numPanels;
  std::fill(best, best + numPanels, kNone);
  for (int32_t row : members[from]) {
    const float *value = values.data() + int64_t(row) * numPanels;
    float own = value[from];
    for (int64_t to = 0; to < numPanels; ++to) {
      float gain = value[to] - own;
      bool better = gain > best[to];
      best[to] = better ? gain : best[to];
      mover[to] = better ? row : mover[to];
    }
  }
  best[from] = kNone;
}

void RowExchange::findPartner(int64_t panel) {
  partnerGain[panel] = kNone;
  for (int64_t other = 0; other < numPanels; ++other) {
    float gain = moveGain(panel, other) + moveGain(other, panel);
    if (gain > partnerGain[panel]) {
      partnerGain[panel] = gain;
      partner[panel] = int32_t(other);
    }
  }
}

void RowExchange::applyCycle(llvm::ArrayRef<int32_t> cycle) {
  std::vector<int32_t> moving;
  moving.reserve(cycle.size());
  for (size_t i = 0; i < cycle.size(); ++i)
    moving.push_back(
        movers[cycle[i] * numPanels + cycle[(i + 1) % cycle.size()]]);
  for (size_t i = 0; i < cycle.size(); ++i) {
    size_t next = (i + 1) % cycle.size();
    total += double(valueAt(moving[i], cycle[next])) -
             double(valueAt(moving[i], cycle[i]));
    // Members stay in ascending order: ties go to the lowest row, whatever
    // happened before.
    std::vector<int32_t> &from = members[cycle[i]];
    from.erase(llvm::lower_bound(from, moving[i]));
    std::vector<int32_t> &to = members[cycle[next]];
    to.insert(llvm::lower_bound(to, moving[i]), moving[i]);
  }
  for (int32_t panel : cycle)
    findMoves(panel);
}

void RowExchange::exchangePairs() {
  float noise = 0;
  for (float value : values)
    noise = std::max(noise, value);
  noise *= kRelativeNoise;
  for (int64_t panel = 0; panel < numPanels; ++panel)
    findPartner(panel);
  for (;;) {
    int64_t best = llvm::max_element(partnerGain) - partnerGain.begin();
    if (!(partnerGain[best] > noise))
      return;
    int32_t pair[] = {int32_t(best), partner[best]};
    applyCycle(pair);
    for (int64_t panel = 0; panel < numPanels; ++panel) {
      bool changed = panel == pair[0] || panel == pair[1];
      if (changed || partner[panel] == pair[0] || partner[panel] == pair[1]) {
        findPartner(panel);
        continue;
      }
      for (int32_t other : pair) {
        float gain = moveGain(panel, other) + moveGain(other, panel);
        if (gain > partnerGain[panel]) {
          partnerGain[panel] = gain;
          partner[panel] = other;
        }
      }
    }
  }
}

std::vector<int32_t> RowExchange::findCycle() {
  // Bellman-Ford for the largest gain of a walk that ends in each panel. A walk
  // that still improves after B rounds runs through a cycle of positive gain.
  std::vector<float> reach(numPanels, 0);
  std::vector<int32_t> before(numPanels, -1);
  float noise = 0;
  for (float value : values)
    noise = std::max(noise, value);
  noise *= kRelativeNoise;
  int32_t last = -1;
  for (int64_t round = 0; round < numPanels; ++round) {
    last = -1;
    for (int64_t from = 0; from < numPanels; ++from)
      for (int64_t to = 0; to < numPanels; ++to)
        if (reach[from] + moveGain(from, to) > reach[to] + noise) {
          reach[to] = reach[from] + moveGain(from, to);
          before[to] = int32_t(from);
          last = int32_t(to);
        }
    if (last < 0)
      return {};
  }
  for (int64_t i = 0; i < numPanels; ++i)
    last = before[last];
  std::vector<int32_t> cycle;
  for (int32_t panel = last; cycle.empty() || panel != last;
       panel = before[panel])
    cycle.push_back(panel);
  std::reverse(cycle.begin(), cycle.end());
  return cycle;
}

void RowExchange::exchangeAlongCycles() {
  for (int64_t i = 0; i < 2 * numPanels; ++i) {
    std::vector<int32_t> cycle = findCycle();
    if (cycle.empty())
      return;
    applyCycle(cycle);
  }
}

double RowExchange::run(llvm::MutableArrayRef<int32_t> panelOf) {
  members.assign(numPanels, {});
  for (size_t row = 0; row < panelOf.size(); ++row)
    members[panelOf[row]].push_back(int32_t(row));
  gains.assign(numPanels * numPanels, kNone);
  movers.assign(numPanels * numPanels, -1);
  partner.assign(numPanels, 0);
  partnerGain.assign(numPanels, kNone);
  total = 0;
  for (int64_t panel = 0; panel < numPanels; ++panel)
    findMoves(panel);
  exchangePairs();
  if (numPanels <= kMaxCyclePanels)
    exchangeAlongCycles();
  for (int64_t panel = 0; panel < numPanels; ++panel)
    for (int32_t row : members[panel])
      panelOf[row] = int32_t(panel);
  return total;
}
