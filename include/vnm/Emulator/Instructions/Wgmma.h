// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares wgmma.mma_async, dense and sparse.

#ifndef VNM_EMULATOR_INSTRUCTIONS_WGMMA_H
#define VNM_EMULATOR_INSTRUCTIONS_WGMMA_H

#include "vnm/Emulator/Instructions/Fragment.h"
#include "vnm/Emulator/Instructions/MatrixDescriptor.h"
#include "vnm/Emulator/Instructions/Memory.h"

namespace vnm::emulator {

/// `wgmma.mma_async{.sp}.sync.aligned.m64nNkK` (PTX ISA 9.7.15.5.2 and
/// 9.7.15.6).
struct WgmmaInstruction {
  /// Type of A and of B's elements. They differ only in sign (s8 and u8).
  ElementType typeA = ElementType::F16, typeB = ElementType::F16;
  /// Type of D: F32, F16 (with f16 only) or S32.
  ElementType accumulator = ElementType::F32;
  /// Columns of B: a multiple of 8 from 8 to 256; for integers also a multiple
  /// of 16 above 32, but for 24.
  unsigned n = 256;
  /// Columns of the uncompressed A: 16 for f16/bf16, 8 for tf32, 32 for s8, or
  /// twice that if sparse.
  unsigned k = 16;
  bool sparse = false;
  /// The sparsity selector, an immediate of the instruction.
  unsigned selector = 0;
  /// Whether A, B are negated (imm-scale -1); floating point only.
  bool negateA = false, negateB = false;
  /// Which dimension of A (if in shared memory) and of B is contiguous: MN for
  /// f16 and bf16 only (imm-trans 1).
  Major majorA = Major::K, majorB = Major::K;
  /// `.satfinite`: integer sums saturate instead of wrapping.
  bool saturate = false;

  /// Registers per lane of A (if in registers) and D.
  unsigned getNumRegistersA() const { return 4; }
  unsigned getNumRegistersD() const;
};

/// Checks types, shape, selector and flags. Messages have the form
/// "requires ..., but ...".
llvm::Error verify(const WgmmaInstruction &instruction);

/// The operand A of wgmma: registers of a warpgroup, or a descriptor.
struct WgmmaOperandA {
  /// Registers of the 128 lanes, 4 each. Without lanes, `descriptor` counts.
  ConstFragmentRef registers;
  uint64_t descriptor = 0;
};

/// D = A * B + (scaleD ? D : 0) of one warpgroup, reading shared memory through
/// `memory`, 16 bytes at a time, on behalf of lane 0. `metadata` has one
/// register per lane and is not read for dense instructions. Errors: those of
/// verify and of the descriptors, operands of another size, illegal metadata,
/// those of `memory`.
llvm::Error executeWgmma(const WgmmaInstruction &instruction,
                         const WgmmaOperandA &a, uint64_t descriptorB,
                         ConstFragmentRef metadata, bool scaleD,
                         SharedMemory &memory, FragmentRef d);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_WGMMA_H
