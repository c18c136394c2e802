// A tensor copy of a box that reaches out of the tensor: rows 4 to 7 of 6, columns 8
// to 15.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 6,16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 200 201 202 203 204 205 206 207 208 209 210 211 212 213 214 215 300 301 302 303 304 305 306 307 308 309 310 311 312 313 314 315 400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 500 501 502 503 504 505 506 507 508 509 510 511 512 513 514 515
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvgpu-to-nvvm,convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy
// RUN: %{run} --entry=box
// RUN: %{npy} show %t.y.npy | FileCheck %s
// RUN: %{run} --entry=box --emulate-order=random:4
// RUN: %{npy} show %t.y.npy | FileCheck %s
// CHECK: <i4 (32,) 408 409 410 411 412 413 414 415 508 509 510 511 512 513 514 515 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0{{$}}

!map = !nvgpu.tensormap.descriptor<tensor = memref<4x8xi32, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global internal @buffer() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<32 x i32>
  llvm.mlir.global internal @full() {addr_space = 3 : i32, alignment = 8 : i64} : i64
  llvm.func @box(%map: !llvm.ptr, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c8 = llvm.mlir.constant(8 : i32) : i32
    %bytes = llvm.mlir.constant(128 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %shared = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %is_first = llvm.icmp "eq" %lane, %zero : i32
    nvvm.mbarrier.init %full, %c1, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.bar.warp.sync %all : i32
    %target = llvm.addrspacecast %shared : !llvm.ptr<3> to !llvm.ptr<7>
    nvvm.cp.async.bulk.tensor.shared.cluster.global %target, %map, %full, box[%c8, %c4] predicate = %is_first : !llvm.ptr<7>, !llvm.ptr
    nvvm.mbarrier.arrive.expect_tx %full, %bytes, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.mbarrier.try_wait.parity %full, %zero, %ticks : !llvm.ptr<3>, i32, i32
    %slot = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %value = llvm.load %slot : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %value, %to : i32, !llvm.ptr<1>
    llvm.return
  }
}

func.func @box(%x: memref<6x16xi32>) -> memref<32xi32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %y = memref.alloc() : memref<32xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<6x16xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<32xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<6x16xi32>, memref<6x16xi32>
  %any = memref.cast %in : memref<6x16xi32> to memref<*xi32>
  %map = nvgpu.tma.create.descriptor %any box[%c4, %c8] : memref<*xi32> -> !map
  %map_pointer = builtin.unrealized_conversion_cast %map : !map to !llvm.ptr
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<32xi32> -> index
  %out_bits = arith.index_cast %out_index : index to i64
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@box blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%map_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}
}
