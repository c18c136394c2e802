// A module that is lowered already runs as it is; the recorded signature gives
// shapes and element types. An object file can be had without a run.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<f4' 2,2 1 2 3 4
// RUN: vnm-opt %s --pass-pipeline='builtin.module(func.func(vnm-record-signature),one-shot-bufferize{bufferize-function-boundaries},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-to-llvm,reconcile-unrealized-casts)' -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir --check-prefix=LOWERED
// RUN: vnm-runner %t.mlir --arg=%t.x.npy --out=%t.y.npy
// RUN: %{npy} show %t.y.npy | FileCheck %s
// RUN: vnm-opt %t.mlir --emit-bytecode -o %t.mlirbc
// RUN: vnm-runner --arg=%t.x.npy --out=%t.z.npy < %t.mlirbc
// RUN: cmp %t.y.npy %t.z.npy
// RUN: vnm-runner %t.mlir --emit-object=%t.o | FileCheck %s --check-prefix=WROTE
// RUN: llvm-nm %t.o | FileCheck %s --check-prefix=OBJECT

// LOWERED: llvm.func @main
// LOWERED-SAME: vnm.signature = (tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK: <f4 (2, 2) 2 4 6 8
// WROTE: wrote {{.*}}.o
// OBJECT: T main
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = linalg.add ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>) outs(%x : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
