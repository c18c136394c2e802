// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the checks of memory accesses.

#ifndef VNM_LIB_EMULATOR_ACCESS_H
#define VNM_LIB_EMULATOR_ACCESS_H

#include "Machine.h"

namespace vnm::emulator {

/// Bytes of a CTA's shared memory.
struct SharedRange {
  Cta *cta = nullptr;
  uint32_t offset = 0;
  uint32_t bytes = 0;
};

/// The bytes at `address` in the cluster's shared memory; fails the thread
/// where they are not, or not aligned to `alignment`.
SharedRange locateShared(Thread &thread, OpRef op, const char *address,
                         uint64_t bytes, uint32_t alignment);

/// Notes an access that `thread` makes itself, in program order.
void noteAccess(Thread &thread, OpRef op, SharedRange range, AccessKind kind);

/// Notes an access that another component will have made once its time has
/// come; what `thread` knows now decides whether it is in order.
void noteAccess(Thread &thread, OpRef op, SharedRange range, AccessKind kind,
                unsigned component, uint32_t time);

/// The allocation of the bytes at `address`; fails the thread where there is
/// none or where they are not aligned.
Allocation &locateGlobal(Thread &thread, OpRef op, const char *address,
                         uint64_t bytes, uint32_t alignment);

/// Notes a bulk write to `range` that completes on `mbarrier` by `bytes`, and
/// issues it: `work` writes the bytes.
void issueWithMBarrier(Thread &thread, OpRef op, SharedRange range,
                       const char *mbarrier, uint64_t bytes,
                       llvm::unique_function<void()> work);

/// Notes a bulk read of `range` that is part of the thread's bulk groups, and
/// issues it: `work` reads the bytes.
void issueBulkRead(Thread &thread, OpRef op, SharedRange range,
                   llvm::unique_function<void()> work);

/// Calls `visit` with destination and mbarrier in every CTA of a mask of the
/// cluster's ranks; for mask 0 once, with the addresses as they are.
void forEachTarget(
    Thread &thread, OpRef op, char *destination, const char *mbarrier,
    uint32_t ctaMask,
    llvm::function_ref<void(char *destination, const char *mbarrier)> visit);

/// Notes an access to global memory.
void noteGlobal(Thread &thread, OpRef op, Allocation &allocation,
                const char *address, uint64_t bytes, bool isWrite);

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_ACCESS_H
