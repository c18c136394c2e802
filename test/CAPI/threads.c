// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests that several threads may use one handle, and their own.
//
// RUN: %c_host %s -lpthread -o %t && %t | FileCheck %s

#include "check.h"
#include "vnm-c/Prune.h"
#include <pthread.h>
#include <string.h>

enum { R = 256, K = 256, THREADS = 8 };

static float weight[R * K];
static VnmStorage *shared;

/// Compresses and unpacks the weight, and makes an error, many times over.
static void *work(void *expected) {
  static const VnmPattern pattern = {64, 2, 8}, bad = {3, 2, 8};
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  float *dense = malloc(sizeof(weight));
  REQUIRE(dense);
  for (int i = 0; i < 10; ++i) {
    VnmStorage *own = NULL;
    OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &own));
    OK(vnmStorageUnpack(i % 2 ? own : shared, dense, sizeof(weight)));
    REQUIRE(memcmp(dense, expected, sizeof(weight)) == 0);
    vnmStorageDestroy(own);
    own = NULL;
    VnmError *error = vnmCompress(&matrix, bad, NULL, NULL, NULL, &own);
    REQUIRE(strstr(vnmErrorGetMessage(error).data, "but V is 3"));
    vnmErrorDestroy(error);
  }
  free(dense);
  return NULL;
}

int main(void) {
  static const VnmPattern pattern = {64, 2, 8};
  static float expected[R * K];
  for (int i = 0; i < R * K; ++i)
    weight[i] = sample((uint64_t)i);
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &shared));
  OK(vnmStorageUnpack(shared, expected, sizeof(expected)));
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i)
    REQUIRE(pthread_create(&threads[i], NULL, work, expected) == 0);
  for (int i = 0; i < THREADS; ++i)
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  vnmStorageDestroy(shared);
  // CHECK: done
  printf("done\n");
  return 0;
}
