// Results that alias each other, an argument or a constant come out right, and
// none of their buffers is freed that is not the callee's to give away.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// DEFINE: %{run} = vnm-runner %s --pipeline='func.func(vnm-record-signature),one-shot-bufferize{bufferize-function-boundaries},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-to-llvm,reconcile-unrealized-casts' --repeat=3
// RUN: %{npy} write %t.x.npy '<f4' 2,2 1 2 3 4

// RUN: %{run} --entry=aliases --arg=%t.x.npy --out=%t.0.npy --out=%t.1.npy --out=%t.2.npy | FileCheck %s --check-prefix=REPEAT
// RUN: %{npy} show %t.0.npy | FileCheck %s --check-prefix=SAME
// RUN: %{npy} show %t.1.npy | FileCheck %s --check-prefix=SAME
// RUN: %{npy} show %t.2.npy | FileCheck %s --check-prefix=CONSTANT
// REPEAT: time {{.*}} median, {{.*}} min, {{.*}} max of 3 calls after one warm-up
// SAME: <f4 (2, 2) 1 2 3 4
// CONSTANT: <f4 (2,) 5 6
func.func @aliases(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) {
  %c = arith.constant dense<[5.0, 6.0]> : tensor<2xf32>
  return %x, %x, %c : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>
}

// A view with an offset and strides is gathered.
// RUN: %{run} --entry=column --arg=%t.x.npy --out=%t.0.npy
// RUN: %{npy} show %t.0.npy | FileCheck %s --check-prefix=COLUMN
// COLUMN: <f4 (2, 1) 2 4
func.func @column(%x: tensor<2x2xf32>) -> tensor<2x1xf32> {
  %0 = tensor.extract_slice %x[0, 1] [2, 1] [1, 1] : tensor<2x2xf32> to tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// Every call sees the arguments as the files hold them, even if the code writes
// into them.
// RUN: %{run} --entry=in_place --arg=%t.x.npy --out=%t.0.npy
// RUN: %{npy} show %t.0.npy | FileCheck %s --check-prefix=INPLACE
// INPLACE: <f4 (2, 2) 2 4 6 8
func.func @in_place(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = linalg.add ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>) outs(%x : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Empty arrays and functions without results.
// RUN: %{npy} write %t.e.npy '<f4' 0,2
// RUN: %{run} --entry=in_place_dynamic --arg=%t.e.npy --out=%t.0.npy
// RUN: %{npy} show %t.0.npy | FileCheck %s --check-prefix=EMPTY
// EMPTY: <f4 (0, 2)
func.func @in_place_dynamic(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %0 = linalg.add ins(%x, %x : tensor<?x2xf32>, tensor<?x2xf32>) outs(%x : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// RUN: %{run} --entry=nothing | FileCheck %s --check-prefix=NOTHING
// NOTHING: entry @nothing
func.func @nothing() {
  return
}
