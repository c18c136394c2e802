// RUN: vnm-opt %s --vnm-annotate-matmuls="filter=fc[12]$" | FileCheck %s --check-prefix=FILTER
// RUN: vnm-opt %s --vnm-annotate-matmuls="min-rows=48 min-cols=32" | FileCheck %s --check-prefix=MIN
// RUN: vnm-opt %s --vnm-annotate-matmuls="min-rows=48 min-cols=32" --remarks-filter=vnm-annotate \
// RUN:   --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REASON
// RUN: not vnm-opt %s --vnm-annotate-matmuls="pattern=64:1:8" 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not vnm-opt %s --vnm-annotate-matmuls="pattern=24:2:8" 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not vnm-opt %s --vnm-annotate-matmuls="pattern=64:2:3" 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not vnm-opt %s --vnm-annotate-matmuls="pattern=dense" 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not vnm-opt %s --vnm-annotate-matmuls="form=loose" 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not vnm-opt %s --vnm-annotate-matmuls="criterion=given" 2>&1 | FileCheck %s --check-prefix=GIVEN
// RUN: not vnm-opt %s --vnm-annotate-matmuls="column-choice=best" 2>&1 | FileCheck %s --check-prefix=CHOICE
// RUN: not vnm-opt %s --vnm-annotate-matmuls="filter=(" 2>&1 | FileCheck %s --check-prefix=REGEX

// PATTERN: error: vnm-annotate-matmuls: option pattern: requires
// FORM: error: vnm-annotate-matmuls: option form: requires
// GIVEN: error: vnm-annotate-matmuls: option criterion: requires magnitude, wanda or ria, but it is 'given'
// CHOICE: error: vnm-annotate-matmuls: option column-choice: requires
// REGEX: error: vnm-annotate-matmuls: option filter: requires a regular expression, but '(' is none: {{.+}}

// FILTER:      linalg.matmul {vnm.layer = "block.fc1", vnm.sparsity = #vnm.sparsity<64:2:8>}
// FILTER-NEXT: linalg.matmul {vnm.layer = "block.fc2", vnm.sparsity
// FILTER-NEXT: linalg.matmul ins

// MIN:      linalg.matmul {vnm.layer = "block.fc1", vnm.sparsity
// MIN-NEXT: linalg.matmul ins
// MIN-NEXT: linalg.matmul {vnm.layer = "block.fc1_gate", vnm.sparsity
// REASON: Reason="its weight is 32 x 48, and the smallest to annotate is 48 x 32", {{.*}}Suggestion="lower min-rows or min-cols"

func.func @f(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight}, %v: tensor<48x32xf16> {vnm.weight},
             %u: tensor<32x48xf16> {vnm.weight}, %y: tensor<4x48xf16>, %z: tensor<4x32xf16>) -> tensor<4x48xf16> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf16>) -> tensor<4x48xf16> loc("block.fc1")
  %1 = linalg.matmul ins(%0, %v : tensor<4x48xf16>, tensor<48x32xf16>)
                     outs(%z : tensor<4x32xf16>) -> tensor<4x32xf16> loc("block.fc2")
  %2 = linalg.matmul ins(%1, %u : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf16>) -> tensor<4x48xf16> loc("block.fc1_gate")
  return %2 : tensor<4x48xf16>
}
