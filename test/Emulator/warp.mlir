// What the lanes of a warp do together: shuffles, votes, the leader, matrices.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 32 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy

module attributes {gpu.container_module} {
gpu.module @kernels {
  // RUN: %{run} --entry=shuffle
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=SHUFFLE
  // Values of lane ^ 1, lane - 2, lane + 2 within halves, and lane 5, packed.
  // SHUFFLE: <i4 (32,) 16974082 17039873
  llvm.func @shuffle(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c5 = llvm.mlir.constant(5 : i32) : i32
    %c8 = llvm.mlir.constant(8 : i32) : i32
    %c16 = llvm.mlir.constant(16 : i32) : i32
    %c24 = llvm.mlir.constant(24 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %from = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    %halves = llvm.mlir.constant(4111 : i32) : i32
    %bfly = nvvm.shfl.sync bfly %all, %value, %c1, %c31 : i32 -> i32
    %up = nvvm.shfl.sync up %all, %value, %c2, %c0 : i32 -> i32
    %down = nvvm.shfl.sync down %all, %value, %c2, %halves : i32 -> i32
    %pair = nvvm.shfl.sync idx %all, %value, %c5, %c31 {return_value_and_is_valid} : i32 -> !llvm.struct<(i32, i1)>
    %idx = llvm.extractvalue %pair[0] : !llvm.struct<(i32, i1)>
    %a = llvm.shl %up, %c8 : i32
    %b = llvm.shl %down, %c16 : i32
    %valid = llvm.extractvalue %pair[1] : !llvm.struct<(i32, i1)>
    %wide = llvm.zext %valid : i1 to i32
    %c = llvm.shl %wide, %c24 : i32
    %ab = llvm.or %a, %b : i32
    %abc = llvm.or %ab, %c : i32
    %sum = llvm.or %abc, %bfly : i32
    %is_six = llvm.icmp "eq" %idx, %c5 : i32
    %result = llvm.select %is_six, %c0, %sum : i1, i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %result, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // RUN: %{run} --entry=vote
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=VOTE
  // Odd values are in even lanes; lane 0 leads.
  // VOTE: <i4 (32,) 1431655766 1431655765 1431655765
  llvm.func @vote(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %from = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    %odd = llvm.trunc %value : i32 to i1
    %ballot = nvvm.vote.sync ballot %all, %odd -> i32
    %any = nvvm.vote.sync any %all, %odd -> i1
    %every = nvvm.vote.sync all %all, %odd -> i1
    %leader = nvvm.elect.sync -> i1
    %one = llvm.zext %leader : i1 to i32
    %sum = llvm.add %ballot, %one : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %no = llvm.select %every, %zero, %sum : i1, i32
    %result = llvm.select %any, %no, %zero : i1, i32
    nvvm.bar.warp.sync %all : i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %result, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // A matrix through shared memory: stored by columns, loaded by rows, pairs of
  // rows exchanged; lane 4 g + q holds elements 2 q, 2 q + 1 of row g. So lane 5
  // gets elements 2 and 3 of row 0, which were rows 2 and 3 of column 0: the low
  // halves of lanes 8 and 12.
  // RUN: %{run} --entry=matrix
  // RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=MATRIX
  // MATRIX: <i4 (32,) 0 0 0 0 327681 851977 1376273 1900569
  llvm.mlir.global internal @rows() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<128 x i8>
  llvm.func @matrix(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %c7 = llvm.mlir.constant(7 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %from = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %from : !llvm.ptr<1> -> i32
    %shared = llvm.mlir.addressof @rows : !llvm.ptr<3>
    %row = llvm.and %lane, %c7 : i32
    %address = llvm.getelementptr %shared[%row] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<8 x i16>
    nvvm.stmatrix %address, %value {layout = #nvvm.mma_layout<col>, eltType = #nvvm.ld_st_matrix_elt_type<b16>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : !llvm.ptr<3>, i32
    nvvm.bar.warp.sync %all : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %neighbour = llvm.xor %row, %c1 : i32
    %other = llvm.getelementptr %shared[%neighbour] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<8 x i16>
    %loaded = nvvm.ldmatrix %other {num = 1 : i32, layout = #nvvm.mma_layout<row>, eltType = #nvvm.ld_st_matrix_elt_type<b16>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : (!llvm.ptr<3>) -> i32
    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %loaded, %to : i32, !llvm.ptr<1>
    llvm.return
  }
}

func.func @shuffle(%x: memref<32xi32>) -> memref<32xi32> {
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
  %t4 = gpu.launch_func async [%t3] @kernels::@shuffle blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}

func.func @vote(%x: memref<32xi32>) -> memref<32xi32> {
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
  %t4 = gpu.launch_func async [%t3] @kernels::@vote blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}

func.func @matrix(%x: memref<32xi32>) -> memref<32xi32> {
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
  %t4 = gpu.launch_func async [%t3] @kernels::@matrix blocks in (%c1, %c1, %c1)
      threads in (%c32, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<32xi32>, memref<32xi32>
  gpu.wait [%t5]
  return %y : memref<32xi32>
}
}
