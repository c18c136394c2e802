// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file packs a small weight through the installed C interface.

#include "vnm-c/Prune.h"
#include <stdio.h>

int main(void) {
  float weight[16 * 8];
  for (int i = 0; i < 16 * 8; ++i)
    weight[i] = (float)i;
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF32, 16, 8);
  VnmPattern pattern = {16, 2, 8};
  VnmStorage *storage = NULL;
  VnmError *error = vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage);
  if (error)
    return 1;
  printf("%lld bytes\n", (long long)vnmStorageGetSize(storage));
  vnmStorageDestroy(storage);
  return 0;
}
