// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests cost tables and selection on the numbers of
// docs/algorithms.md.
//
// RUN: %c_host %s -o %t && %t | FileCheck %s

#include "vnm-c/Select.h"
#include "check.h"
#include <math.h>

static const VnmPattern candidates[] = {
    {32, 2, 5}, {64, 2, 8}, {128, 2, 8}, {64, 2, 16}};
static const double times[] = {80, 45, 40, 30};
static const VnmProductShape shape = {768, 768, 4096};

static VnmCostTable *makeTable(void) {
  VnmCostTable *table = NULL;
  OK(vnmCostTableCreate(vnmStringFromC(NULL), &table));
  OK(vnmCostTableAdd(table, VnmElementTypeF16, shape, NULL,
                     vnmStringFromC("library"), 100));
  for (int i = 0; i < 4; ++i)
    OK(vnmCostTableAdd(table, VnmElementTypeF16, shape, &candidates[i],
                       vnmStringFromC("mma.sp"), times[i]));
  return table;
}

static void testTable(VnmCostTable *table) {
  VnmCost cost;
  // CHECK: mma.sp
  OK(vnmCostTableLookUp(table, VnmElementTypeF16, shape, &candidates[1],
                        printLine, NULL, &cost));
  REQUIRE(cost.microseconds == 45 && cost.source == VnmCostSourceMeasured);
  OK(vnmCostTableLookUp(table, VnmElementTypeF32, shape, NULL, NULL, NULL,
                        &cost));
  // CHECK-NEXT: roofline
  printLine(vnmCostSourceGetName(cost.source), NULL);
  REQUIRE(vnmCostSourceGetName(4).length == 0);
  // CHECK: "version": 1
  OK(vnmCostTablePrint(table, printLine, NULL));
  VnmProductShape bad = {768, 768, 0};
  // CHECK: {{^}}1: requires {{.*}} 0
  report(vnmCostTableLookUp(table, VnmElementTypeF16, bad, NULL, NULL, NULL,
                            &cost));
  // CHECK-NEXT: 1: requires
  report(vnmCostTableAdd(table, VnmElementTypeF16, shape, NULL,
                         vnmStringFromC(""), -1));
  VnmCostTable *none = NULL;
  // CHECK-NEXT: 2: $.version: requires 1
  report(vnmCostTableCreate(vnmStringFromC("{\"version\": 2}"), &none));
  REQUIRE(none == NULL);
}

static void testUniform(const VnmCostTable *table) {
  VnmSelectLayer layer = {
      vnmStringFromC("layer"), VnmElementTypeF16, shape, NULL, NULL, NULL, 1};
  const double targets[] = {1.2, 2, 2.4, 3};
  for (int i = 0; i < 4; ++i) {
    VnmSelection *selection = NULL;
    OK(vnmSelectUniform(&layer, 1, candidates, 4, table, targets[i],
                        VnmSelectRuleMaskDiversity, NULL, &selection));
    VnmSelectedLayer chosen;
    OK(vnmSelectionGetLayer(selection, 0, &chosen));
    REQUIRE(chosen.isSparse && chosen.pattern.v == candidates[i].v &&
            chosen.pattern.m == candidates[i].m);
    REQUIRE(chosen.cost.microseconds == times[i] &&
            chosen.denseMicroseconds == 100);
    double microseconds, dense, retained;
    OK(vnmSelectionGetTotals(selection, &microseconds, &dense, &retained));
    REQUIRE(microseconds == times[i] && dense == 100 && retained == 1);
    if (i == 0) {
      // CHECK-NEXT: mma.sp
      printLine(chosen.cost.family, NULL);
      // CHECK-NEXT: 1: requires an index in [0, 1), but it is 1
      report(vnmSelectionGetLayer(selection, 1, &chosen));
    }
    vnmSelectionDestroy(selection);
  }
  VnmSelection *none = NULL;
  // CHECK-NEXT: 1: requires a speed-up of {{.*}}3.333
  report(vnmSelectUniform(&layer, 1, candidates, 4, table, 4,
                          VnmSelectRuleMaskDiversity, NULL, &none));
  // CHECK-NEXT: 1: requires at least one layer, but there is none
  report(vnmSelectUniform(NULL, 0, candidates, 4, table, 2,
                          VnmSelectRuleMaskDiversity, NULL, &none));
  // CHECK-NEXT: 1: requires layers with a pointer and a number of at least 0,
  // but there are -1
  report(vnmSelectUniform(&layer, -1, candidates, 4, table, 2,
                          VnmSelectRuleMaskDiversity, NULL, &none));
  // CHECK-NEXT: 1: requires the number of a selection rule to be in [0, 2), but
  // it is 2
  report(vnmSelectUniform(&layer, 1, candidates, 4, table, 2, 2, NULL, &none));
  // CHECK-NEXT: 1: requires importance scores of every layer, but 'layer' has
  // none
  report(vnmSelectPerLayer(&layer, 1, candidates, 4, table, 50, NULL, &none));
  REQUIRE(none == NULL);
}

static bool fill(float *scores, void *userData) {
  int *calls = userData;
  if (++*calls > 2)
    return false;
  for (int i = 0; i < 768 * 768; ++i)
    scores[i] = fabsf(sample((uint64_t)i));
  return true;
}

static void testPerLayer(const VnmCostTable *table) {
  int calls = 0;
  VnmSelectLayer layers[2] = {{vnmStringFromC("first"), VnmElementTypeF16,
                               shape, NULL, fill, &calls, 1},
                              {vnmStringFromC("second"), VnmElementTypeF16,
                               shape, NULL, fill, &calls, 1}};
  VnmSelection *selection = NULL;
  OK(vnmSelectPerLayer(layers, 2, candidates, 4, table, 120, NULL, &selection));
  REQUIRE(calls == 2);
  double microseconds, dense, retained;
  OK(vnmSelectionGetTotals(selection, &microseconds, &dense, &retained));
  REQUIRE(microseconds <= 120 && dense == 200 && retained > 0.3);
  vnmSelectionDestroy(selection);
  selection = NULL;
  // CHECK-NEXT: 1: layer 'first': requires the scores of every layer, but
  // computing them failed
  report(vnmSelectPerLayer(layers, 2, candidates, 4, table, 120, NULL,
                           &selection));
  REQUIRE(selection == NULL);
}

int main(void) {
  VnmCostTable *table = makeTable();
  testTable(table);
  testUniform(table);
  testPerLayer(table);
  vnmCostTableDestroy(table);
  vnmCostTableDestroy(NULL);
  vnmSelectionDestroy(NULL);
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
