// RUN: vnm-opt %s --convert-vnm-nvvm-to-llvm | FileCheck %s

// CHECK-LABEL: func.func @registers(
// CHECK-SAME: %[[ACC:[^:]+]]: !llvm.struct<(f32, f32, f32, f32)>, %[[A0:[^:]+]]: i32, %[[A1:[^:]+]]: i32, %[[A2:[^:]+]]: i32,
// CHECK-SAME: %[[A3:[^:]+]]: i32, %[[B:[^:]+]]: i64, %[[META:[^:]+]]: i32, %[[SCALE:[^:]+]]: i1)
// CHECK: %[[D0:.+]] = llvm.extractvalue %[[ACC]][0]
// CHECK: %[[D3:.+]] = llvm.extractvalue %[[ACC]][3]
// CHECK: %[[P:.+]] = llvm.zext %[[SCALE]] : i1 to i32
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att
// CHECK-SAME: setp.ne.b32 p, $14, 0;
// CHECK-SAME: wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.f16.f16 {$0, $1, $2, $3}, {$8, $9, $10, $11}, $12, $13, 1, p, 1, 1, 1;
// CHECK-SAME: "=f,=f,=f,=f,0,1,2,3,r,r,r,r,l,r,r"
// CHECK-SAME: %[[D0]], %{{.*}}, %{{.*}}, %[[D3]], %[[A0]], %[[A1]], %[[A2]], %[[A3]], %[[B]], %[[META]], %[[P]]
func.func @registers(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a0: i32, %a1: i32, %a2: i32, %a3: i32, %b: i64,
                     %meta: i32, %scale: i1) -> !llvm.struct<(f32, f32, f32, f32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a0, %a1, %a2, %a3 : i32, i32, i32, i32), b(%b), metadata(%meta, 1),
      scale_d(%scale), shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return %d : !llvm.struct<(f32, f32, f32, f32)>
}

// CHECK-LABEL: @descriptor
// CHECK: m64n8k32.f32.bf16.bf16 {$0, $1, $2, $3}, $8, $9, $10, 0, p, -1, 1, 1, 0;
// CHECK-SAME: "=f,=f,=f,=f,0,1,2,3,l,l,r,r"
func.func @descriptor(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a: i64, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(f32, f32, f32, f32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a : i64), b(%b), metadata(%meta, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<bf16>, <neg>, <col>], B[<bf16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return %d : !llvm.struct<(f32, f32, f32, f32)>
}

// tf32 has no transposes.
// CHECK-LABEL: @tf32
// CHECK: m64n8k16.f32.tf32.tf32 {$0, $1, $2, $3}, $8, $9, $10, 1, p, 1, 1;
func.func @tf32(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a: i64, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(f32, f32, f32, f32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a : i64), b(%b), metadata(%meta, 1), scale_d(%scale),
      shape<m = 64, n = 8, k = 16>, D[<f32>], A[<tf32>, <one>, <row>], B[<tf32>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return %d : !llvm.struct<(f32, f32, f32, f32)>
}

// Integers have no scales either.
// CHECK-LABEL: @s8
// CHECK: m64n8k64.satfinite.s32.s8.u8 {$0, $1, $2, $3}, {$8, $9, $10, $11}, $12, $13, 0, p;
// CHECK-SAME: "=r,=r,=r,=r,0,1,2,3,r,r,r,r,l,r,r"
func.func @s8(%acc: !llvm.struct<(i32, i32, i32, i32)>, %a: i32, %b: i64, %meta: i32, %scale: i1)
    -> !llvm.struct<(i32, i32, i32, i32)> {
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a, %a, %a, %a : i32, i32, i32, i32), b(%b), metadata(%meta, 0),
      scale_d(%scale), shape<m = 64, n = 8, k = 64>, D[<s32>, satfinite], A[<s8>, <one>, <row>],
      B[<u8>, <one>, <col>] : !llvm.struct<(i32, i32, i32, i32)>
  return %d : !llvm.struct<(i32, i32, i32, i32)>
}
