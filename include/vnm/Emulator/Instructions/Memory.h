// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares how instructions reach shared memory: whoever runs them
// supplies the bytes and may check each access.

#ifndef VNM_EMULATOR_INSTRUCTIONS_MEMORY_H
#define VNM_EMULATOR_INSTRUCTIONS_MEMORY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vnm::emulator {

/// Shared memory, by the addresses of PTX's shared::cta window.
class SharedMemory {
public:
  virtual ~SharedMemory();

  /// Reads bytes.size() bytes from `address` on behalf of `lane` of the warp
  /// or warpgroup. An error ends the instruction and is passed on.
  virtual llvm::Error read(uint32_t address,
                           llvm::MutableArrayRef<uint8_t> bytes,
                           unsigned lane) = 0;

  /// Writes `bytes` to `address` on behalf of `lane`.
  virtual llvm::Error write(uint32_t address, llvm::ArrayRef<uint8_t> bytes,
                            unsigned lane) = 0;
};

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_MEMORY_H
