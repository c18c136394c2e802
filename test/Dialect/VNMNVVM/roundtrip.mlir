// RUN: vnm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @registers
// CHECK: vnm_nvvm.wgmma.mma_async.sp %{{[a-z0-9]+}}, a(%{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : i32, i32, i32, i32), b(%{{[a-z0-9]+}}),
// CHECK-SAME: metadata(%{{[a-z0-9]+}}, 1), scale_d(%{{[a-z0-9]+}}), shape<m = 64, n = 8, k = 32>, D[<f32>],
// CHECK-SAME: A[<bf16>, <one>, <row>], B[<bf16>, <neg>, <row>] : !llvm.struct<(f32, f32, f32, f32)>
func.func @registers(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a: i32, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(f32, f32, f32, f32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a, %a, %a, %a : i32, i32, i32, i32), b(%b), metadata(%meta, 1),
      scale_d(%scale), shape<m = 64, n = 8, k = 32>, D[<f32>], A[<bf16>, <one>, <row>], B[<bf16>, <neg>, <row>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return %d : !llvm.struct<(f32, f32, f32, f32)>
}

// CHECK-LABEL: @descriptor
// CHECK: a(%{{[a-z0-9]+}} : i64)
// CHECK-SAME: D[<s32>, satfinite]
func.func @descriptor(%acc: !llvm.struct<(i32, i32, i32, i32)>, %a: i64, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(i32, i32, i32, i32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a : i64), b(%b), metadata(%meta, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 64>, D[<s32>, satfinite], A[<s8>, <one>, <row>], B[<u8>, <one>, <col>]
      : !llvm.struct<(i32, i32, i32, i32)>
  return %d : !llvm.struct<(i32, i32, i32, i32)>
}

// Two f16 sums share a register.
// CHECK-LABEL: @half_sums
// CHECK: D[<f16>]
func.func @half_sums(%acc: !llvm.struct<(i32, i32, i32, i32)>, %a: i64, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(i32, i32, i32, i32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a : i64), b(%b), metadata(%meta, 0), scale_d(%scale),
      shape<m = 64, n = 16, k = 32>, D[<f16>], A[<f16>, <one>, <col>], B[<f16>, <one>, <col>]
      : !llvm.struct<(i32, i32, i32, i32)>
  return %d : !llvm.struct<(i32, i32, i32, i32)>
}
