// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests fragments of the C interface.

// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "vnm-c/Fragments.h"
#include "check.h"
#include <string.h>

enum { R = 40, K = 50 }; // a short panel, a tail of 2 columns
// ceil(R / 16), ceil(ceil(K / 8) / 16), ceil(R / 32)
enum { BLOCKS = 3, STAGES = 1, PANELS = 2, SLOTS = 64 };

static const VnmPattern pattern = {32, 2, 8};

/// All rows keep the first two of a group's columns 8 g to 8 g + 3.
static VnmStorage *makeStorage(VnmElementType type, const void *values) {
  static int32_t columns[PANELS * 28];
  static uint16_t metadata[R * 2];
  for (int i = 0; i < PANELS * 28; ++i) {
    int32_t id = i % 28 / 4 * 8 + i % 4;
    columns[i] = id < K ? id : K;
  }
  for (int i = 0; i < R * 2; ++i)
    metadata[i] = 0x4444;
  VnmStructureInfo info = {pattern,     VnmFormStrict, R,     K,    columns,
                           PANELS * 28, metadata,      R * 2, NULL, 0};
  VnmStructure *structure = NULL;
  OK(vnmStructureCreate(&info, &structure));
  VnmStorage *storage = NULL;
  int64_t width = type == VnmElementTypeF32 ? 4 : 2;
  OK(vnmStorageCreate(structure, type, values, R * 14 * width, &storage));
  vnmStructureDestroy(structure);
  return storage;
}

int main(void) {
  VnmFragmentSizes sizes;
  OK(vnmFragmentSizes(pattern, R, K, &sizes));
  REQUIRE(sizes.blocks == BLOCKS && sizes.stages == STAGES);
  REQUIRE(sizes.panels == PANELS && sizes.slots == SLOTS);

  static uint16_t values[R * 14];
  for (int i = 0; i < R * 14; ++i)
    values[i] = (uint16_t)(i + 1);
  VnmStorage *storage = makeStorage(VnmElementTypeF16, values);
  static uint16_t own[BLOCKS * STAGES * 512];
  static uint32_t metadata[BLOCKS * STAGES * 32];
  static int32_t columns[PANELS * SLOTS];
  VnmFragments fragments = {own,      BLOCKS * STAGES * 512,
                            metadata, BLOCKS * STAGES * 32,
                            columns,  PANELS * SLOTS};
  OK(vnmStorageGetFragments(storage, 0, &fragments));
  // Lane 5 of block 1: rows 17 and 25, group 1 and, in registers 2 and 3, 5.
  const uint16_t *lane = own + 512 + 8 * 5;
  REQUIRE(memcmp(lane, values + 17 * 14 + 2, 4) == 0);
  REQUIRE(memcmp(lane + 2, values + 25 * 14 + 2, 4) == 0);
  REQUIRE(memcmp(lane + 4, values + 17 * 14 + 10, 4) == 0);
  // Groups from 7 on are none.
  REQUIRE(own[256] == 0 && metadata[0] == 0x44444444);
  REQUIRE(columns[26] == K && columns[SLOTS + 24] == 48 && columns[28] == K);

  VnmFragments bad = fragments;
  bad.numValues = 8;
  // CHECK: 1: requires an array of 1536 values, but it has 8
  report(vnmStorageGetFragments(storage, 0, &bad));
  bad = fragments;
  bad.columns = NULL;
  // CHECK-NEXT: 1: requires an array of 128 column ids, but it is null
  report(vnmStorageGetFragments(storage, 0, &bad));
  // CHECK-NEXT: 1: requires the argument 'fragments' not to be null, but it is
  report(vnmStorageGetFragments(storage, 0, NULL));
  vnmStorageDestroy(storage);

  static float wide[R * 14];
  storage = makeStorage(VnmElementTypeF32, wide);
  // CHECK-NEXT: 1: requires elements of f16 or bf16 in fragments, but they have
  // 32 bits
  report(vnmStorageGetFragments(storage, 0, &fragments));
  vnmStorageDestroy(storage);
  VnmPattern none = {8, 2, 8};
  // CHECK-NEXT: 1: requires V to be a power of two
  report(vnmFragmentSizes(none, R, K, &sizes));
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
