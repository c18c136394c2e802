// What models contain around a product reaches the LLVM dialect and runs.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: vnm-opt %s --vnm-lower-to-cpu=pattern=16:2:4 -o %t.mlir
// RUN: %{npy} write %t.x.npy '<f4' 2,4 1 10 100 1000 2 20 200 2000

// A marked argument is packed when the function runs: 3 and -4, then 5 and 6 stay.
// RUN: %{npy} write %t.w.npy '<f4' 2,4 1 3 2 -4 5 1 1 6
// RUN: vnm-runner %t.mlir --entry=argument --arg=%t.x.npy --arg=%t.w.npy --out=%t.y.npy
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=ARGUMENT
// ARGUMENT: <f4 (2, 2) -3970 6005 -7940 12010
func.func @argument(%x: tensor<2x4xf32>, %w: tensor<2x4xf32> {vnm.weight}) -> tensor<2x2xf32> {
  %y = arith.constant dense<0.0> : tensor<2x2xf32>
  %0 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                      affine_map<(m, n, k) -> (m, n)>]
         ins(%x, %w : tensor<2x4xf32>, tensor<2x4xf32>) outs(%y : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// A loop that yields the product: a new buffer in every iteration. The weight
// [[0 0 0 1] [1 0 0 0] [0 1 0 0] [0 0 1 0]] moves every token to the right.
// RUN: vnm-runner %t.mlir --entry=loop --arg=%t.x.npy --out=%t.y.npy
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=LOOP
// LOOP: <f4 (2, 4) 100 1000 1 10 200 2000 2 20
func.func @loop(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %zeros = arith.constant dense<0.0> : tensor<2x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = scf.for %i = %c0 to %c2 step %c1 iter_args(%y = %x) -> tensor<2x4xf32> {
    %1 = linalg.matmul ins(%y, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<2x4xf32>) -> tensor<2x4xf32>
    scf.yield %1 : tensor<2x4xf32>
  }
  return %0 : tensor<2x4xf32>
}

// Branches that yield different buffers, whose layouts differ: the copy that
// follows is no call of another library.
// RUN: %{npy} write %t.i.npy '<i4' '' 1
// RUN: vnm-runner %t.mlir --entry=branch --arg=%t.x.npy --arg=%t.i.npy --out=%t.y.npy
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=BRANCH
// BRANCH: <f4 (2, 2) 30 300 60 600
func.func @branch(%x: tensor<2x4xf32>, %i: i32) -> tensor<2x2xf32> {
  %w = arith.constant dense<3.0> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %zero = arith.constant 0 : i32
  %positive = arith.cmpi sgt, %i, %zero : i32
  %0 = scf.if %positive -> tensor<2x2xf32> {
    %s = tensor.extract_slice %x[0, 1] [2, 2] [1, 1] : tensor<2x4xf32> to tensor<2x2xf32>
    %d = arith.constant dense<[[3.0, 0.0], [0.0, 3.0]]> : tensor<2x2xf32>
    %1 = linalg.matmul ins(%s, %d : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
    scf.yield %1 : tensor<2x2xf32>
  } else {
    %s = tensor.extract_slice %x[0, 2] [2, 2] [1, 1] : tensor<2x4xf32> to tensor<2x2xf32>
    scf.yield %s : tensor<2x2xf32>
  }
  return %0 : tensor<2x2xf32>
}
