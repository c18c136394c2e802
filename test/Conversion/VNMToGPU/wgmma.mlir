// The family wgmma_sp: what its kernels are made of, and when it is chosen.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=mma_sp" --split-input-file | FileCheck %s --check-prefix=MMA
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90" --split-input-file | FileCheck %s --check-prefix=MMA
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file --remarks-filter=vnm-gpu --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// MMA-NOT: wgmma

// One ring feeds both multiplying warpgroups: 8 arrivals free a slot.
// CHECK-LABEL: func.func @wide_panels
// CHECK: gpu.launch_func {{.*}} dynamic_shared_memory_size
// CHECK: llvm.mlir.global external @vnm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: gpu.func @spmm_0({{.*}}) kernel attributes {known_block_size = array<i32: 384, 1, 1>, nvvm.minctasm = 1 : i32{{.*}}}
// CHECK: nvvm.mbarrier.init {{.*}}, %c128_i32
// CHECK: nvvm.mbarrier.init {{.*}}, %c8_i32
// CHECK: gpu.barrier
// CHECK: nvvm.setmaxregister increase 224
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.wgmma.fence.aligned
// CHECK: vnm_nvvm.wgmma.mma_async.sp {{.*}}, 0), scale_d({{.*}}), shape<m = 64, n = 64, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>]
// CHECK: vnm_nvvm.wgmma.mma_async.sp {{.*}}, 1), scale_d(
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK: nvvm.wgmma.wait.group.sync.aligned 1
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// Results are staged in their own type.
// CHECK: nvvm.stmatrix
// CHECK: nvvm.setmaxregister decrease 56
// The gather, then the fence.
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg
// CHECK: nvvm.cp.async.mbarrier.arrive {{.*}} {noinc = true}
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
func.func @wide_panels(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                       %x: memref<512x128xf16>, %y: memref<256x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x128xf16>)
      outs(%y : memref<256x128xf16>)
  return
}

// -----

// A ring per multiplying warpgroup: 4 arrivals free a slot.
// CHECK-LABEL: func.func @narrow_panels
// CHECK: nvvm.mbarrier.init {{.*}}, %c4_i32
// CHECK: A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>]
func.func @narrow_panels(%v: memref<256x128xbf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
                         %x: memref<512x128xbf16>, %y: memref<256x128xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xbf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x128xbf16>)
      outs(%y : memref<256x128xf32>)
  return
}

// -----

// Too few tiles for the GPU: two rings for one tile, whose sums are added up.
// CHECK-LABEL: func.func @split_depth
// CHECK: nvvm.mbarrier.init {{.*}}, %c4_i32
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c256_i32
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: nvvm.stmatrix
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c256_i32
func.func @split_depth(%v: memref<256x256xf16>, %m: memref<256x32xi16>, %c: memref<2x512xi16>,
                       %x: memref<1024x128xf16>, %y: memref<256x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x256xf16>, memref<256x32xi16>, memref<2x512xi16>, memref<1024x128xf16>)
      outs(%y : memref<256x128xf16>)
  return
}

// -----

// Rows of 5 metadata words: the lanes of a quad load aligned pairs, shift, and exchange.
// CHECK-LABEL: func.func @unaligned_metadata
// CHECK: %[[PAIR:.+]] = llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> i32
// CHECK: llvm.intr.fshr
// CHECK: nvvm.shfl.sync idx
// CHECK: vnm_nvvm.wgmma.mma_async.sp
func.func @unaligned_metadata(%v: memref<128x40xf16>, %m: memref<128x5xi16>, %c: memref<1x80xi16>,
                              %x: memref<160x128xf16>, %y: memref<128x128xf32>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<128x40xf16>, memref<128x5xi16>, memref<1x80xi16>, memref<160x128xf16>)
      outs(%y : memref<128x128xf32>)
  return
}

// -----

// REMARK: Reason="requires a positive multiple of 8 tokens, but there are 100", Remark="mma_sp is taken instead of wgmma_sp"
// CHECK-LABEL: func.func @odd_tokens
// CHECK-NOT: wgmma
// CHECK: nvvm.mma.sp.sync
func.func @odd_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                      %x: memref<512x100xf16>, %y: memref<256x100xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x100xf16>)
      outs(%y : memref<256x100xf16>)
  return
}

// -----

// REMARK: requires at least 64 tokens to be faster, but there are 32
// CHECK-LABEL: func.func @few_tokens
// CHECK-NOT: wgmma
// CHECK: nvvm.mma.sp.sync
func.func @few_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                      %x: memref<512x32xf16>, %y: memref<256x32xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x32xf16>)
      outs(%y : memref<256x32xf16>)
  return
}

// -----

// A round of results waits for what the round before staged: the bias does, of which
// there is less than of sums.
// CHECK-LABEL: func.func @rounds
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK: nvvm.bar.warp.sync
// CHECK: %[[STAGED:.+]] = llvm.load {{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
// CHECK: %[[ZERO:.+]] = arith.andi %[[STAGED]], %{{.+}} : i32
// CHECK: %[[BITS:.+]] = arith.bitcast %{{.+}} : f32 to i32
// CHECK: %[[TIED:.+]] = arith.ori %[[BITS]], %[[ZERO]] : i32
// CHECK: %[[BIAS:.+]] = arith.bitcast %[[TIED]] : i32 to f32
// CHECK: arith.addf %{{.+}}, %[[BIAS]] : f32
func.func @rounds(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                  %x: memref<512x128xf16>, %y: memref<256x128xf32>, %bias: memref<256xf32>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x128xf16>)
      outs(%y : memref<256x128xf32>)
      epilogue(%bias per_row : memref<256xf32>) {
  ^bb0(%sum: f32, %b: f32):
    %0 = arith.addf %sum, %b : f32
    vnm.yield %0 : f32
  }
  return
}
