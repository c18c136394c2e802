// RUN: vnm-opt %s --pass-pipeline="builtin.module(gpu.module(vnm-expand-kernel-math))" --split-input-file --verify-diagnostics | FileCheck %s

// Elementary functions become arithmetic: nothing is left that would call a
// library.
// CHECK-LABEL: gpu.func @elementary
// CHECK-NOT: math.
gpu.module @kernels {
  gpu.func @elementary(%x: f32, %out: memref<?xf32>) kernel {
    %c0 = arith.constant 0 : index
    %0 = math.tanh %x : f32
    %1 = math.erf %0 : f32
    %2 = math.exp %1 : f32
    %3 = math.log %2 : f32
    %4 = math.powf %3, %x : f32
    %5 = math.rsqrt %4 : f32
    %6 = math.sin %5 : f32
    %7 = math.log1p %6 : f32
    %8 = math.exp2 %7 : f32
    %9 = math.log10 %8 : f32
    memref.store %9, %out[%c0] : memref<?xf32>
    gpu.return
  }
}

// -----

// What PTX has becomes an intrinsic.
// CHECK-LABEL: gpu.func @instructions
// CHECK: llvm.call_intrinsic "llvm.fabs.f32"
// CHECK: llvm.call_intrinsic "llvm.floor.f64"
// CHECK: llvm.call_intrinsic "llvm.sqrt.f32"
// CHECK-NOT: math.
gpu.module @kernels {
  gpu.func @instructions(%x: f32, %y: f64, %out: memref<?xf32>, %out64: memref<?xf64>) kernel {
    %c0 = arith.constant 0 : index
    %0 = math.absf %x : f32
    %1 = math.floor %y : f64
    %2 = math.sqrt %0 : f32
    memref.store %2, %out[%c0] : memref<?xf32>
    memref.store %1, %out64[%c0] : memref<?xf64>
    gpu.return
  }
}

// -----

// Tests of special values are comparisons.
// CHECK-LABEL: gpu.func @special_values
// CHECK-SAME: (%[[X:.+]]: f32,
// CHECK-DAG: %[[INF:.+]] = arith.constant 0x7F800000 : f32
// CHECK: arith.cmpf uno, %[[X]], %[[X]] : f32
// CHECK: %[[ABS:.+]] = llvm.call_intrinsic "llvm.fabs.f32"(%[[X]])
// CHECK: arith.cmpf oeq, %[[ABS]], %[[INF]] : f32
// CHECK-NOT: math.
gpu.module @kernels {
  gpu.func @special_values(%x: f32, %out: memref<?xi1>) kernel {
    %c0 = arith.constant 0 : index
    %0 = math.isnan %x : f32
    %1 = math.isinf %x : f32
    %2 = arith.ori %0, %1 : i1
    memref.store %2, %out[%c0] : memref<?xi1>
    gpu.return
  }
}

// -----

// f16 is computed in f32.
// CHECK-LABEL: gpu.func @half
// CHECK: arith.extf %{{.+}} : f16 to f32
// CHECK: arith.truncf %{{.+}} : f32 to f16
// CHECK-NOT: math.
gpu.module @kernels {
  gpu.func @half(%x: f16, %out: memref<?xf16>) kernel {
    %c0 = arith.constant 0 : index
    %0 = math.tanh %x : f16
    memref.store %0, %out[%c0] : memref<?xf16>
    gpu.return
  }
}

// -----

// GELU that is rounded to 16 bits takes one tanh.
// CHECK-LABEL: gpu.func @rounded_gelu
// CHECK: %[[SUM:.+]] = arith.addf
// CHECK: %[[H:.+]] = arith.mulf %[[SUM]], %{{.+}} : f32
// CHECK: %[[TANH:.+]] = llvm.call_intrinsic "llvm.tanh.f32"({{.+}}) {fastmathFlags = #llvm.fastmath<afn>}
// CHECK: %[[GELU:.+]] = llvm.call_intrinsic "llvm.fma.f32"(%[[TANH]], %[[H]], %[[H]])
// CHECK: arith.truncf %[[GELU]]
gpu.module @kernels {
  gpu.func @rounded_gelu(%acc: f32, %stored: f16, %out: memref<?xf16>) kernel {
    %c0 = arith.constant 0 : index
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %factor = arith.constant 0.70710678118654752 : f32
    %bias = arith.extf %stored : f16 to f32
    %sum = arith.addf %acc, %bias : f32
    %scaled = arith.mulf %sum, %factor : f32
    %erf = math.erf %scaled : f32
    %more = arith.addf %erf, %one : f32
    %halved = arith.mulf %sum, %half : f32
    %result = arith.mulf %halved, %more : f32
    %rounded = arith.truncf %result : f32 to f16
    memref.store %rounded, %out[%c0] : memref<?xf16>
    gpu.return
  }
}

// -----

// SiLU that is rounded to 16 bits.
// CHECK-LABEL: gpu.func @rounded_silu
// CHECK: llvm.call_intrinsic "llvm.exp2.f32"({{.+}}) {fastmathFlags = #llvm.fastmath<afn>}
// CHECK: arith.divf {{.+}} fastmath<afn> : f32
gpu.module @kernels {
  gpu.func @rounded_silu(%x: f32, %out: memref<?xbf16>) kernel {
    %c0 = arith.constant 0 : index
    %one = arith.constant 1.0 : f32
    %negative = arith.negf %x : f32
    %exp = math.exp %negative : f32
    %more = arith.addf %exp, %one : f32
    %result = arith.divf %x, %more : f32
    %rounded = arith.truncf %result : f32 to bf16
    memref.store %rounded, %out[%c0] : memref<?xbf16>
    gpu.return
  }
}

// -----

// x - tanh(x) cancels: the error of an instruction would grow.
// CHECK-LABEL: gpu.func @cancels
// CHECK-NOT: llvm.tanh
gpu.module @kernels {
  gpu.func @cancels(%x: f32, %out: memref<?xf16>) kernel {
    %c0 = arith.constant 0 : index
    %tanh = math.tanh %x : f32
    %result = arith.subf %x, %tanh : f32
    %rounded = arith.truncf %result : f32 to f16
    memref.store %rounded, %out[%c0] : memref<?xf16>
    gpu.return
  }
}

// -----

// An f32 result keeps its accuracy.
// CHECK-LABEL: gpu.func @keeps_f32
// CHECK-NOT: afn
// CHECK: gpu.return
gpu.module @kernels {
  gpu.func @keeps_f32(%x: f32, %out: memref<?xf32>) kernel {
    %c0 = arith.constant 0 : index
    %0 = math.tanh %x : f32
    %1 = math.exp %0 : f32
    %2 = arith.divf %1, %x : f32
    memref.store %2, %out[%c0] : memref<?xf32>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @tanh_of_f64(%x: f64, %out: memref<?xf64>) kernel {
    %c0 = arith.constant 0 : index
    // expected-error @+1 {{requires an op and a type with a lowering to PTX in a kernel, but its type is 'f64'}}
    %0 = math.tanh %x : f64
    memref.store %0, %out[%c0] : memref<?xf64>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @count_bits(%x: i32, %out: memref<?xi32>) kernel {
    %c0 = arith.constant 0 : index
    // expected-error @+1 {{requires an op and a type with a lowering to PTX in a kernel, but its type is 'i32'}}
    %0 = math.ctpop %x : i32
    memref.store %0, %out[%c0] : memref<?xi32>
    gpu.return
  }
}

// -----

// Sums of a common term, scaled by a power of two, take one operation each; the
// scaled term is the same for all.
// CHECK-LABEL: gpu.func @scaled_sums
// CHECK-SAME: (%[[X:.+]]: f32, %[[Y:.+]]: f32, %[[BIAS:.+]]: f32,
// CHECK: %[[TERM:.+]] = arith.mulf %[[BIAS]], %[[HALF:.+]] : f32
// CHECK: llvm.call_intrinsic "llvm.fma.f32"(%[[X]], %[[HALF]], %[[TERM]])
// CHECK: llvm.call_intrinsic "llvm.fma.f32"(%[[Y]], %[[HALF]], %{{.+}})
gpu.module @kernels {
  gpu.func @scaled_sums(%x: f32, %y: f32, %bias: f32, %out: memref<?xf32>) kernel {
    %c0 = arith.constant 0 : index
    %half = arith.constant 0.5 : f32
    %0 = arith.addf %x, %bias : f32
    %1 = arith.mulf %0, %half : f32
    %2 = arith.addf %bias, %y : f32
    %3 = arith.mulf %2, %half : f32
    %4 = arith.divf %1, %3 : f32
    memref.store %4, %out[%c0] : memref<?xf32>
    gpu.return
  }
}

// -----

// Not where the factor rounds, the sum is used again, or no other sum has the term.
// CHECK-LABEL: gpu.func @other_sums
// CHECK-NOT: llvm.fma
// CHECK: gpu.return
gpu.module @kernels {
  gpu.func @other_sums(%x: f32, %y: f32, %bias: f32, %out: memref<?xf32>) kernel {
    %c0 = arith.constant 0 : index
    %half = arith.constant 0.5 : f32
    %third = arith.constant 0.3 : f32
    %0 = arith.addf %x, %bias : f32
    %1 = arith.mulf %0, %third : f32
    %2 = arith.addf %y, %bias : f32
    %3 = arith.mulf %2, %half : f32
    %4 = arith.subf %2, %3 : f32
    %5 = arith.divf %1, %4 : f32
    %once = arith.constant 0.7 : f32
    %6 = arith.addf %5, %once : f32
    %7 = arith.negf %5 : f32
    %8 = arith.mulf %6, %half : f32
    %9 = arith.divf %7, %8 : f32
    memref.store %9, %out[%c0] : memref<?xf32>
    gpu.return
  }
}
