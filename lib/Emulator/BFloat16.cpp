// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the roundings to bf16 that compiled kernels call on hosts
// without such an instruction; older compiler runtimes lack them.

#include <cstdint>
#include <cstring>

/// Rounds to nearest, ties to even; a NaN becomes PTX's canonical one
/// (PTX ISA 9.7.9.21, cvt).
static uint16_t roundToBFloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return 0x7FFF;
  return uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/// A bf16 as it is returned: the low half of the register that a float is
/// returned in. Its own type would make the compiler call these functions here.
static float makeResult(uint16_t bits) {
  uint32_t wide = bits;
  float result;
  std::memcpy(&result, &wide, sizeof(result));
  return result;
}

#define VNM_EMULATOR_EXPORT                                                    \
  extern "C" __attribute__((visibility("default"), weak))

// NOLINTBEGIN(bugprone-reserved-identifier): the compiler chose the names.
VNM_EMULATOR_EXPORT float __truncsfbf2(float value) {
  return makeResult(roundToBFloat16(value));
}

VNM_EMULATOR_EXPORT float __truncdfbf2(double value) {
  // Rounding to odd first keeps the second rounding from seeing a false tie.
  auto narrow = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof(bits));
  bool isExact = static_cast<double>(narrow) == value || value != value;
  bool isAway = static_cast<double>(narrow) > value == (value > 0);
  if (!isExact && isAway)
    --bits;
  if (!isExact)
    bits |= 1;
  std::memcpy(&narrow, &bits, sizeof(narrow));
  return makeResult(roundToBFloat16(narrow));
}
// NOLINTEND(bugprone-reserved-identifier)
