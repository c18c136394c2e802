// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the element types of matrix instructions.

#ifndef VNM_EMULATOR_INSTRUCTIONS_ELEMENTTYPE_H
#define VNM_EMULATOR_INSTRUCTIONS_ELEMENTTYPE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace vnm::emulator {

/// Element types of matrix instructions, named as in PTX. TF32 values occupy
/// the bits of an f32.
enum class ElementType { F16, BF16, TF32, F32, S8, U8, S32 };

/// Bits that an element occupies in a register or in memory: 8, 16 or 32.
unsigned getBitWidth(ElementType type);

/// Elements that one 32-bit register holds: 4, 2 or 1.
inline unsigned getElementsPerRegister(ElementType type) {
  return 32 / getBitWidth(type);
}

/// Whether elements are integers.
bool isInteger(ElementType type);

/// PTX's name without the point, e.g. "bf16".
llvm::StringRef stringify(ElementType type);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_ELEMENTTYPE_H
