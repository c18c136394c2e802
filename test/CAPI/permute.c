// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests permutations and the weight update.
//
// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "vnm-c/Permute.h"
#include "check.h"
#include "vnm-c/Update.h"
#include <math.h>
#include <string.h>

enum { R = 64, K = 64, SAMPLES = 256 };

static const VnmPattern pattern = {16, 2, 8};
static float weight[R * K], scores[R * K];

static double retainedBy(const VnmStructure *structure) {
  double retained;
  OK(vnmRetainedImportance(scores, structure, &retained));
  return retained;
}

static void checkPermutation(const int32_t *ids, int count) {
  uint8_t seen[K] = {0};
  for (int i = 0; i < count; ++i) {
    REQUIRE(ids[i] >= 0 && ids[i] < count && !seen[ids[i]]);
    seen[ids[i]] = 1;
  }
}

static void testPermute(void) {
  VnmStructure *strict = NULL, *columns = NULL, *both = NULL;
  OK(vnmPrune(scores, R, K, pattern, NULL, &strict));
  OK(vnmPermute(scores, R, K, pattern, NULL, &columns));
  VnmPermuteOptions options = vnmPermuteOptionsGetDefault();
  options.permuteRows = true;
  OK(vnmPermute(scores, R, K, pattern, &options, &both));
  REQUIRE(retainedBy(columns) > retainedBy(strict));
  REQUIRE(retainedBy(both) >= retainedBy(columns));
  VnmStructureInfo info;
  OK(vnmStructureGetInfo(both, &info));
  REQUIRE(info.form == VnmFormFree && info.numOrder == R);
  checkPermutation(info.order, R);

  options.effort = 5;
  VnmStructure *none = NULL;
  // CHECK: 1: requires the number of an effort to be in [0, 3), but it is 5
  report(vnmPermute(scores, R, K, pattern, &options, &none));
  REQUIRE(none == NULL);
  vnmStructureDestroy(both);
  vnmStructureDestroy(columns);
  vnmStructureDestroy(strict);
}

static void testStrict(void) {
  int32_t columns[K], order[R];
  VnmStructure *permuted = NULL, *absorbed = NULL;
  OK(vnmPermuteStrict(scores, R, K, pattern, NULL, columns, order, &permuted,
                      &absorbed));
  checkPermutation(columns, K);
  checkPermutation(order, R);
  // What W keeps in free form is what the permuted weight keeps.
  static float moved[R * K];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < K; ++j)
      moved[i * K + j] = scores[order[i] * K + columns[j]];
  double retained;
  OK(vnmRetainedImportance(moved, permuted, &retained));
  REQUIRE(fabs(retained - retainedBy(absorbed)) < 1e-9);
  vnmStructureDestroy(absorbed);
  vnmStructureDestroy(permuted);
  // All outputs may be left out; options are checked.
  VnmStrictPermuteOptions options = vnmStrictPermuteOptionsGetDefault();
  options.iterations = -1;
  // CHECK-NEXT: 1: requires iterations to be at least 0, but they are -1
  report(vnmPermuteStrict(scores, R, K, pattern, &options, NULL, NULL, NULL,
                          NULL));
  OK(vnmPermuteStrict(scores, R, K, pattern, NULL, NULL, NULL, NULL, NULL));
}

static void testShared(void) {
  VnmPruneOptions prune = vnmPruneOptionsGetDefault();
  VnmSharedWeight producer = {scores, R, K, pattern, prune};
  prune.form = VnmFormFree;
  VnmSharedWeight consumer = {scores, R, K, pattern, prune};
  int32_t order[K];
  double before[2], after[2];
  OK(vnmPermuteShared(&producer, 1, &consumer, 1, R, NULL, order, before,
                      after));
  checkPermutation(order, K);
  REQUIRE(after[0] >= before[0]);
  REQUIRE(isnan(before[1]) && isnan(after[1]));
  VnmSharedPermuteOptions options = vnmSharedPermuteOptionsGetDefault();
  options.block = 7;
  // CHECK-NEXT: 1: requires a block that divides the 64
  report(
      vnmPermuteShared(&producer, 1, NULL, 0, R, &options, order, NULL, NULL));
  // CHECK-NEXT: 1: requires consumers with a pointer and a number of at least
  // 0, but there are 1
  report(vnmPermuteShared(&producer, 1, NULL, 1, R, NULL, order, NULL, NULL));
  // CHECK-NEXT: 1: requires at most 2147483647 channels
  report(
      vnmPermuteShared(NULL, 0, NULL, 0, INT64_MAX, NULL, order, NULL, NULL));
  // CHECK-NEXT: 1: requires at least one channel, but there are -1
  report(vnmPermuteShared(NULL, 0, NULL, 0, -1, NULL, order, NULL, NULL));
}

static void testUpdate(void) {
  static float x[SAMPLES * K], gram[K * K], updated[R * K], inOrder[R * K];
  for (int i = 0; i < SAMPLES; ++i)
    for (int j = 0; j < K; ++j)
      x[i * K + j] = sample((uint64_t)(i * K + j + 100000)) +
                     (j ? 0.9f * x[i * K + j - 1] : 0);
  OK(vnmGram(x, SAMPLES, K, 0, gram));
  VnmStructure *structure = NULL;
  OK(vnmPrune(scores, R, K, pattern, NULL, &structure));
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  OK(vnmUpdate(&matrix, structure, gram, NULL, updated));
  VnmUpdateOptions options = vnmUpdateOptionsGetDefault();
  options.inOrder = true;
  OK(vnmUpdate(&matrix, structure, gram, &options, inOrder));

  static uint8_t mask[R * K];
  static float masked[R * K];
  OK(vnmStructureGetMask(structure, mask));
  for (int i = 0; i < R * K; ++i) {
    masked[i] = mask[i] ? weight[i] : 0;
    REQUIRE(mask[i] || (updated[i] == 0 && inOrder[i] == 0));
  }
  double maskOnly, solved, swept;
  OK(vnmRelativeOutputError(weight, masked, gram, R, K, &maskOnly));
  OK(vnmRelativeOutputError(weight, updated, gram, R, K, &solved));
  OK(vnmRelativeOutputError(weight, inOrder, gram, R, K, &swept));
  REQUIRE(solved < swept && swept < maskOnly);

  options.damping = -1;
  // CHECK-NEXT: 1: requires damping to be finite and not negative, but it is
  report(vnmUpdate(&matrix, structure, gram, &options, updated));
  gram[1] = 1e6f;
  // CHECK-NEXT: 1: requires a symmetric Gram matrix
  report(vnmUpdate(&matrix, structure, gram, NULL, updated));
  x[K + 2] = INFINITY;
  // CHECK-NEXT: 1: requires {{.*}}(1, 2)
  report(vnmGram(x, SAMPLES, K, 0, gram));
  // CHECK-NEXT: 1: requires R and K to be in [1, 2147483647], but they are 0
  // and 64
  report(vnmGram(x, 0, K, 0, gram));
  vnmStructureDestroy(structure);
}

int main(void) {
  for (int i = 0; i < R * K; ++i) {
    weight[i] = sample((uint64_t)i);
    scores[i] = fabsf(weight[i]);
  }
  testPermute();
  testStrict();
  testShared();
  testUpdate();
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
