// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file gives LLVM's archives the function arc4random, which the C library
// has since glibc 2.36 only: with it the wheel's library serves older systems.
// Nothing outside sees it.

#include <cstdint>
#include <cstdlib>
#include <sys/random.h>

/// 32 random bits, as arc4random(3) of the C library; LLVM names temporary
/// files by them.
extern "C" uint32_t arc4random(void) {
  uint32_t bits;
  if (getrandom(&bits, sizeof(bits), 0) != ssize_t(sizeof(bits)))
    std::abort(); // As the C library does: there is no error to return.
  return bits;
}
