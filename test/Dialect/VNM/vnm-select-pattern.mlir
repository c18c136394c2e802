// DEFINE: %{candidates} = candidates=32:2:5,64:2:8,128:2:8,64:2:16
// DEFINE: %{table} = cost-table=%S/Inputs/select_costs.json
// RUN: vnm-opt %s --vnm-select-pattern="speedup=1.2 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefixes=CHECK,SMALL-M
// RUN: vnm-opt %s --vnm-select-pattern="speedup=1.9 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefixes=CHECK,SMALL-V
// RUN: vnm-opt %s --vnm-select-pattern="speedup=2.1 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefixes=CHECK,LARGE-V
// RUN: vnm-opt %s --vnm-select-pattern="speedup=2.5 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefix=LARGE-M
// RUN: vnm-opt %s --vnm-select-pattern="speedup=1 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefix=DENSE
// RUN: vnm-opt %s --vnm-select-pattern="rule=retained speedup=1.9 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefixes=CHECK,LARGE-V
// RUN: vnm-opt %s --vnm-select-pattern="rule=per-layer budget=55 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefixes=CHECK,SMALL-V
// RUN: vnm-opt %s --vnm-select-pattern="rule=per-layer speedup=2.8 tokens=128 %{candidates} %{table}" | FileCheck %s --check-prefix=LARGE-M
// RUN: vnm-opt %s --vnm-select-pattern="rule=annotated tokens=128 %{table}" | FileCheck %s --check-prefix=ANNOTATED
// RUN: vnm-opt %s --vnm-select-pattern="rule=annotated tokens=128 %{table}" --remarks-filter=vnm-select --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=KEPT
// RUN: vnm-opt %s --vnm-select-pattern="speedup=1.2 tokens=128 %{candidates} %{table}" --vnm-report=%t.json \
// RUN:   --remarks-filter=vnm-select --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --check-prefix=REPORT < %t.json

// Together the layers take 110 us dense. The second is faster sparse at M = 16
// only, and else stays dense at 10 us: speed-ups are 110 / 90 = 1.22, 110 / 55 = 2,
// 110 / 50 = 2.2 and 110 / 39 = 2.82. Of those that reach the target the one of
// largest mask diversity wins, which is their order here. What the weights retain
// does not depend on V here (they have one panel): of M = 8 the faster wins,
// or what fits the budget.

// CHECK-LABEL: func @f
// SMALL-M: vnm.sparsity = #vnm.sparsity<32:2:5, column_choice = l1>
// SMALL-V: vnm.sparsity = #vnm.sparsity<64:2:8, column_choice = l1>
// LARGE-V: vnm.sparsity = #vnm.sparsity<128:2:8, column_choice = l1>
// CHECK-NOT: vnm.sparsity
// LARGE-M: vnm.layer = "wide", vnm.sparsity = #vnm.sparsity<64:2:16, column_choice = l1>
// LARGE-M: vnm.layer = "long", vnm.sparsity = #vnm.sparsity<64:2:16, column_choice = l1>
// DENSE-LABEL: func @f
// DENSE-NOT: vnm.sparsity

// Own patterns, of which the table has only the V. The second layer is slower.
// ANNOTATED: vnm.layer = "wide", vnm.sparsity = #vnm.sparsity<64:2:4, column_choice = l1>
// ANNOTATED-NOT: vnm.sparsity
// KEPT: [Passed] select | {{.*}}Remark="layer wide: 64:2:4, 28.9 us (interpolated), dense 100.0 us"
// KEPT: [Missed] select | {{.*}}Reason="its pattern is not predicted to be faster", Remark="layer long stays dense at 10.0 us

// REMARK: [Passed] select | {{.*}}Remark="layer wide: 32:2:5, 80.0 us (measured), dense 100.0 us", SpeedUp=1.25
// REMARK: [Missed] select | {{.*}}Reason="no chosen pattern is predicted to be faster, or others make up for it", Remark="layer long stays dense at 10.0 us (measured), dense 10.0 us"
// REMARK: [Analysis] select | {{.*}}Remark="2 layers: 90.0 us predicted, dense 110.0 us", SpeedUp=1.22

// REPORT:      "layer": "wide",
// REPORT-NEXT: "rows": 64,
// REPORT-NEXT: "cols": 32,
// REPORT-NEXT: "tokens": 128,
// REPORT-NEXT: "dtype": "f16",
// REPORT-NEXT: "decision": "sparse",
// REPORT-NEXT: "pattern": "32:2:5",
// REPORT:      "predicted": {
// REPORT-NEXT:   "microseconds": 80,
// REPORT-NEXT:   "dense_microseconds": 100,
// REPORT-NEXT:   "speedup": 1.25,
// REPORT-NEXT:   "source": "measured",
// REPORT-NEXT:   "family": "mma.sp"
// REPORT:      "layer": "long",
// REPORT:      "decision": "dense",
// REPORT-NEXT: "reason": "no chosen pattern is predicted to be faster, or others make up for it"
// REPORT:      "predicted_speedup": 1.22

func.func @f(%x: tensor<?x32xf16>, %i: tensor<?x64xf16>, %z: tensor<128x64xf16>, %j: tensor<128x16xf16>)
    -> (tensor<?x64xf16>, tensor<128x16xf16>) {
  %w = arith.constant dense<1.0> : tensor<32x64xf16>
  %v = arith.constant dense<2.0> : tensor<64x16xf16>
  %0 = linalg.matmul {vnm.layer = "wide", vnm.sparsity = #vnm.sparsity<64:2:4, column_choice = l1>}
         ins(%x, %w : tensor<?x32xf16>, tensor<32x64xf16>) outs(%i : tensor<?x64xf16>) -> tensor<?x64xf16>
  %1 = linalg.matmul {vnm.layer = "long", vnm.sparsity = #vnm.sparsity<64:2:4, column_choice = l1>}
         ins(%z, %v : tensor<128x64xf16>, tensor<64x16xf16>) outs(%j : tensor<128x16xf16>) -> tensor<128x16xf16>
  return %0, %1 : tensor<?x64xf16>, tensor<128x16xf16>
}
