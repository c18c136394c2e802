// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements ldmatrix and stmatrix.

#include "vnm/Emulator/Instructions/MatrixCopy.h"
#include "Detail.h"
#include <array>

using namespace vnm::emulator;

SharedMemory::~SharedMemory() = default;

namespace {
/// An 8 x 8 matrix of 16-bit elements.
using Tile = std::array<std::array<uint16_t, 8>, 8>;
} // namespace

static constexpr unsigned kRowBytes = 16;

/// Checks what both instructions require of their operands.
static llvm::Error verifyOperands(llvm::ArrayRef<uint32_t> addresses,
                                  unsigned lanes, unsigned registers) {
  if (addresses.size() != kWarpLanes || lanes != kWarpLanes)
    return makeError("requires operands of 32 lanes, but there are " +
                     llvm::Twine(addresses.size()) + " addresses and " +
                     llvm::Twine(lanes) + " lanes of registers");
  if (registers != 1 && registers != 2 && registers != 4)
    return makeError("requires 1, 2 or 4 matrices, but there are " +
                     llvm::Twine(registers));
  for (unsigned lane = 0; lane < 8 * registers; ++lane)
    if (addresses[lane] % kRowBytes)
      return makeError("requires rows aligned to 16 bytes, but lane " +
                       llvm::Twine(lane) + " gives shared address 0x" +
                       llvm::Twine::utohexstr(addresses[lane]));
  return llvm::Error::success();
}

/// The element of a matrix that is half `half` of the register of `lane`.
static uint16_t &elementOf(Tile &tile, unsigned lane, unsigned half,
                           bool transpose) {
  unsigned row = lane / 4, col = 2 * (lane % 4) + half;
  return transpose ? tile[col][row] : tile[row][col];
}

llvm::Error vnm::emulator::executeLdMatrix(llvm::ArrayRef<uint32_t> addresses,
                                           bool transpose, SharedMemory &memory,
                                           FragmentRef destination) {
  unsigned count = destination.getNumRegisters();
  if (llvm::Error error =
          verifyOperands(addresses, destination.getNumLanes(), count))
    return error;
  for (unsigned matrix = 0; matrix < count; ++matrix) {
    Tile tile;
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * matrix + row;
      uint8_t bytes[kRowBytes];
      if (llvm::Error error = memory.read(addresses[lane], bytes, lane))
        return error;
      for (unsigned col = 0; col < 8; ++col)
        tile[row][col] = uint16_t(bytes[2 * col] | bytes[2 * col + 1] << 8);
    }
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      destination.at(lane, matrix) =
          elementOf(tile, lane, 0, transpose) |
          uint32_t(elementOf(tile, lane, 1, transpose)) << 16;
  }
  return llvm::Error::success();
}

llvm::Error vnm::emulator::executeStMatrix(llvm::ArrayRef<uint32_t> addresses,
                                           bool transpose,
                                           ConstFragmentRef source,
                                           SharedMemory &memory) {
  unsigned count = source.getNumRegisters();
  if (llvm::Error error =
          verifyOperands(addresses, source.getNumLanes(), count))
    return error;
  for (unsigned matrix = 0; matrix < count; ++matrix) {
    Tile tile;
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      for (unsigned half = 0; half < 2; ++half)
        elementOf(tile, lane, half, transpose) =
            uint16_t(source.get(lane, matrix) >> (16 * half));
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * matrix + row;
      uint8_t bytes[kRowBytes];
      for (unsigned col = 0; col < 8; ++col) {
        bytes[2 * col] = uint8_t(tile[row][col]);
        bytes[2 * col + 1] = uint8_t(tile[row][col] >> 8);
      }
      if (llvm::Error error = memory.write(addresses[lane], bytes, lane))
        return error;
    }
  }
  return llvm::Error::success();
}
