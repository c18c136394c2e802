// The family wgmma_sp where all columns are kept: tensor copies instead of a gather.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a" --split-input-file | FileCheck %s --check-prefix=PTX

// The host encodes a map of x and passes it by value, after everything else.
// CHECK: llvm.func @mgpuTensorMapEncodeTiled(
// CHECK-LABEL: func.func @whole_stages
// CHECK: %[[STACK:.+]] = llvm.intr.stacksave
// CHECK: %[[MAP:.+]] = llvm.alloca %{{.*}} x !llvm.array<16 x i64> {alignment = 64 : i64}
// CHECK: llvm.call @mgpuTensorMapEncodeTiled(%[[MAP]],
// CHECK: %[[ENCODED:.+]] = llvm.load %[[MAP]] : !llvm.ptr -> !llvm.array<16 x i64>
// CHECK: llvm.intr.stackrestore %[[STACK]]
// CHECK: gpu.launch_func {{.*}} %[[ENCODED]] : !llvm.array<16 x i64>)
// V of 16 is no obstacle: a tile has rows of many panels.
// CHECK: gpu.func @spmm_0({{.*}}, %[[ARGUMENT:[a-z0-9]+]]: !llvm.array<16 x i64>) kernel
// A copying thread and its bytes fill a slot; 8 warps empty it.
// CHECK: nvvm.mbarrier.init {{.*}}, %c1_i32
// CHECK: nvvm.mbarrier.init {{.*}}, %c8_i32
// CHECK: nvvm.fence.mbarrier.init
// CHECK: nvvm.setmaxregister increase 240
// CHECK: vnm_nvvm.wgmma.mma_async.sp
// CHECK: nvvm.setmaxregister decrease 24
// CHECK-NOT: nvvm.cp.async.shared.global
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK: %[[ADDRESS:.+]] = builtin.unrealized_conversion_cast %[[ARGUMENT]] : !llvm.array<16 x i64> to !llvm.ptr
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[ADDRESS]], %{{.*}}, box[%{{.*}}, %c0_i32{{.*}}, %c0_i32{{.*}}, %c0_i32{{.*}}, %{{.*}}]
// CHECK-NOT: fence.proxy
// PTX: .param .align 64 .b8 spmm_0_param_{{[0-9]+}}[128]
// PTX: cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
func.func @whole_stages(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<8x128xi16>,
                        %x: memref<128x72xf16>, %y: memref<128x72xf16>) {
  vnm.spmm #vnm.encoding<16:2:4>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<8x128xi16>, memref<128x72xf16>)
      outs(%y : memref<128x72xf16>)
  return
}

// -----

// Each CTA has half of the boxes copied to both; 16 warps empty a slot.
// CHECK-LABEL: func.func @cluster
// CHECK: gpu.func @spmm_0({{.*}}nvvm.cluster_dim = array<i32: 2, 1, 1>
// CHECK: nvvm.mbarrier.init {{.*}}, %c16_i32
// CHECK: nvvm.cluster.arrive
// CHECK: nvvm.cluster.wait
// CHECK: nvvm.mapa
// CHECK: nvvm.mbarrier.arrive %{{.*}} : !llvm.ptr<7>
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global {{.*}} multicast_mask = %c3_i16
// CHECK-NOT: nvvm.cp.async.bulk.tensor
// CHECK: nvvm.cluster.arrive
// PTX: .reqnctapercluster 2, 1, 1
// PTX: multicast::cluster
func.func @cluster(%v: memref<256x64xf16>, %m: memref<256x8xi16>, %c: memref<2x128xi16>,
                   %x: memref<128x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:4>
      ins(%v, %m, %c, %x : memref<256x64xf16>, memref<256x8xi16>, memref<2x128xi16>, memref<128x256xf16>)
      outs(%y : memref<256x256xf16>)
      {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 256, cluster = 2>}
  return
}

// -----

// Columns of a free form are known only at run time.
// CHECK-LABEL: func.func @free
// CHECK-NOT: cp.async.bulk.tensor
func.func @free(%v: memref<256x64xf16>, %m: memref<256x8xi16>, %c: memref<2x128xi16>,
                %x: memref<128x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:4, form = free>
      ins(%v, %m, %c, %x : memref<256x64xf16>, memref<256x8xi16>, memref<2x128xi16>, memref<128x256xf16>)
      outs(%y : memref<256x256xf16>)
  return
}

// -----

// A stage that is not whole is gathered.
// CHECK-LABEL: func.func @ragged
// CHECK-NOT: cp.async.bulk.tensor
func.func @ragged(%v: memref<256x48xf16>, %m: memref<256x6xi16>, %c: memref<2x96xi16>,
                  %x: memref<96x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:4>
      ins(%v, %m, %c, %x : memref<256x48xf16>, memref<256x6xi16>, memref<2x96xi16>, memref<96x256xf16>)
      outs(%y : memref<256x256xf16>)
  return
}
