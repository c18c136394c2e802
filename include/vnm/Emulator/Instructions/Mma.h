// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares mma.sync and mma.sp.sync.

#ifndef VNM_EMULATOR_INSTRUCTIONS_MMA_H
#define VNM_EMULATOR_INSTRUCTIONS_MMA_H

#include "vnm/Emulator/Instructions/Fragment.h"
#include "llvm/Support/Error.h"

namespace vnm::emulator {

/// A warp-level `mma.sync.aligned.m16n8kK.row.col` or
/// `mma.sp::ordered_metadata.sync.aligned...` (PTX ISA 9.7.14.5
/// and 9.7.14.6).
struct MmaInstruction {
  /// Type of A and of B's elements. They differ only in sign (s8 and u8).
  ElementType typeA = ElementType::F16, typeB = ElementType::F16;
  /// Type of C and D: F32 or F16 with f16, F32 with bf16 and tf32, S32 with
  /// integers.
  ElementType accumulator = ElementType::F32;
  /// Columns of the uncompressed A: dense f16/bf16 8, 16, tf32 4, 8, s8 16, 32;
  /// sparse f16/bf16 16, 32, tf32 8, 16, s8 32, 64.
  unsigned k = 16;
  bool sparse = false;
  /// The sparsity selector, an immediate of the instruction.
  unsigned selector = 0;
  /// `.satfinite`: integer sums saturate instead of wrapping.
  bool saturate = false;

  /// Registers per lane of each operand.
  unsigned getNumRegistersA() const;
  unsigned getNumRegistersB() const;
  unsigned getNumRegistersD() const;
};

/// Checks types, shape and selector. Messages have the form
/// "requires ..., but ...".
llvm::Error verify(const MmaInstruction &instruction);

/// D = A * B + C of one warp. `metadata` has one register per lane and is not
/// read for dense instructions; `d` may be the registers of `c`. Errors: those
/// of verify, operands of another size, illegal metadata. The rounding is that
/// of DotProduct.h.
llvm::Error executeMma(const MmaInstruction &instruction, ConstFragmentRef a,
                       ConstFragmentRef b, ConstFragmentRef c,
                       ConstFragmentRef metadata, FragmentRef d);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_MMA_H
