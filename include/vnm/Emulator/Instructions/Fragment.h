// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares views of operands in registers, and which element of a
// matrix each register of a lane holds.

#ifndef VNM_EMULATOR_INSTRUCTIONS_FRAGMENT_H
#define VNM_EMULATOR_INSTRUCTIONS_FRAGMENT_H

#include "vnm/Emulator/Instructions/ElementType.h"
#include "llvm/ADT/ArrayRef.h"
#include <cassert>

namespace vnm::emulator {

/// Lanes of a warp and of a warpgroup.
inline constexpr unsigned kWarpLanes = 32;
inline constexpr unsigned kWarpgroupLanes = 128;

/// An operand in registers that is read: `lanes` lanes with `registers` 32-bit
/// registers each, stored lane by lane, the registers in PTX's order. Elements
/// under 32 bits fill a register from its low bits. Does not own its data.
class ConstFragmentRef {
public:
  ConstFragmentRef() = default;
  /// A view of `data`, whose size must be lanes * registers.
  ConstFragmentRef(llvm::ArrayRef<uint32_t> data, unsigned lanes)
      : data(data), lanes(lanes), registers(unsigned(data.size() / lanes)) {
    assert(data.size() % lanes == 0 && "lanes differ in registers");
  }

  unsigned getNumLanes() const { return lanes; }
  unsigned getNumRegisters() const { return registers; }
  uint32_t get(unsigned lane, unsigned index) const {
    assert(lane < lanes && index < registers && "register out of range");
    return data[size_t(lane) * registers + index];
  }

private:
  llvm::ArrayRef<uint32_t> data;
  unsigned lanes = 0, registers = 0;
};

/// The same for an operand that is written, or read and written.
class FragmentRef {
public:
  FragmentRef() = default;
  /// A view of `data`, whose size must be lanes * registers.
  FragmentRef(llvm::MutableArrayRef<uint32_t> data, unsigned lanes)
      : data(data), lanes(lanes), registers(unsigned(data.size() / lanes)) {
    assert(data.size() % lanes == 0 && "lanes differ in registers");
  }

  operator ConstFragmentRef() const { return {data, lanes}; }
  unsigned getNumLanes() const { return lanes; }
  unsigned getNumRegisters() const { return registers; }
  uint32_t &at(unsigned lane, unsigned index) const {
    assert(lane < lanes && index < registers && "register out of range");
    return data[size_t(lane) * registers + index];
  }

private:
  llvm::MutableArrayRef<uint32_t> data;
  unsigned lanes = 0, registers = 0;
};

/// Row and column of a matrix element.
struct Coordinate {
  unsigned row = 0, col = 0;
};

/// Element `element` of register `index` of `lane` in the fragment of A
/// (16 x K, warp `lane / 32` of a warpgroup 16 rows further down). For a sparse
/// A the column counts stored elements. PTX ISA 9.7.14.5 and 9.7.14.6
/// ("Matrix Fragments for mma.m16n8k*"), 9.7.15.5.1 (wgmma).
Coordinate getCoordinateA(ElementType type, unsigned lane, unsigned index,
                          unsigned element);

/// The same for B (K x 8) of mma.
Coordinate getCoordinateB(ElementType type, unsigned lane, unsigned index,
                          unsigned element);

/// The same for C and D: 16 x 8 of mma, 64 x N of wgmma, where every 8 columns
/// take 4 registers of 32-bit elements or 2 of f16.
Coordinate getCoordinateD(ElementType type, unsigned lane, unsigned index,
                          unsigned element);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_FRAGMENT_H
