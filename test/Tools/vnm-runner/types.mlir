// Every element type goes in and out unchanged; bf16 as its bit pattern.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// DEFINE: %{run} = vnm-runner %s --pipeline='func.func(vnm-record-signature),one-shot-bufferize{bufferize-function-boundaries},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-to-llvm,reconcile-unrealized-casts'

// RUN: %{npy} write %t.f16.npy '<f2' 2 1.5 -2
// RUN: %{run} --entry=f16 --arg=%t.f16.npy --out=%t.out.npy | FileCheck %s --check-prefix=SUMMARY
// RUN: %{npy} show %t.out.npy | FileCheck %s --check-prefix=F16
// SUMMARY: entry    @f16 on cpu
// SUMMARY: arg 0    tensor<?xf16>  (2,) <f2  {{.*}}.f16.npy
// SUMMARY: result 0 tensor<?xf16>  (2,) <f2  {{.*}}.out.npy
// SUMMARY: time     {{[0-9.]+}} ms
// F16: <f2 (2,) 3 -4
func.func @f16(%x: tensor<?xf16>) -> tensor<?xf16> {
  %0 = linalg.add ins(%x, %x : tensor<?xf16>, tensor<?xf16>) outs(%x : tensor<?xf16>) -> tensor<?xf16>
  return %0 : tensor<?xf16>
}

// RUN: %{npy} write %t.f32.npy '<f4' 2,1 1.5 -2
// RUN: %{run} --entry=f32 --arg=%t.f32.npy --out=%t.out.npy
// RUN: %{npy} show %t.out.npy | FileCheck %s --check-prefix=F32
// F32: <f4 (2, 1) 3 -4
func.func @f32(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
  %0 = linalg.add ins(%x, %x : tensor<2x?xf32>, tensor<2x?xf32>) outs(%x : tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// 16256 and 16320 are the bit patterns of 1.0 and 1.5.
// RUN: %{npy} write %t.bf16.npy '<u2' 2 16256 16320
// RUN: %{run} --entry=bf16 --arg=%t.bf16.npy --out=%t.out.npy
// RUN: %{npy} show %t.out.npy | FileCheck %s --check-prefix=BF16
// BF16: <u2 (2,) 16384 16448
func.func @bf16(%x: tensor<2xbf16>) -> tensor<2xbf16> {
  %0 = linalg.add ins(%x, %x : tensor<2xbf16>, tensor<2xbf16>) outs(%x : tensor<2xbf16>) -> tensor<2xbf16>
  return %0 : tensor<2xbf16>
}

// Signless integers take signed and unsigned files of their width.
// RUN: %{npy} write %t.i16.npy '<u2' 2 65535 7
// RUN: %{run} --entry=i16 --arg=%t.i16.npy --out=%t.out.npy
// RUN: %{npy} show %t.out.npy | FileCheck %s --check-prefix=I16
// I16: <i2 (2,) -2 14
func.func @i16(%x: tensor<2xi16>) -> tensor<2xi16> {
  %0 = linalg.add ins(%x, %x : tensor<2xi16>, tensor<2xi16>) outs(%x : tensor<2xi16>) -> tensor<2xi16>
  return %0 : tensor<2xi16>
}

// RUN: %{npy} write %t.i8.npy '|i1' 2 3 -4
// RUN: %{npy} write %t.i32.npy '<i4' 2 100000 -1
// RUN: %{npy} write %t.i64.npy '<i8' 2 10000000000 -1
// RUN: %{run} --entry=integers --arg=%t.i8.npy --arg=%t.i32.npy --arg=%t.i64.npy --out=%t.o8.npy --out=%t.o32.npy --out=%t.o64.npy
// RUN: %{npy} show %t.o8.npy | FileCheck %s --check-prefix=I8
// RUN: %{npy} show %t.o32.npy | FileCheck %s --check-prefix=I32
// RUN: %{npy} show %t.o64.npy | FileCheck %s --check-prefix=I64
// I8: |i1 (2,) 3 -4
// I32: <i4 (2,) 100000 -1
// I64: <i8 (2,) 10000000000 -1
func.func @integers(%a: tensor<2xi8>, %b: tensor<2xi32>, %c: tensor<2xi64>)
    -> (tensor<2xi8>, tensor<2xi32>, tensor<2xi64>) {
  return %a, %b, %c : tensor<2xi8>, tensor<2xi32>, tensor<2xi64>
}

// Scalars are arrays of rank 0.
// RUN: %{npy} write %t.s.npy '<f4' '' 2.5
// RUN: %{npy} write %t.i.npy '<i8' '' 3
// RUN: %{run} --entry=scalars --arg=%t.s.npy --arg=%t.i.npy --out=%t.os.npy --out=%t.ot.npy
// RUN: %{npy} show %t.os.npy | FileCheck %s --check-prefix=SCALAR
// RUN: %{npy} show %t.ot.npy | FileCheck %s --check-prefix=SPLAT
// SCALAR: <f4 () 5
// SPLAT: <f4 (3,) 2.5 2.5 2.5
func.func @scalars(%s: f32, %n: index) -> (f32, tensor<?xf32>) {
  %0 = arith.addf %s, %s : f32
  %1 = tensor.splat %s[%n] : tensor<?xf32>
  return %0, %1 : f32, tensor<?xf32>
}
