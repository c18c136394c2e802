// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the launch of a kernel.

#ifndef VNM_LIB_EMULATOR_LAUNCH_H
#define VNM_LIB_EMULATOR_LAUNCH_H

#include "GlobalMemory.h"
#include "Report.h"

#include <array>
#include <cstdint>

namespace vnm::emulator {

struct Thread;

/// Extents or a position.
struct Dim3 {
  unsigned x = 0, y = 0, z = 0;

  unsigned getCount() const { return x * y * z; }
  /// Position number `index`, x fastest, in these extents.
  Dim3 delinearize(unsigned index) const {
    return {index % x, index / x % y, index / x / y};
  }
};
std::string formatDim(const Dim3 &dim);

/// A kernel, as the conversion lays it out in the compiled module.
struct KernelRecord {
  /// Runs one thread; `parameters` are pointers to the kernel's arguments.
  void (*entry)(Thread *thread, void **parameters);
  const char *name;
  uint32_t staticSharedBytes;
  /// Alignment of dynamic shared memory, which follows the static part.
  uint32_t sharedAlignment;
  /// Bounds and demands the kernel declares; 0 where it declares none.
  uint32_t maxThreads;
  uint32_t requiredThreads[3];
  uint32_t clusterExtents[3];
};

/// When asynchronous work completes and in which order threads run.
enum class Order { Late, Early, Random };

/// What a host sets for all launches.
struct Settings {
  Order order = Order::Late;
  uint64_t seed = 0;
  CheckSet checks;

  /// Parses "late", "early" or "random:SEED"; returns what is wrong.
  std::string parseOrder(llvm::StringRef text);
};

/// One launch.
struct Launch {
  const KernelRecord *kernel = nullptr;
  Dim3 grid, block, cluster;
  uint32_t dynamicSharedBytes = 0;
  void **parameters = nullptr;
  size_t numParameters = 0;
  Settings settings;
  AllocationList allocations;
  ReportList reports;

  /// Bytes of a CTA's window.
  uint32_t getSharedBytes() const;
  /// The allocation that holds the bytes; null if none does.
  Allocation *findAllocation(uintptr_t address, size_t bytes) const;

  /// Runs it; false if its extents are not what kernel and hardware allow.
  bool run();

private:
  /// What is wrong with the extents, or an empty string.
  std::string checkExtents() const;
};

/// Most shared memory a CTA can have, from sm_90 on.
inline constexpr uint32_t kMaxSharedBytes = 227 << 10;

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_LAUNCH_H
