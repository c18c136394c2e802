// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the emulated GPU's global memory: allocations with guard
// zones, and which of their bytes were written.

#ifndef VNM_LIB_EMULATOR_GLOBALMEMORY_H
#define VNM_LIB_EMULATOR_GLOBALMEMORY_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace vnm::emulator {

/// One allocation. Kernels of several host threads may run on it at once, so
/// its marks are whole bytes.
class Allocation {
public:
  explicit Allocation(size_t bytes);

  uintptr_t getBase() const { return base; }
  size_t getSize() const { return size; }
  bool contains(uintptr_t address, size_t bytes) const {
    return address >= base && bytes <= size && address - base <= size - bytes;
  }

  /// Notes that the bytes were written.
  void markWritten(uintptr_t address, size_t bytes);
  /// The offset of the first of the bytes that nothing wrote; `bytes` if all
  /// were written.
  size_t findUnwritten(uintptr_t address, size_t bytes) const;

private:
  std::unique_ptr<char[]> storage;
  std::unique_ptr<uint8_t[]> written;
  uintptr_t base;
  size_t size;
};

using AllocationList = std::vector<std::shared_ptr<Allocation>>;

/// All live allocations.
class GlobalMemory {
public:
  static GlobalMemory &get();

  /// `bytes` bytes, aligned to 256 as on a GPU, filled with 0xFF: NaNs.
  void *allocate(size_t bytes);
  /// Frees what `allocate` returned; false if it is no such address.
  bool release(void *address);
  /// A pointer to an allocation; null if the address is in none.
  std::shared_ptr<Allocation> find(uintptr_t address);
  /// The allocations as they are now, by address.
  AllocationList getAll();

private:
  std::mutex mutex;
  AllocationList allocations;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_GLOBALMEMORY_H
