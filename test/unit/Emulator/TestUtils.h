// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what several tests of the emulator's instructions use.

#ifndef VNM_TEST_UNIT_EMULATOR_TESTUTILS_H
#define VNM_TEST_UNIT_EMULATOR_TESTUTILS_H

#include "llvm/Support/Error.h"
#include "gtest/gtest.h"
#include <cstdint>
#include <cstring>
#include <rapidcheck/gtest.h>
#include <string>

namespace vnm::emulator::test {

/// The text of an error, empty for success.
inline std::string messageOf(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : "";
}

/// Bits of an f32 and back.
inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline float valueOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

} // namespace vnm::emulator::test

#endif // VNM_TEST_UNIT_EMULATOR_TESTUTILS_H
