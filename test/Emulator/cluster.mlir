// A cluster of two CTAs: each writes to the other's shared memory.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 64 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy
// RUN: %{run} --entry=exchange
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=EXCHANGE
// RUN: %{run} --entry=exchange --emulate-order=random:1
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=EXCHANGE
// EXCHANGE: <i4 (64,) 33 34 35

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global external @buffer() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i32>
  llvm.func @exchange(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %first = llvm.mul %block, %c32 : i32
    %place = llvm.add %first, %lane : i32
    %from = llvm.getelementptr %in[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %peer = llvm.xor %rank, %c1 : i32
    %remote = nvvm.mapa %slot, %peer : !llvm.ptr<3> -> !llvm.ptr<7>
    llvm.store %value, %remote : i32, !llvm.ptr<7>
    nvvm.cluster.arrive {aligned}
    nvvm.cluster.wait {aligned}
    %read = llvm.load %slot : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %read, %to : i32, !llvm.ptr<1>
    llvm.return
  }
}

func.func @exchange(%x: memref<64xi32>) -> memref<64xi32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %smem = arith.constant 128 : i32
  %y = memref.alloc() : memref<64xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<64xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<64xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<64xi32>, memref<64xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<64xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<64xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@exchange clusters in (%c2, %c1, %c1) blocks in (%c2, %c1, %c1)
      threads in (%c32, %c1, %c1) dynamic_shared_memory_size %smem args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<64xi32>, memref<64xi32>
  gpu.wait [%t5]
  return %y : memref<64xi32>
}
}
