// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests strings, errors, element types and patterns.
//
// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "vnm-c/Pattern.h"
#include "check.h"
#include "vnm-c/Matrix.h"
#include <math.h>

static void testErrors(void) {
  REQUIRE(vnmErrorGetKind(NULL) == VnmErrorKindNone);
  REQUIRE(vnmErrorGetMessage(NULL).length == 0);
  vnmErrorDestroy(NULL);
  // CHECK: version 0.1.0
  printf("version %s\n", vnmGetVersion().data);
}

static void testPatterns(void) {
  VnmPattern pattern;
  OK(vnmPatternParse(vnmStringFromC("64:2:8"), &pattern));
  REQUIRE(pattern.v == 64 && pattern.n == 2 && pattern.m == 8);
  // CHECK-NEXT: 64:2:8
  OK(vnmPatternPrint(pattern, printLine, NULL));

  double density, bits;
  OK(vnmPatternGetDensity(pattern, &density));
  REQUIRE(density == 0.25);
  OK(vnmPatternGetLog2MaskDiversity(pattern, &bits));
  REQUIRE(fabs(bits - (log2(70.0) / 512 + log2(6.0) / 8)) < 1e-12);

  // A short panel and a tail: P = 2, G = 13.
  VnmPatternSizes sizes;
  OK(vnmPatternGetSizes(pattern, 65, 100, &sizes));
  REQUIRE(sizes.panels == 2 && sizes.groups == 13 && sizes.rowValues == 26 &&
          sizes.metadataWords == 4 && sizes.columnSlots == 52);
}

static void testBadPatterns(void) {
  VnmPattern pattern = {1, 2, 3};
  // CHECK-NEXT: 1: requires a pattern V:N:M of three integers, but 'x' in
  // '64:2:x' is none
  report(vnmPatternParse(vnmStringFromC("64:2:x"), &pattern));
  // CHECK-NEXT: 1: requires a pattern V:N:M such as 64:2:8, but found ''
  report(vnmPatternParse(vnmStringFromC(NULL), &pattern));
  // An output is as it was after an error.
  REQUIRE(pattern.v == 1 && pattern.n == 2 && pattern.m == 3);
  // CHECK-NEXT: 1: requires the argument 'pattern' not to be null, but it is
  report(vnmPatternParse(vnmStringFromC("64:2:8"), NULL));
  // CHECK-NEXT: 1: requires V to be a power of two in [16, 1048576], but V is 1
  report(vnmPatternVerify(pattern));
  // CHECK-NEXT: 1: requires the argument 'callback' not to be null, but it is
  report(vnmPatternPrint(pattern, NULL, NULL));
  VnmPatternSizes sizes;
  VnmPattern legal = {64, 2, 8};
  // CHECK-NEXT: 1: requires R and K to be in [1, 2147483647], but they are -1
  // and 8
  report(vnmPatternGetSizes(legal, -1, 8, &sizes));
  // CHECK-NEXT: 1: requires R and K to be in [1, 2147483647], but they are 64
  // and 2147483648
  report(vnmPatternGetSizes(legal, 64, INT64_C(2147483648), &sizes));
  double density;
  pattern.v = 64;
  pattern.m = 0;
  // CHECK-NEXT: 1: requires M to be in [4, 1048576], but M is 0
  report(vnmPatternGetDensity(pattern, &density));
}

static void testElementTypes(void) {
  VnmElementType type = -1;
  OK(vnmElementTypeParse(vnmStringFromC("bf16"), &type));
  REQUIRE(type == VnmElementTypeBF16 && vnmElementTypeGetSize(type) == 2);
  REQUIRE(vnmElementTypeGetSize(4) == 0 && vnmElementTypeGetSize(-1) == 0);
  REQUIRE(vnmElementTypeGetName(4).length == 0);
  REQUIRE(vnmElementTypeGetName(VnmElementTypeI8).length == 2);
  // CHECK-NEXT: 1: requires an element type
  report(vnmElementTypeParse(vnmStringFromC("f64"), &type));
}

int main(void) {
  testErrors();
  testPatterns();
  testBadPatterns();
  testElementTypes();
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
