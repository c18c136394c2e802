// Named barriers with a producer and a consumer warp, reductions at barriers, and
// mbarriers with phases.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 64 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global internal @buffer() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<32 x i32>

  // Warp 0 writes and arrives; warp 1 waits and reads.
  // RUN: %{run} --entry=named
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=NAMED
  // RUN: %{run} --entry=named --emulate-order=early
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=NAMED
  // NAMED: <i4 (32,) 1 2 3 4 5 6 7
  llvm.func @named(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %is_producer = llvm.icmp "eq" %warp, %zero : i32
    llvm.cond_br %is_producer, ^produce, ^consume
  ^produce:
    %from = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    llvm.store %value, %slot : i32, !llvm.ptr<3>
    nvvm.barrier.arrive id = %c3 number_of_threads = %c64
    llvm.return
  ^consume:
    nvvm.barrier id = %c3 number_of_threads = %c64
    %read = llvm.load %slot : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %read, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // How many values are odd.
  // RUN: %{run} --entry=reduction
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=REDUCTION
  // REDUCTION: <i4 (32,) 32 32 32
  llvm.func @reduction(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %from = llvm.getelementptr %in[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    %odd = llvm.and %value, %c1 : i32
    %count = nvvm.barrier #nvvm.reduction<popc> %odd -> i32
    %is_second = llvm.icmp "eq" %warp, %c1 : i32
    llvm.cond_br %is_second, ^store, ^done
  ^store:
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %count, %to : i32, !llvm.ptr<1>
    llvm.br ^done
  ^done:
    llvm.return
  }

  // A ring of one slot: warp 0 fills it four times, warp 1 adds up what it finds.
  // Full and empty mbarriers go through phases of both parities.
  // RUN: %{run} --entry=ring
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=RING
  // RUN: %{run} --entry=ring --emulate-order=early
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=RING
  // RUN: %{run} --entry=ring --emulate-order=random:7
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=RING
  // RING: <i4 (32,) 10 14 18 22
  llvm.mlir.global internal @full() {addr_space = 3 : i32, alignment = 8 : i64} : i64
  llvm.mlir.global internal @empty() {addr_space = 3 : i32, alignment = 8 : i64} : i64
  llvm.func @ring(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %empty = llvm.mlir.addressof @empty : !llvm.ptr<3>
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    nvvm.mbarrier.init %full, %c32, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.mbarrier.init %empty, %c32, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.barrier0
    %is_producer = llvm.icmp "eq" %warp, %zero : i32
    llvm.cond_br %is_producer, ^produce(%zero : i32), ^consume(%zero, %zero : i32, i32)
  ^produce(%i: i32):
    // The slot is empty at first: a parity of 1 is over.
    %round = llvm.and %i, %c1 : i32
    %before = llvm.xor %round, %c1 : i32
    nvvm.mbarrier.try_wait.parity %empty, %before, %ticks : !llvm.ptr<3>, i32, i32
    %place = llvm.add %lane, %i : i32
    %from = llvm.getelementptr %in[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    llvm.store %value, %slot : i32, !llvm.ptr<3>
    %state = nvvm.mbarrier.arrive %full : !llvm.ptr<3> -> i64
    %next = llvm.add %i, %c1 : i32
    %more = llvm.icmp "ult" %next, %c4 : i32
    llvm.cond_br %more, ^produce(%next : i32), ^done
  ^consume(%j: i32, %sum: i32):
    %parity = llvm.and %j, %c1 : i32
    nvvm.mbarrier.try_wait.parity %full, %parity, %ticks : !llvm.ptr<3>, i32, i32
    %read = llvm.load %slot : !llvm.ptr<3> -> i32
    %total = llvm.add %sum, %read : i32
    %unused = nvvm.mbarrier.arrive %empty : !llvm.ptr<3> -> i64
    %following = llvm.add %j, %c1 : i32
    %again = llvm.icmp "ult" %following, %c4 : i32
    llvm.cond_br %again, ^consume(%following, %total : i32, i32), ^store
  ^store:
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %to : i32, !llvm.ptr<1>
    llvm.br ^done
  ^done:
    llvm.return
  }
}

func.func @named(%x: memref<64xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<64xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<64xi32>, memref<64xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<64xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@named blocks in (%c1, %c1, %c1)
      threads in (%c64, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}

func.func @reduction(%x: memref<64xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<64xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<64xi32>, memref<64xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<64xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@reduction blocks in (%c1, %c1, %c1)
      threads in (%c64, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}

func.func @ring(%x: memref<64xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<64xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<64xi32>, memref<64xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<64xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@ring blocks in (%c1, %c1, %c1)
      threads in (%c64, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}
}
