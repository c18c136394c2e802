// Warpgroups that share out registers: as many as there are, and too many.
// DEFINE: %{npy} = %python %S/../Tools/Inputs/npy.py
// RUN: %{npy} write %t.x.npy '<i4' 1 216
// DEFINE: %{run} = vnm-runner %s --target=emulate --pipeline='convert-nvvm-to-emulation,func.func(vnm-record-signature,llvm-request-c-wrappers),gpu-to-llvm,reconcile-unrealized-casts,convert-launches-to-emulation' --arg=%t.x.npy --out=%t.y.npy
// RUN: %{run} --entry=enough
// RUN: %{npy} show %t.y.npy | FileCheck %s --check-prefix=ENOUGH
// ENOUGH: <i4 (1,) 216
// RUN: not %{run} --entry=excess 2>&1 | FileCheck %s --check-prefix=EXCESS
// EXCESS: error: nvvm.setmaxregister #{{.*}}: requires at most 65536 registers in a CTA, but its warpgroups now have 70656 {{.*}} [instruction]

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.func @enough(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c128 = llvm.mlir.constant(128 : i32) : i32
    nvvm.griddepcontrol wait
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %is_producer = llvm.icmp "ult" %thread, %c128 : i32
    llvm.cond_br %is_producer, ^produce, ^consume
  ^produce:
    nvvm.setmaxregister decrease 72
    llvm.br ^done
  ^consume:
    nvvm.setmaxregister increase 216
    llvm.br ^done
  ^done:
    nvvm.barrier0
    nvvm.griddepcontrol launch_dependents
    %zero = llvm.mlir.constant(0 : i32) : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^store, ^return
  ^store:
    %value = llvm.load %in : !llvm.ptr<1> -> i32
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.br ^return
  ^return:
    llvm.return
  }
  llvm.func @excess(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %c128 = llvm.mlir.constant(128 : i32) : i32
    nvvm.griddepcontrol wait
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %is_producer = llvm.icmp "ult" %thread, %c128 : i32
    llvm.cond_br %is_producer, ^produce, ^consume
  ^produce:
    nvvm.setmaxregister decrease 72
    llvm.br ^done
  ^consume:
    nvvm.setmaxregister increase 240
    llvm.br ^done
  ^done:
    nvvm.barrier0
    nvvm.griddepcontrol launch_dependents
    %zero = llvm.mlir.constant(0 : i32) : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^store, ^return
  ^store:
    %value = llvm.load %in : !llvm.ptr<1> -> i32
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.br ^return
  ^return:
    llvm.return
  }
}

func.func @enough(%x: memref<1xi32>) -> memref<1xi32> {
  %c1 = arith.constant 1 : index
  %c384 = arith.constant 384 : index
  %y = memref.alloc() : memref<1xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<1xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<1xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<1xi32>, memref<1xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<1xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<1xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@enough blocks in (%c1, %c1, %c1)
      threads in (%c384, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<1xi32>, memref<1xi32>
  gpu.wait [%t5]
  return %y : memref<1xi32>
}

func.func @excess(%x: memref<1xi32>) -> memref<1xi32> {
  %c1 = arith.constant 1 : index
  %c384 = arith.constant 384 : index
  %y = memref.alloc() : memref<1xi32>
  %t0 = gpu.wait async
  %in, %t1 = gpu.alloc async [%t0] () : memref<1xi32>
  %out, %t2 = gpu.alloc async [%t1] () : memref<1xi32>
  %t3 = gpu.memcpy async [%t2] %in, %x : memref<1xi32>, memref<1xi32>
  %in_index = memref.extract_aligned_pointer_as_index %in : memref<1xi32> -> index
  %out_index = memref.extract_aligned_pointer_as_index %out : memref<1xi32> -> index
  %in_bits = arith.index_cast %in_index : index to i64
  %out_bits = arith.index_cast %out_index : index to i64
  %in_pointer = llvm.inttoptr %in_bits : i64 to !llvm.ptr
  %out_pointer = llvm.inttoptr %out_bits : i64 to !llvm.ptr
  %t4 = gpu.launch_func async [%t3] @kernels::@excess blocks in (%c1, %c1, %c1)
      threads in (%c384, %c1, %c1) args(%in_pointer : !llvm.ptr, %out_pointer : !llvm.ptr)
  %t5 = gpu.memcpy async [%t4] %y, %out : memref<1xi32>, memref<1xi32>
  gpu.wait [%t5]
  return %y : memref<1xi32>
}
}
