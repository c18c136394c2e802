// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the tests of the C interface share.

#ifndef VNM_TEST_CAPI_INPUTS_CHECK_H
#define VNM_TEST_CAPI_INPUTS_CHECK_H

#include "vnm-c/Support.h"
#include <stdio.h>
#include <stdlib.h>

/// Ends the test if `condition` does not hold.
#define REQUIRE(condition)                                                     \
  do {                                                                         \
    if (!(condition)) {                                                        \
      printf("%s:%d: requires %s\n", __FILE__, __LINE__, #condition);          \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/// Ends the test if there is an error.
#define OK(call) succeed((call), __FILE__, __LINE__)

static inline void succeed(VnmError *error, const char *file, int line) {
  if (!error)
    return;
  printf("%s:%d: %s\n", file, line, vnmErrorGetMessage(error).data);
  exit(1);
}

/// Prints the kind and the diagnostic of an error, and frees it.
static inline void report(VnmError *error) {
  VnmString message = vnmErrorGetMessage(error);
  printf("%d: %.*s\n", (int)vnmErrorGetKind(error), (int)message.length,
         message.data);
  vnmErrorDestroy(error);
}

/// A callback that prints a text in a line.
static inline void printLine(VnmString text, void *userData) {
  (void)userData;
  printf("%.*s\n", (int)text.length, text.data);
}

/// The i-th number, in [-1, 1), of a fixed sequence.
static inline float sample(uint64_t i) {
  uint64_t x = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
  x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  return (float)((double)(x >> 40) / (double)(1 << 23) - 1.0);
}

#endif // VNM_TEST_CAPI_INPUTS_CHECK_H
