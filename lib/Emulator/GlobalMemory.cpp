// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements global memory.

#include "GlobalMemory.h"

#include <algorithm>
#include <cstring>

using namespace vnm::emulator;

/// Bytes on either side that belong to no allocation.
static constexpr size_t kGuardBytes = 512;
static constexpr size_t kAlignment = 256;

Allocation::Allocation(size_t bytes)
    : storage(new char[bytes + 2 * kGuardBytes + kAlignment]),
      written(new uint8_t[bytes]()), size(bytes) {
  std::memset(storage.get(), 0xFF, bytes + 2 * kGuardBytes + kAlignment);
  base = reinterpret_cast<uintptr_t>(storage.get()) + kGuardBytes;
  base = (base + kAlignment - 1) / kAlignment * kAlignment;
}

void Allocation::markWritten(uintptr_t address, size_t bytes) {
  std::memset(written.get() + (address - base), 1, bytes);
}

size_t Allocation::findUnwritten(uintptr_t address, size_t bytes) const {
  const void *hit = std::memchr(written.get() + (address - base), 0, bytes);
  return hit ? static_cast<const uint8_t *>(hit) -
                   (written.get() + (address - base))
             : bytes;
}

GlobalMemory &GlobalMemory::get() {
  static GlobalMemory memory;
  return memory;
}

/// The allocation that starts last at or before `address`.
static AllocationList::const_iterator
findBefore(const AllocationList &allocations, uintptr_t address) {
  auto after = std::upper_bound(
      allocations.begin(), allocations.end(), address,
      [](uintptr_t value, const std::shared_ptr<Allocation> &allocation) {
        return value < allocation->getBase();
      });
  return after == allocations.begin() ? allocations.end() : std::prev(after);
}

void *GlobalMemory::allocate(size_t bytes) {
  auto allocation = std::make_shared<Allocation>(bytes);
  uintptr_t base = allocation->getBase();
  std::lock_guard<std::mutex> lock(mutex);
  auto before = findBefore(allocations, base);
  auto place =
      before == allocations.end() ? allocations.begin() : std::next(before);
  allocations.insert(place, std::move(allocation));
  return reinterpret_cast<void *>(base);
}

bool GlobalMemory::release(void *address) {
  std::lock_guard<std::mutex> lock(mutex);
  auto value = reinterpret_cast<uintptr_t>(address);
  auto hit = findBefore(allocations, value);
  if (hit == allocations.end() || (*hit)->getBase() != value)
    return false;
  allocations.erase(hit);
  return true;
}

std::shared_ptr<Allocation> GlobalMemory::find(uintptr_t address) {
  std::lock_guard<std::mutex> lock(mutex);
  auto hit = findBefore(allocations, address);
  if (hit == allocations.end() || !(*hit)->contains(address, 0))
    return nullptr;
  return *hit;
}

AllocationList GlobalMemory::getAll() {
  std::lock_guard<std::mutex> lock(mutex);
  return allocations;
}
