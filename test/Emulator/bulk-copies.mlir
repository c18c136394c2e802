// Bulk copies with transaction counts, polled and waited for; a bulk store; cp.async
// that an mbarrier tracks.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 32 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global internal @buffer() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<32 x i32>
  llvm.mlir.global internal @full() {addr_space = 3 : i32, alignment = 8 : i64} : i64

  // Lane 0 loads 128 bytes; all wait, add their lane and store; lane 0 writes back.
  // RUN: %{run} --entry=bulk
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=BULK
  // RUN: %{run} --entry=bulk --emulate-order=early
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=BULK
  // RUN: %{run} --entry=bulk --emulate-order=random:3
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=BULK
  // BULK: <i4 (32,) 1 3 5 7 9
  llvm.func @bulk(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %bytes = llvm.mlir.constant(128 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %is_first = llvm.icmp "eq" %lane, %zero : i32
    nvvm.mbarrier.init %full, %c1, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.bar.warp.sync %all : i32
    llvm.cond_br %is_first, ^load, ^wait
  ^load:
    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.shared.cluster.global %shared, %in, %full, %bytes : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.br ^wait
  ^wait:
    %is_over = nvvm.mbarrier.test.wait %full, %zero : !llvm.ptr<3>, i32 -> i1
    llvm.cond_br %is_over, ^add, ^wait
  ^add:
    %value = llvm.load %slot : !llvm.ptr<3> -> i32
    %sum = llvm.add %value, %lane : i32
    llvm.store %sum, %slot : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.bar.warp.sync %all : i32
    llvm.cond_br %is_first, ^store, ^done
  ^store:
    nvvm.cp.async.bulk.global.shared.cta %out, %shared, %bytes : !llvm.ptr<1>, !llvm.ptr<3>
    nvvm.cp.async.bulk.commit.group
    nvvm.cp.async.bulk.wait_group 0 {read}
    llvm.br ^done
  ^done:
    llvm.return
  }

  // RUN: %{run} --entry=tracked
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=TRACKED
  // RUN: %{run} --entry=tracked --emulate-order=random:5
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=TRACKED
  // TRACKED: <i4 (32,) 2 1 4 3
  llvm.func @tracked(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %is_first = llvm.icmp "eq" %lane, %zero : i32
    nvvm.mbarrier.init %full, %c32, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.bar.warp.sync %all : i32
    %from = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    nvvm.cp.async.shared.global %slot, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.mbarrier.arrive %full {noinc = true} : !llvm.ptr<3>
    nvvm.mbarrier.try_wait.parity %full, %zero, %ticks : !llvm.ptr<3>, i32, i32
    %other = llvm.xor %lane, %c1 : i32
    %neighbour = llvm.getelementptr %shared[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %value = llvm.load %neighbour : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %value, %to : i32, !llvm.ptr<1>
    llvm.return
  }
}

func.func @bulk(%x: memref<32xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<32xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<32xi32>, memref<32xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<32xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@bulk blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}

func.func @tracked(%x: memref<32xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<32xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<32xi32>, memref<32xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<32xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@tracked blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}
}
