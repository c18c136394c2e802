// The family wgmma_sp stores token-major results itself.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a" --split-input-file | FileCheck %s --check-prefix=PTX

// The matrices of a warp are staged transposed; the warpgroup's four warps meet before
// and after they are stored, 16 bytes at a time.
// CHECK-LABEL: func.func @tokens
// CHECK: vnm_nvvm.wgmma.mma_async.sp
// CHECK-NOT: nvvm.bar.warp.sync
// CHECK: nvvm.stmatrix {{.*}} layout = #nvvm.mma_layout<col>
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.store {{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: nvvm.setmaxregister decrease
// PTX: stmatrix.sync.aligned.m8n8.x4.trans.shared.b16
func.func @tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                  %x: memref<512x128xf16>, %y: memref<128x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x128xf16>)
      outs(%y : memref<128x256xf16>) {y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// f32, and as many rows at a time as R lets tokens be aligned.
// CHECK-LABEL: func.func @even_rows
// CHECK-NOT: nvvm.stmatrix
// CHECK: llvm.store {{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> vector<2xi32>
// CHECK: llvm.store {{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
func.func @even_rows(%v: memref<130x128xf16>, %m: memref<130x16xi16>, %c: memref<3x256xi16>,
                     %x: memref<512x128xf16>, %y: memref<128x130xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<130x128xf16>, memref<130x16xi16>, memref<3x256xi16>, memref<512x128xf16>)
      outs(%y : memref<128x130xf32>) {y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// An operand laid out like y is read where the results go: its tokens are R apart.
// CHECK-LABEL: func.func @residual
// CHECK: memref.load %{{.*}} : memref<?xf16>
// CHECK: nvvm.stmatrix {{.*}} layout = #nvvm.mma_layout<col>
// CHECK: llvm.store {{.*}} {alignment = 2 : i64} : i16, !llvm.ptr<1>
func.func @residual(%v: memref<127x128xf16>, %m: memref<127x16xi16>, %c: memref<1x256xi16>,
                    %x: memref<512x128xf16>, %r: memref<128x127xf16>, %y: memref<128x127xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<127x128xf16>, memref<127x16xi16>, memref<1x256xi16>, memref<512x128xf16>)
      outs(%y : memref<128x127xf16>) {y_layout = #vnm.activation_layout<token_major>}
      epilogue(%r full : memref<128x127xf16>) {
  ^bb0(%acc: f32, %old: f16):
    %wide = arith.extf %old : f16 to f32
    %sum = arith.addf %acc, %wide : f32
    %result = arith.truncf %sum : f32 to f16
    vnm.yield %result : f16
  }
  return
}
