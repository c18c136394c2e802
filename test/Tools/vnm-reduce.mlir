// The reducer drops what does not matter to the test script.
// RUN: printf '#!/bin/sh\ngrep -q arith.divsi "$1" && exit 1; exit 0\n' > %t.sh && chmod +x %t.sh
// RUN: vnm-reduce %s --reduction-tree='traversal-mode=0 test=%t.sh' | FileCheck %s

// CHECK-NOT: func.func @irrelevant
// CHECK: func.func @culprit
func.func @irrelevant() {
  return
}

func.func @culprit(%a: i32, %b: i32) -> i32 {
  %c = arith.divsi %a, %b : i32
  return %c : i32
}
