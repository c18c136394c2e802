// Sparse products from MLIR to arrays: a weight that is pruned when the function
// runs, and a weight that is passed as its storage.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<f4' 4,2 1 2 10 20 100 200 1000 2000

// The two largest of each row's four stay: 3 and -4, and 5 and 6.
// RUN: %{npy} write %t.w.npy '<f4' 2,4 1 3 2 -4 5 1 1 6
// RUN: vnm-runner %s --entry=prunes --arg=%t.w.npy --arg=%t.x.npy --out=%t.y.npy | FileCheck %s --check-prefix=SUMMARY
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=PRUNED
// RUN: env OMP_NUM_THREADS=3 vnm-runner %s --entry=prunes --arg=%t.w.npy --arg=%t.x.npy --out=%t.z.npy --repeat=2
// RUN: cmp %t.y.npy %t.z.npy
// SUMMARY: entry    @prunes on cpu
// SUMMARY: arg 0    tensor<2x4xf32>  (2, 4) <f4
// SUMMARY: arg 1    tensor<4x?xf32>  (4, 2) <f4
// SUMMARY: result 0 tensor<2x?xf32>  (2, 2) <f4
// PRUNED: <f4 (2, 2) -3970 -7940 6005 12010
func.func @prunes(%w: tensor<2x4xf32>, %x: tensor<4x?xf32>) -> tensor<2x?xf32> {
  %c1 = arith.constant 1 : index
  %tokens = tensor.dim %x, %c1 : tensor<4x?xf32>
  %e = vnm.compress %w : tensor<2x4xf32> to tensor<2x4xf32, #vnm.encoding<16:2:4>>
  %y = tensor.empty(%tokens) : tensor<2x?xf32>
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<2x?xf32>) -> tensor<2x?xf32>
  %0 = vnm.matmul ins(%e, %x : tensor<2x4xf32, #vnm.encoding<16:2:4>>, tensor<4x?xf32>)
                  outs(%init : tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// An encoded argument is passed as its parts: values, metadata, columns. Metadata
// 13 keeps positions 1 and 3, 12 keeps 0 and 3.
// RUN: %{npy} write %t.values.npy '<f4' 2,2 3 -4 5 6
// RUN: %{npy} write %t.metadata.npy '<u2' 2,1 17485 17484
// RUN: %{npy} write %t.columns.npy '<u2' 1,4 0 1 2 3
// RUN: vnm-runner %s --entry=packed --arg=%t.values.npy --arg=%t.metadata.npy --arg=%t.columns.npy --arg=%t.x.npy --out=%t.y.npy
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=PRUNED
func.func @packed(%w: tensor<2x4xf32, #vnm.encoding<16:2:4>>, %x: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %init = arith.constant dense<0.0> : tensor<2x2xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<2x4xf32, #vnm.encoding<16:2:4>>, tensor<4x2xf32>)
                  outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// A weight that cannot be pruned is an error with its place, not a wrong result.
// RUN: %{npy} write %t.nan.npy '<f4' 2,4 1 3 2 nan 5 1 1 6
// RUN: not vnm-runner %s --entry=prunes --arg=%t.nan.npy --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=NAN
// NAN: error: {{.*}} requires finite weights, but element (0, 3) is nan
