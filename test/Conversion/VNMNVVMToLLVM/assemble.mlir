// NVIDIA's assembler accepts the inline PTX of every kind of operands, and keeps
// the 128 accumulators of the largest shape in registers across a loop.
// REQUIRES: ptxas
// RUN: vnm-opt %s --convert-vnm-nvvm-to-llvm | mlir-translate --mlir-to-llvmir | opt -O2 -S \
// RUN:   | llc -mtriple=nvptx64-nvidia-cuda -mcpu=sm_90a -mattr=+ptx85 -o %t.ptx
// RUN: FileCheck %s --check-prefix=PTX < %t.ptx
// RUN: %ptxas -arch=sm_90a -v %t.ptx -o %t.cubin > %t.log 2>&1
// RUN: FileCheck %s < %t.log

// PTX-LABEL: .entry loop(
// PTX: wgmma.mma_async.sp.sync.aligned.m64n256k32.f32.f16.f16 {%r{{[0-9]+}}, %r{{[0-9]+}},
// PTX-SAME: , 0, p, 1, 1, 1;
// PTX: wgmma.mma_async.sp.sync.aligned.m64n256k32.f32.f16.f16

// CHECK-NOT: error
// CHECK-NOT: {{(^|[^0-9])[1-9][0-9]* bytes spill}}
// CHECK: 'loop'
// CHECK-NOT: error
// CHECK-NOT: {{(^|[^0-9])[1-9][0-9]* bytes spill}}

llvm.func @descriptors(%out: !llvm.ptr<1>, %acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %p: i1) attributes {nvvm.kernel} {
  nvvm.wgmma.fence.aligned
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 1), scale_d(%p),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <col>], B[<f16>, <one>, <col>] : !llvm.struct<(f32, f32, f32, f32)>
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  llvm.store %d, %out : !llvm.struct<(f32, f32, f32, f32)>, !llvm.ptr<1>
  llvm.return
}

llvm.func @bf16(%out: !llvm.ptr<1>, %acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %p: i1) attributes {nvvm.kernel} {
  nvvm.wgmma.fence.aligned
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r, %r, %r : i32, i32, i32, i32), b(%b), metadata(%r, 0), scale_d(%p),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>] : !llvm.struct<(f32, f32, f32, f32)>
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  llvm.store %d, %out : !llvm.struct<(f32, f32, f32, f32)>, !llvm.ptr<1>
  llvm.return
}

llvm.func @tf32(%out: !llvm.ptr<1>, %acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %p: i1) attributes {nvvm.kernel} {
  nvvm.wgmma.fence.aligned
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r, %r, %r : i32, i32, i32, i32), b(%b), metadata(%r, 1), scale_d(%p),
      shape<m = 64, n = 8, k = 16>, D[<f32>], A[<tf32>, <one>, <row>], B[<tf32>, <one>, <col>] : !llvm.struct<(f32, f32, f32, f32)>
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  llvm.store %d, %out : !llvm.struct<(f32, f32, f32, f32)>, !llvm.ptr<1>
  llvm.return
}

llvm.func @half_sums(%out: !llvm.ptr<1>, %acc: !llvm.struct<(i32, i32, i32, i32)>, %r: i32, %b: i64, %p: i1) attributes {nvvm.kernel} {
  nvvm.wgmma.fence.aligned
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r, %r, %r : i32, i32, i32, i32), b(%b), metadata(%r, 0), scale_d(%p),
      shape<m = 64, n = 16, k = 32>, D[<f16>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>] : !llvm.struct<(i32, i32, i32, i32)>
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  llvm.store %d, %out : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr<1>
  llvm.return
}

llvm.func @s8(%out: !llvm.ptr<1>, %acc: !llvm.struct<(i32, i32, i32, i32)>, %r: i32, %b: i64, %p: i1) attributes {nvvm.kernel} {
  nvvm.wgmma.fence.aligned
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r, %r, %r : i32, i32, i32, i32), b(%b), metadata(%r, 0), scale_d(%p),
      shape<m = 64, n = 8, k = 64>, D[<s32>, satfinite], A[<s8>, <one>, <row>], B[<u8>, <one>, <col>] : !llvm.struct<(i32, i32, i32, i32)>
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  llvm.store %d, %out : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr<1>
  llvm.return
}

!acc = !llvm.struct<(f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32)>

llvm.func @loop(%out: !llvm.ptr<1>, %start: !llvm.ptr<1>, %meta: !llvm.ptr<1>, %b0: i64, %n: i32)
    attributes {nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
  %zero = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %step = llvm.mlir.constant(256 : i64) : i64
  %acc0 = llvm.mlir.undef : !acc
  llvm.br ^loop(%zero, %acc0, %b0 : i32, !acc, i64)
^loop(%i: i32, %acc: !acc, %b: i64):
  %vector = llvm.load %start : !llvm.ptr<1> -> vector<4xi32>
  %a0 = llvm.extractelement %vector[%zero : i32] : vector<4xi32>
  %e = llvm.load %meta : !llvm.ptr<1> -> i32
  %p = llvm.icmp "ne" %i, %zero : i32
  %true = llvm.mlir.constant(true) : i1
  %b1 = llvm.add %b, %step : i64
  %next = llvm.add %b1, %step : i64
  nvvm.wgmma.fence.aligned
  %d0 = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a0, %a0, %a0, %a0 : i32, i32, i32, i32), b(%b), metadata(%e, 0),
      scale_d(%p), shape<m = 64, n = 256, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>] : !acc
  %d1 = vnm_nvvm.wgmma.mma_async.sp %d0, a(%a0, %a0, %a0, %a0 : i32, i32, i32, i32), b(%b1), metadata(%e, 1),
      scale_d(%true), shape<m = 64, n = 256, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>] : !acc
  nvvm.wgmma.commit.group.sync.aligned
  nvvm.wgmma.wait.group.sync.aligned 0
  %j = llvm.add %i, %one : i32
  %more = llvm.icmp "slt" %j, %n : i32
  llvm.cond_br %more, ^loop(%j, %d1, %next : i32, !acc, i64), ^done
^done:
  llvm.store %d1, %out : !acc, !llvm.ptr<1>
  llvm.return
}
