// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the launch of a kernel: its clusters over the cores.

#include "Launch.h"

#include "Machine.h"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace llvm;
using namespace vnm::emulator;

std::string vnm::emulator::formatDim(const Dim3 &dim) {
  return "(" + std::to_string(dim.x) + ", " + std::to_string(dim.y) + ", " +
         std::to_string(dim.z) + ")";
}

std::string Settings::parseOrder(StringRef text) {
  StringRef rest = text;
  if (text == "late" || text == "early") {
    order = text == "late" ? Order::Late : Order::Early;
    return "";
  }
  uint64_t value = 0;
  if (rest.consume_front("random:") && !rest.getAsInteger(10, value)) {
    order = Order::Random;
    seed = value;
    return "";
  }
  return "requires the order to be late, early or random:SEED, but it is '" +
         text.str() + "'";
}

uint32_t Launch::getSharedBytes() const {
  uint32_t bytes = kernel->staticSharedBytes;
  if (dynamicSharedBytes == 0)
    return bytes;
  uint32_t alignment = std::max(kernel->sharedAlignment, 1u);
  return (bytes + alignment - 1) / alignment * alignment + dynamicSharedBytes;
}

Allocation *Launch::findAllocation(uintptr_t address, size_t bytes) const {
  auto after =
      std::upper_bound(allocations.begin(), allocations.end(), address,
                       [](uintptr_t value, const auto &allocation) {
                         return value < allocation->getBase();
                       });
  if (after == allocations.begin())
    return nullptr;
  Allocation *hit = std::prev(after)->get();
  return hit->contains(address, bytes) ? hit : nullptr;
}

std::string Launch::checkExtents() const {
  auto compare = [](const char *what, uint64_t limit, uint64_t value) {
    return std::string("requires ") + what + " of at most " +
           std::to_string(limit) + ", but there are " + std::to_string(value);
  };
  uint64_t numThreads = uint64_t(block.x) * block.y * block.z;
  uint64_t limit = kernel->maxThreads ? kernel->maxThreads : 1024;
  if (numThreads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0)
    return "requires a grid and a block of at least one, but they are " +
           formatDim(grid) + " and " + formatDim(block);
  if (numThreads > limit)
    return compare("a number of threads per CTA", limit, numThreads);
  const uint32_t *wanted = kernel->requiredThreads;
  if (wanted[0] &&
      (wanted[0] != block.x || wanted[1] != block.y || wanted[2] != block.z))
    return "requires the block that the kernel declares, " +
           formatDim({wanted[0], wanted[1], wanted[2]}) + ", but it is " +
           formatDim(block);
  if (getSharedBytes() > kMaxSharedBytes)
    return compare("bytes of shared memory", kMaxSharedBytes,
                   getSharedBytes());
  if (grid.x % cluster.x || grid.y % cluster.y || grid.z % cluster.z)
    return "requires a grid that is a multiple of the cluster " +
           formatDim(cluster) + ", but it is " + formatDim(grid);
  if (cluster.getCount() > 16)
    return compare("CTAs in a cluster", 16, cluster.getCount());
  return "";
}

bool Launch::run() {
  if (std::string problem = checkExtents(); !problem.empty()) {
    reports.add(Check::Bounds, "launch",
                "launch of " + std::string(kernel->name) + ": " + problem);
    return false;
  }
  unsigned numClusters = grid.x / cluster.x * (grid.y / cluster.y) *
                         (grid.z / cluster.z);
  std::atomic<unsigned> next{0};
  auto work = [&] {
    Cluster machine(*this);
    for (unsigned index = next++; index < numClusters; index = next++) {
      machine.run(index);
      // What comes after a failure is rarely of interest.
      if (!reports.isEmpty())
        break;
    }
  };
  unsigned numWorkers = std::min(
      std::max(1u, std::thread::hardware_concurrency()), numClusters);
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < numWorkers; ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  return true;
}
