// The emulator runs what a GPU would, with the same interface and results.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// DEFINE: %{run} = vnm-runner %s --target=emulate --arg=%t.values.npy --arg=%t.metadata.npy --arg=%t.columns.npy --arg=%t.x.npy --out=%t.y.npy
// RUN: %{npy} write %t.values.npy '<f2' 2,2 3 -4 5 6
// RUN: %{npy} write %t.metadata.npy '<u2' 2,1 17485 17484
// RUN: %{npy} write %t.columns.npy '<u2' 1,4 0 1 2 3
// RUN: %{npy} write %t.x.npy '<f2' 4,2 1 2 10 20 100 200 1000 2000
// RUN: %{run} | FileCheck %s --check-prefix=SUMMARY
// RUN: %{npy} show %t.y.npy | FileCheck %s
// RUN: %{run} --emulate-order=early --repeat=2
// RUN: %{npy} show %t.y.npy | FileCheck %s
// RUN: %{run} --emulate-order=random:123 --emulate-checks=all,-proxy --pipeline='vnm-lower-to-emulation{chip=sm_90a}'
// RUN: %{npy} show %t.y.npy | FileCheck %s
// SUMMARY: entry    @main on emulate
// CHECK: <f4 (2, 2) -3970 -7940 6005 12010

// RUN: not %{run} --emulate-order=random 2>&1 | FileCheck %s --check-prefix=ORDER
// ORDER: error: requires the order to be late, early or random:SEED, but it is 'random'
// RUN: not %{run} --emulate-checks=race,speed 2>&1 | FileCheck %s --check-prefix=CHECKS
// CHECKS: error: requires checks to be all, none or of bounds, alignment, uninit, race, {{.*}}, but there is 'speed'
func.func @main(%w: tensor<2x4xf16, #vnm.encoding<16:2:4>>, %x: tensor<4x2xf16>) -> tensor<2x2xf32> {
  %init = arith.constant dense<0.0> : tensor<2x2xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<2x4xf16, #vnm.encoding<16:2:4>>, tensor<4x2xf16>)
                  outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
