// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the asynchronous products of warpgroups.
//
// The result of a product is not in the registers before it was waited for. Its
// registers hold a reference until then: a mark and the product's ticket. Only
// another product may take them as they are.

#ifndef VNM_LIB_EMULATOR_WGMMA_H
#define VNM_LIB_EMULATOR_WGMMA_H

#include "Machine.h"

#include "vnm/Emulator/Instructions/Wgmma.h"

namespace vnm::emulator {

/// Bytes that a product read when it was issued.
struct OperandBytes {
  uint32_t offset = 0;
  std::vector<uint8_t> bytes;
};

/// One product, issued and perhaps complete.
struct WarpgroupProduct {
  OpRef op;
  WgmmaInstruction instruction;
  std::vector<uint32_t> registersA, metadata;
  uint64_t descriptorA = 0, descriptorB = 0;
  bool scaleD = true;
  /// D before: registers, or the ticket of the product they come from.
  std::vector<uint32_t> input;
  uint32_t inputTicket = 0;
  /// D after, as of the time of issue and finally of completion.
  std::vector<uint32_t> sums;
  /// What it read; empty once nothing can change any more.
  std::vector<OperandBytes> operands;
  bool isComplete = false; ///< Somebody waited for it.
  bool wasRedone = false;  ///< Its operands changed after its issue.
};

/// The asynchronous products of a warpgroup, whose 128 lanes issue, commit and
/// wait together.
struct WarpgroupWork {
  static constexpr unsigned kLanes = 128;

  // The lanes that have come to an op.
  OpRef op;
  unsigned numArrived = 0;
  std::array<void *, kLanes> arguments{};
  llvm::SmallVector<Thread *, kLanes> waiting;

  uint32_t nextTicket = 1;
  std::map<uint32_t, WarpgroupProduct> products;
  std::vector<uint32_t> current; ///< Tickets that are not committed.
  std::deque<std::vector<uint32_t>> committed;
  uint32_t time = 1; ///< Of the component: the number of the current group.
  unsigned component = 0;
  bool hasComponent = false;
  /// wgmma.fence since the registers may last have changed.
  bool isFenced = false;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_WGMMA_H
