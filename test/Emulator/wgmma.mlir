// Two dense wgmma on operands that a bulk copy brought, the second on the sums of the first.
// REQUIRES: numpy
// RUN: %python %S/Inputs/wgmma.py write dense %t.x.npy
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy
// RUN: %{run} --entry=product
// RUN: %python %S/Inputs/wgmma.py check dense %t.y.npy
// RUN: %{run} --entry=product --emulate-order=early
// RUN: %python %S/Inputs/wgmma.py check dense %t.y.npy
// RUN: %{run} --entry=product --emulate-order=random:2
// RUN: %python %S/Inputs/wgmma.py check dense %t.y.npy

!sums = !llvm.struct<(f32, f32, f32, f32)>
module attributes {gpu.container_module} {
gpu.module @kernels {
  // 64 x 16 of A, then 8 x 16 of B (by columns), in pieces of 8 rows by 16 bytes.
  llvm.mlir.global internal @operands() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<2304 x i8>
  llvm.mlir.global internal @full() {addr_space = 3 : i32, alignment = 8 : i64} : i64
  llvm.func @product(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %bytes = llvm.mlir.constant(2304 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %operands = llvm.mlir.addressof @operands : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    nvvm.mbarrier.init %full, %c1, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.barrier0
    llvm.cond_br %is_first, ^load, ^multiply
  ^load:
    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.shared.cluster.global %operands, %in, %full, %bytes : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.br ^multiply
  ^multiply:
    nvvm.mbarrier.try_wait.parity %full, %zero, %ticks : !llvm.ptr<3>, i32, i32
    // Leading offset 128, stride offset 256, no swizzle: 8 << 16 | 16 << 32.
    %offsets = llvm.mlir.constant(68720001024 : i64) : i64
    %address = llvm.ptrtoint %operands : !llvm.ptr<3> to i64
    %four = llvm.mlir.constant(4 : i64) : i64
    %start = llvm.lshr %address, %four : i64
    %descriptor_a = llvm.or %start, %offsets : i64
    %c128 = llvm.mlir.constant(128 : i64) : i64
    %descriptor_b = llvm.add %descriptor_a, %c128 : i64
    %none = llvm.mlir.undef : !sums
    nvvm.wgmma.fence.aligned
    %first = nvvm.wgmma.mma_async %descriptor_a, %descriptor_b, %none, <m = 64, n = 8, k = 16>, D [<f32>, <zero>], A [<f16>, <one>, <row>], B [<f16>, <one>, <col>] : !sums -> !sums
    %second = nvvm.wgmma.mma_async %descriptor_a, %descriptor_b, %first, <m = 64, n = 8, k = 16>, D [<f32>, <one>], A [<f16>, <neg>, <row>], B [<f16>, <neg>, <col>] : !sums -> !sums
    nvvm.wgmma.commit.group.sync.aligned
    %d0 = llvm.extractvalue %second[0] : !sums
    nvvm.wgmma.wait.group.sync.aligned 0
    %d1 = llvm.extractvalue %second[1] : !sums
    %d2 = llvm.extractvalue %second[2] : !sums
    %d3 = llvm.extractvalue %second[3] : !sums
    // Row 16 (thread / 32) + (thread % 32) / 4, columns 2 (thread % 4) and the next.
    %c5 = llvm.mlir.constant(5 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %warp = llvm.lshr %thread, %c5 : i32
    %lane = llvm.and %thread, %c31 : i32
    %warp_row = llvm.shl %warp, %c4 : i32
    %quad = llvm.lshr %lane, %c2 : i32
    %row = llvm.add %warp_row, %quad : i32
    %pair = llvm.and %lane, %c3 : i32
    %column = llvm.shl %pair, %c1 : i32
    %row_start = llvm.shl %row, %c3 : i32
    %place = llvm.add %row_start, %column : i32
    %below = llvm.add %place, %c64 : i32
    %to0 = llvm.getelementptr %out[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %to1 = llvm.getelementptr %to0[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %to2 = llvm.getelementptr %out[%below] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %to3 = llvm.getelementptr %to2[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    llvm.store %d0, %to0 : f32, !llvm.ptr<1>
    llvm.store %d1, %to1 : f32, !llvm.ptr<1>
    llvm.store %d2, %to2 : f32, !llvm.ptr<1>
    llvm.store %d3, %to3 : f32, !llvm.ptr<1>
    llvm.return
  }

  // One sparse wgmma: A and metadata in registers, B through shared memory, written by
  // ordinary stores.
  // RUN: %python %S/Inputs/wgmma.py write sparse %t.x.npy
  // RUN: %{run} --entry=sparse
  // RUN: %python %S/Inputs/wgmma.py check sparse %t.y.npy
  // RUN: %{run} --entry=sparse --emulate-order=random:3
  // RUN: %python %S/Inputs/wgmma.py check sparse %t.y.npy
  llvm.func @sparse(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %no = llvm.mlir.constant(false) : i1
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %operands = llvm.mlir.addressof @operands : !llvm.ptr<3>
    %from_b = llvm.getelementptr %in[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %to_b = llvm.getelementptr %operands[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %piece = llvm.load %from_b : !llvm.ptr<1> -> i32
    llvm.store %piece, %to_b : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.barrier0
    %values = llvm.getelementptr %in[128] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %from_a = llvm.getelementptr %values[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xi32>
    %a = llvm.load %from_a {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %a0 = llvm.extractelement %a[%c0 : i32] : vector<4xi32>
    %a1 = llvm.extractelement %a[%c1 : i32] : vector<4xi32>
    %a2 = llvm.extractelement %a[%c2 : i32] : vector<4xi32>
    %a3 = llvm.extractelement %a[%c3 : i32] : vector<4xi32>
    %words = llvm.getelementptr %in[640] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %from_metadata = llvm.getelementptr %words[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %metadata = llvm.load %from_metadata : !llvm.ptr<1> -> i32
    // Leading offset 128, stride offset 256, no swizzle: 8 << 16 | 16 << 32.
    %offsets = llvm.mlir.constant(68720001024 : i64) : i64
    %address = llvm.ptrtoint %operands : !llvm.ptr<3> to i64
    %four = llvm.mlir.constant(4 : i64) : i64
    %start = llvm.lshr %address, %four : i64
    %descriptor = llvm.or %start, %offsets : i64
    %none = llvm.mlir.undef : !sums
    nvvm.wgmma.fence.aligned
    %second = vnm_nvvm.wgmma.mma_async.sp %none, a(%a0, %a1, %a2, %a3 : i32, i32, i32, i32), b(%descriptor), metadata(%metadata, 0), scale_d(%no), shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>] : !sums
    nvvm.wgmma.commit.group.sync.aligned
    nvvm.wgmma.wait.group.sync.aligned 0
    %d0 = llvm.extractvalue %second[0] : !sums
    %d1 = llvm.extractvalue %second[1] : !sums
    %d2 = llvm.extractvalue %second[2] : !sums
    %d3 = llvm.extractvalue %second[3] : !sums
    // Row 16 (thread / 32) + (thread % 32) / 4, columns 2 (thread % 4) and the next.
    %c5 = llvm.mlir.constant(5 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %warp = llvm.lshr %thread, %c5 : i32
    %lane = llvm.and %thread, %c31 : i32
    %warp_row = llvm.shl %warp, %c4 : i32
    %quad = llvm.lshr %lane, %c2 : i32
    %row = llvm.add %warp_row, %quad : i32
    %pair = llvm.and %lane, %c3 : i32
    %column = llvm.shl %pair, %c1 : i32
    %row_start = llvm.shl %row, %c3 : i32
    %place = llvm.add %row_start, %column : i32
    %below = llvm.add %place, %c64 : i32
    %to0 = llvm.getelementptr %out[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %to1 = llvm.getelementptr %to0[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %to2 = llvm.getelementptr %out[%below] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %to3 = llvm.getelementptr %to2[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    llvm.store %d0, %to0 : f32, !llvm.ptr<1>
    llvm.store %d1, %to1 : f32, !llvm.ptr<1>
    llvm.store %d2, %to2 : f32, !llvm.ptr<1>
    llvm.store %d3, %to3 : f32, !llvm.ptr<1>
    llvm.return
  }
}

func.func @product(%x: memref<1152xf16>) -> memref<512xf32> {
  %c1 = arith.constant 1 : index
  %c128 = arith.constant 128 : index
  %y = memref.alloc() : memref<512xf32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<1152xf16>
  %out, %t2 = gpu.alloc async [%t1] () : memref<512xf32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<1152xf16>, memref<1152xf16>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<1152xf16> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<512xf32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@product blocks in (%c1, %c1, %c1)
      threads in (%c128, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<512xf32>, memref<512xf32>
  gpu.wait [%t5]
  return %y : memref<512xf32>
}

func.func @sparse(%x: memref<1536xf16>) -> memref<512xf32> {
  %c1 = arith.constant 1 : index
  %c128 = arith.constant 128 : index
  %y = memref.alloc() : memref<512xf32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<1536xf16>
  %out, %t2 = gpu.alloc async [%t1] () : memref<512xf32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<1536xf16>, memref<1536xf16>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<1536xf16> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<512xf32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@sparse blocks in (%c1, %c1, %c1)
      threads in (%c128, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<512xf32>, memref<512xf32>
  gpu.wait [%t5]
  return %y : memref<512xf32>
}
}
