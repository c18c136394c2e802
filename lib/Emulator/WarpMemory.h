// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares shared memory as the instructions of a warp reach it.

#ifndef VNM_LIB_EMULATOR_WARPMEMORY_H
#define VNM_LIB_EMULATOR_WARPMEMORY_H

#include "Access.h"

#include "vnm/Emulator/Instructions/Memory.h"

namespace vnm::emulator {

/// Every access is checked as one of the lane on whose behalf it is.
class WarpMemory final : public SharedMemory {
public:
  WarpMemory(Warp &warp, OpRef op) : warp(warp), op(op) {}

  llvm::Error read(uint32_t address, llvm::MutableArrayRef<uint8_t> bytes,
                   unsigned lane) override;
  llvm::Error write(uint32_t address, llvm::ArrayRef<uint8_t> bytes,
                    unsigned lane) override;

private:
  Warp &warp;
  OpRef op;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_WARPMEMORY_H
