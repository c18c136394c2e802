// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests that memory that runs out is an error, not the end.
//
// The address sanitizer reserves more than a limit leaves, and ends the process
// itself.
// UNSUPPORTED: asan
//
// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "check.h"
#include "vnm-c/Prune.h"
#include <sys/resource.h>

int main(void) {
  enum { R = 16, K = 1 << 20 };
  VnmPattern pattern = {16, 2, 1 << 18};
  float *scores = calloc((size_t)R * K, sizeof(float));
  REQUIRE(scores);
  VnmStructure *structure = NULL;
  OK(vnmPrune(scores, R, K, pattern, NULL, &structure));
  // 64 MiB for the scores are there; a second array of that size no more.
  struct rlimit limit = {100 << 20, RLIM_INFINITY};
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  VnmMatrix matrix = vnmMatrixRowMajor(scores, VnmElementTypeF32, R, K);
  VnmStorage *storage = NULL;
  // CHECK: 4: requires more memory, but none is left
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  REQUIRE(storage == NULL);
  limit.rlim_cur = RLIM_INFINITY;
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  // The library works on.
  OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  vnmStorageDestroy(storage);
  vnmStructureDestroy(structure);
  free(scores);
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
