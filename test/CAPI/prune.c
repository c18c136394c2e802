// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests importance, pruning, packing, unpacking and their errors.
//
// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "vnm-c/Prune.h"
#include "check.h"
#include <math.h>
#include <string.h>

enum { R = 40, K = 50 }; // a short panel, a tail of 2 columns

static const VnmPattern pattern = {16, 2, 8};

/// Counts what a row keeps in every group, against the pattern.
static void checkMask(const uint8_t *mask) {
  for (int row = 0; row < R; ++row)
    for (int group = 0; group * 8 < K; ++group) {
      int kept = 0;
      for (int col = group * 8; col < K && col < group * 8 + 8; ++col)
        kept += mask[row * K + col];
      REQUIRE(kept == 2);
    }
}

static void testCycle(const float *weight) {
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  static float scores[R * K];
  OK(vnmImportance(&matrix, NULL, scores));
  for (int i = 0; i < R * K; ++i)
    REQUIRE(scores[i] == fabsf(weight[i]));

  VnmStructure *structure = NULL;
  OK(vnmPrune(scores, R, K, pattern, NULL, &structure));
  static uint8_t mask[R * K];
  OK(vnmStructureGetMask(structure, mask));
  checkMask(mask);
  double retained, kept = 0, all = 0;
  OK(vnmRetainedImportance(scores, structure, &retained));
  for (int i = 0; i < R * K; ++i) {
    all += scores[i];
    kept += mask[i] ? scores[i] : 0;
  }
  REQUIRE(fabs(retained - kept / all) < 1e-12);

  VnmStorage *storage = NULL;
  OK(vnmPack(&matrix, structure, NULL, &storage));
  static float dense[R * K];
  OK(vnmStorageUnpack(storage, dense, sizeof(dense)));
  for (int i = 0; i < R * K; ++i)
    REQUIRE(dense[i] == (mask[i] ? weight[i] : 0));

  // The arrays make the same storage again.
  VnmStructureInfo info;
  OK(vnmStructureGetInfo(vnmStorageGetStructure(storage), &info));
  REQUIRE(info.rows == R && info.cols == K && info.form == VnmFormStrict);
  REQUIRE(info.numColumns == 3 * 28 && info.numMetadata == R * 2);
  REQUIRE(info.order == NULL && info.numOrder == 0);
  VnmStructure *again = NULL;
  OK(vnmStructureCreate(&info, &again));
  const void *values;
  int64_t numBytes;
  OK(vnmStorageGetValues(storage, &values, &numBytes));
  REQUIRE(numBytes == R * 14 * 4);
  REQUIRE(vnmStorageGetSize(storage) == numBytes + 3 * 28 * 2 + R * 2 * 2);
  VnmStorage *copy = NULL;
  OK(vnmStorageCreate(again, vnmStorageGetType(storage), values, numBytes,
                      &copy));
  // And so does the mask, and compression in one step.
  VnmStructure *fromMask = NULL;
  OK(vnmStructureCreateFromMask(mask, R, K, pattern, &fromMask));
  static uint8_t maskAgain[R * K];
  OK(vnmStructureGetMask(fromMask, maskAgain));
  REQUIRE(memcmp(mask, maskAgain, sizeof(mask)) == 0);
  VnmStorage *atOnce = NULL;
  OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &atOnce));
  for (int i = 0; i < 2; ++i) {
    static float other[R * K];
    OK(vnmStorageUnpack(i ? atOnce : copy, other, sizeof(other)));
    REQUIRE(memcmp(dense, other, sizeof(dense)) == 0);
  }
  vnmStorageDestroy(atOnce);
  vnmStructureDestroy(fromMask);
  vnmStorageDestroy(copy);
  vnmStructureDestroy(again);
  vnmStorageDestroy(storage);
  vnmStructureDestroy(structure);
}

/// A transposed weight is the same memory with other strides.
static void testStrides(const float *weight) {
  static float transposed[K * R];
  for (int row = 0; row < R; ++row)
    for (int col = 0; col < K; ++col)
      transposed[col * R + row] = weight[row * K + col];
  VnmMatrix plain = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  VnmMatrix view = {transposed, VnmElementTypeF32, R, K, 1, R};
  // Rows from the last to the first, twice reversed.
  VnmMatrix reversed = {weight + (R - 1) * K, VnmElementTypeF32, R, K, -K, 1};
  static float a[R * K], b[R * K], c[R * K];
  OK(vnmImportance(&plain, NULL, a));
  OK(vnmImportance(&view, NULL, b));
  OK(vnmImportance(&reversed, NULL, c));
  REQUIRE(memcmp(a, b, sizeof(a)) == 0);
  for (int row = 0; row < R; ++row)
    REQUIRE(memcmp(a + row * K, c + (R - 1 - row) * K, K * 4) == 0);
}

static void testCriteria(const float *weight) {
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  float norms[K];
  for (int i = 0; i < K; ++i)
    norms[i] = (float)i;
  VnmImportanceOptions options = vnmImportanceOptionsGetDefault();
  options.criterion = VnmCriterionWanda;
  options.activationNorms = norms;
  options.numActivationNorms = K;
  static float scores[R * K];
  OK(vnmImportance(&matrix, &options, scores));
  for (int i = 0; i < R * K; ++i)
    REQUIRE(scores[i] == fabsf(weight[i]) * norms[i % K]);

  options.numActivationNorms = K - 1;
  // CHECK: 1: requires wanda to {{.*}} 50 {{.*}} 49
  report(vnmImportance(&matrix, &options, scores));
  options.activationNorms = NULL;
  // CHECK-NEXT: 1: requires activation norms with a pointer and a number of at
  // least 0, but there are 49
  report(vnmImportance(&matrix, &options, scores));
  options.criterion = 7;
  // CHECK-NEXT: 1: requires the number of a criterion to be in [0, 3), but it
  // is 7
  report(vnmImportance(&matrix, &options, scores));
  VnmCriterion criterion;
  // CHECK-NEXT: 1: requires a criterion of magnitude, wanda or ria, but found
  // 'given'
  report(vnmCriterionParse(vnmStringFromC("given"), &criterion));
  OK(vnmCriterionParse(vnmStringFromC("ria"), &criterion));
  REQUIRE(criterion == VnmCriterionRIA);
}

static void testBadMatrices(float *weight) {
  VnmMatrix matrix = vnmMatrixRowMajor(NULL, VnmElementTypeF32, R, K);
  VnmStorage *storage = NULL;
  // CHECK-NEXT: 1: requires the matrix to have data, but its pointer is null
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  matrix.data = weight;
  matrix.rows = -3;
  // CHECK-NEXT: 1: requires R and K to be in [1, 2147483647], but they are -3
  // and 50
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  matrix.rows = matrix.cols = INT32_MAX;
  // CHECK-NEXT: 1: requires the size of R x K = 2147483647 x 2147483647
  // elements to fit 63 bits
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  matrix.rows = R;
  matrix.cols = K;
  matrix.rowStride = INT64_MAX / 8;
  // CHECK-NEXT: 1: requires strides whose span fits 63 bits, but they are
  // 1152921504606846975 and 1
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  matrix.rowStride = K;
  matrix.type = 9;
  // CHECK-NEXT: 1: requires the number of an element type to be in [0, 4), but
  // it is 9
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  matrix.type = VnmElementTypeF32;
  VnmPruneOptions options = vnmPruneOptionsGetDefault();
  options.threads = 1u << 31;
  // CHECK-NEXT: 1: requires at most 1024 threads, but they are 2147483648
  report(vnmCompress(&matrix, pattern, NULL, &options, NULL, &storage));
  float value = weight[7];
  weight[7] = NAN;
  // CHECK-NEXT: 1: requires finite weights, but element (0, 7) is nan
  report(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  weight[7] = value;
  REQUIRE(storage == NULL);
  static float scores[R * K];
  scores[K + 1] = -1;
  VnmStructure *structure = NULL;
  // CHECK-NEXT: 1: requires scores to be finite and not negative, but {{.*}}(1,
  // 1)
  report(vnmPrune(scores, R, K, pattern, NULL, &structure));
  // CHECK-NEXT: 1: requires scores, but their pointer is null
  report(vnmPrune(NULL, R, K, pattern, NULL, &structure));
  REQUIRE(structure == NULL);
}

/// Arrays that break a rule make no handle.
static void testBadArrays(const float *weight) {
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, R, K);
  VnmStorage *storage = NULL;
  OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  const VnmStructure *structure = vnmStorageGetStructure(storage);
  VnmStructureInfo info;
  OK(vnmStructureGetInfo(structure, &info));

  VnmStructure *bad = NULL;
  VnmStructureInfo changed = info;
  --changed.numColumns;
  // CHECK-NEXT: 2: [S3] requires {{.*}}84{{.*}}83
  report(vnmStructureCreate(&changed, &bad));
  changed = info;
  changed.columns = NULL;
  // CHECK-NEXT: 1: requires the array 'columns' to have a pointer and a length
  // of at least 0, but its length is 84 and its pointer null
  report(vnmStructureCreate(&changed, &bad));
  changed = info;
  changed.numMetadata = -1;
  // CHECK-NEXT: 1: requires the array 'metadata' {{.*}} length is -1
  report(vnmStructureCreate(&changed, &bad));
  static uint16_t metadata[R * 2];
  changed = info;
  changed.metadata = metadata;
  // CHECK-NEXT: 2: [S13] requires
  report(vnmStructureCreate(&changed, &bad));
  changed = info;
  changed.pattern.v = 48;
  // CHECK-NEXT: 2: [S1] requires
  report(vnmStructureCreate(&changed, &bad));
  changed = info;
  changed.rows = INT64_MAX;
  // CHECK-NEXT: 2: [S2] requires
  report(vnmStructureCreate(&changed, &bad));

  VnmStorage *none = NULL;
  float value = 0;
  // CHECK-NEXT: 2: [S15] requires
  report(vnmStorageCreate(structure, VnmElementTypeF32, &value, 4, &none));
  // CHECK-NEXT: 1: requires a buffer of 8000 bytes for the dense weight, but it
  // has 4
  report(vnmStorageUnpack(storage, &value, 4));
  // CHECK-NEXT: 1: requires the argument 'storage' not to be null, but it is
  report(vnmStorageUnpack(NULL, &value, 4));
  matrix.rows = R - 1;
  // CHECK-NEXT: 1: requires the weight and the structure to have one shape, but
  // they are 39 x 50 and 40 x 50
  report(vnmPack(&matrix, structure, NULL, &none));
  REQUIRE(bad == NULL && none == NULL);
  REQUIRE(vnmStorageGetStructure(NULL) == NULL && vnmStorageGetSize(NULL) == 0);
  vnmStorageDestroy(storage);
  vnmStorageDestroy(NULL);
  vnmStructureDestroy(NULL);
}

int main(void) {
  static float weight[R * K];
  for (int i = 0; i < R * K; ++i)
    weight[i] = sample((uint64_t)i);
  testCycle(weight);
  testStrides(weight);
  testCriteria(weight);
  testBadMatrices(weight);
  testBadArrays(weight);
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
