// DEFINE: %{bad} = not vnm-opt %s -o /dev/null --vnm-select-pattern
// RUN: %{bad}="tokens=64 speedup=0.5" 2>&1 | FileCheck %s --check-prefix=BELOW-ONE
// RUN: %{bad}="tokens=64 speedup=nan" 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: %{bad}="tokens=64 speedup=0.5 rule=per-layer" 2>&1 | FileCheck %s --check-prefix=PER-LAYER
// RUN: %{bad}="tokens=64 speedup=50" 2>&1 | FileCheck %s --check-prefix=UNREACHABLE
// RUN: %{bad}="tokens=64 rule=per-layer budget=0.001" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: %{bad}="tokens=64 budget=5" 2>&1 | FileCheck %s --check-prefix=BUDGET-RULE
// RUN: %{bad}="tokens=64 rule=best" 2>&1 | FileCheck %s --check-prefix=RULE
// RUN: %{bad}="tokens=64 candidates=64:2:8,64:1:8" 2>&1 | FileCheck %s --check-prefix=CANDIDATE
// RUN: %{bad}="tokens=-1" 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: %{bad}="" 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// RUN: %{bad}="tokens=64 cost-table=%t.missing" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: echo '{"version": 1, "entries": [{"dtype": "f16"}]}' > %t.json
// RUN: %{bad}="tokens=64 cost-table=%t.json" 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: %{bad}="tokens=64 rule=retained" 2>&1 | FileCheck %s --check-prefix=ARGUMENT
// RUN: not vnm-opt %s --vnm-report=%t.missing/report.json -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

// BELOW-ONE: error: vnm-select-pattern: requires a speed-up of at least 1, but it is 0.500
// NAN: error: vnm-select-pattern: requires a speed-up of at least 1, but it is nan
// PER-LAYER: error: vnm-select-pattern: option speedup: requires at least 1, but it is 5.0
// UNREACHABLE: error: vnm-select-pattern: requires a speed-up of 50.000, but the candidates reach at most {{[0-9.]+}}, with
// BUDGET: error: vnm-select-pattern: requires {{.*}}
// BUDGET-RULE: error: vnm-select-pattern: option budget: requires a positive time and rule=per-layer, but it is 5.0{{.*}} with rule=diversity
// RULE: error: vnm-select-pattern: option rule: requires diversity, retained, per-layer or annotated, but it is 'best'
// CANDIDATE: error: vnm-select-pattern: option candidates: requires
// TOKENS: error: vnm-select-pattern: option tokens: requires a positive number, but it is -1
// DYNAMIC: error: 'linalg.matmul' op requires the option tokens of vnm-select-pattern, as the number of tokens of layer 'fc' is dynamic
// MISSING: error: vnm-select-pattern: option cost-table: requires a readable file, but '{{.*}}missing' cannot be read
// TABLE: error: vnm-select-pattern: option cost-table: '{{.*}}.json': $.device: requires a string
// ARGUMENT: error: vnm-select-pattern: requires importance scores of every layer, but 'fc' has none
// REPORT: error: vnm-write-report: option file: requires a writable file, but '{{.*}}report.json' cannot be written

func.func @f(%x: tensor<?x4096xf16>, %w: tensor<4096x4096xf16> {vnm.weight}, %i: tensor<?x4096xf16>) -> tensor<?x4096xf16> {
  %0 = linalg.matmul {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<64:2:4>}
         ins(%x, %w : tensor<?x4096xf16>, tensor<4096x4096xf16>) outs(%i : tensor<?x4096xf16>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}
