// RUN: vnm-opt %s --convert-nvvm-to-emulation --split-input-file | FileCheck %s
// RUN: vnm-opt %s --convert-nvvm-to-emulation --gpu-to-llvm --convert-launches-to-emulation --split-input-file | FileCheck %s --check-prefix=LAUNCH

// Kernels move to the module, with the thread first; a declaration is left behind.
// CHECK-DAG: llvm.mlir.global internal constant @kernels_copy_record() {{.*}} : !llvm.struct<(ptr, ptr, i32, i32, i32, i32, i32, i32, i32, i32, i32)>
// CHECK-DAG: llvm.mlir.addressof @kernels_copy_entry
// CHECK-DAG: llvm.mlir.global internal constant @vnm_emu_op("copy\00nvvm.read.ptx.sreg.tid.x #1\00{{.*}}.mlir:{{[0-9:]*}}\00")
// CHECK: llvm.func internal @kernels_copy(%[[THREAD:.+]]: !llvm.ptr, %[[X:.+]]: !llvm.ptr, %[[Y:.+]]: !llvm.ptr) {
// CHECK: %[[WINDOW:.+]] = llvm.call @vnm_emu_shared_window(%[[THREAD]])
// CHECK: llvm.call @vnm_emu_special_register(%[[THREAD]],
// The second variable lies behind the first, aligned to 16.
// CHECK: %[[SLOT:.+]] = llvm.getelementptr %[[WINDOW]][16]
// CHECK: llvm.call @vnm_emu_cp_async(%[[THREAD]], %{{.+}}, %[[SLOT]], %[[X]], %{{.+}}, %{{.+}})
// CHECK: llvm.call @vnm_emu_cp_async_commit
// CHECK: llvm.call @vnm_emu_cp_async_wait
// CHECK: llvm.call @vnm_emu_barrier
// CHECK: %[[ADDRESS:.+]] = llvm.call @vnm_emu_shared_to_integer(%[[THREAD]], %{{.+}}, %[[SLOT]])
// CHECK: llvm.trunc %[[ADDRESS]] : i64 to i32
// Accesses stay, after their checks: 16 bytes aligned to 8, 3 = shared, 0 = read.
// CHECK-DAG: %[[C16:.+]] = llvm.mlir.constant(16 : i64) : i64
// CHECK-DAG: %[[C8:.+]] = llvm.mlir.constant(8 : i32) : i32
// CHECK-DAG: %[[SHARED:.+]] = llvm.mlir.constant(3 : i32) : i32
// CHECK-DAG: %[[READ:.+]] = llvm.mlir.constant(0 : i32) : i32
// CHECK: llvm.call @vnm_emu_access(%[[THREAD]], %{{.+}}, %[[SLOT]], %[[C16]], %[[C8]], %[[SHARED]], %[[READ]])
// CHECK-NEXT: %[[VALUE:.+]] = llvm.load %[[SLOT]] {alignment = 8 : i64} : !llvm.ptr -> vector<4xf32>
// CHECK: llvm.call @vnm_emu_access(%[[THREAD]], %{{.+}}, %[[Y]],
// CHECK-NEXT: llvm.store %[[VALUE]], %[[Y]]
// CHECK: llvm.func internal @kernels_copy_entry(%[[THREAD:.+]]: !llvm.ptr, %[[ARGUMENTS:.+]]: !llvm.ptr)
// CHECK: llvm.call @kernels_copy(%[[THREAD]], %{{.+}}, %{{.+}})
// CHECK: gpu.module @kernels
// CHECK-NEXT: llvm.func @copy(!llvm.ptr, !llvm.ptr) attributes {gpu.kernel, vnm.record = @kernels_copy_record}

// A launch passes the record where a GPU's driver takes its function.
// LAUNCH-NOT: gpu.module
// LAUNCH: llvm.func @launch
// LAUNCH: %[[RECORD:.+]] = llvm.mlir.addressof @kernels_copy_record
// LAUNCH: llvm.call @mgpuLaunchKernel(%[[RECORD]],
// LAUNCH: llvm.call @mgpuStreamSynchronize
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.mlir.global internal @first() {addr_space = 3 : i32, alignment = 4 : i64} : !llvm.array<3 x i32>
    llvm.mlir.global internal @second() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4 x f32>
    llvm.func @copy(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
      %thread = nvvm.read.ptx.sreg.tid.x : i32
      %unused = llvm.mlir.addressof @first : !llvm.ptr<3>
      %slot = llvm.mlir.addressof @second : !llvm.ptr<3>
      nvvm.cp.async.shared.global %slot, %x, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 0
      nvvm.barrier0
      %address = llvm.ptrtoint %slot : !llvm.ptr<3> to i32
      %value = llvm.load %slot {alignment = 8 : i64} : !llvm.ptr<3> -> vector<4xf32>
      llvm.store %value, %y : vector<4xf32>, !llvm.ptr<1>
      llvm.return
    }
  }
  func.func @launch(%x: !llvm.ptr, %y: !llvm.ptr) {
    %c1 = arith.constant 1 : index
    %t = gpu.wait async
    %done = gpu.launch_func async [%t] @kernels::@copy blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
        args(%x : !llvm.ptr, %y : !llvm.ptr)
    gpu.wait [%done]
    return
  }
}

// -----

// A predicate becomes a branch; functions of the module get the thread, too.
// CHECK-LABEL: llvm.func internal @calls_helper(
// CHECK-SAME: %[[THREAD:.+]]: !llvm.ptr, %[[BARRIER:.+]]: !llvm.ptr, %[[FIRST:.+]]: i1)
// CHECK: llvm.cond_br %[[FIRST]], ^[[THEN:.+]], ^[[AFTER:.+]]
// CHECK: ^[[THEN]]:
// CHECK: llvm.call @vnm_emu_mbarrier_init(%[[THREAD]], %{{.+}}, %[[BARRIER]], %{{.+}})
// CHECK: llvm.br ^[[AFTER]]
// CHECK-LABEL: llvm.func internal @calls_kernel(
// CHECK-SAME: %[[THREAD:.+]]: !llvm.ptr)
// CHECK: llvm.call @calls_helper(%[[THREAD]], %{{.+}}, %{{.+}}) : (!llvm.ptr, !llvm.ptr, i1) -> ()
module attributes {gpu.container_module} {
  gpu.module @calls {
    llvm.mlir.global internal @barrier() {addr_space = 3 : i32} : i64
    llvm.func @helper(%barrier: !llvm.ptr<3>, %is_first: i1) {
      %c1 = llvm.mlir.constant(1 : i32) : i32
      nvvm.mbarrier.init %barrier, %c1, predicate = %is_first : !llvm.ptr<3>, i32, i1
      llvm.return
    }
    llvm.func @kernel() attributes {gpu.kernel, nvvm.kernel} {
      %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
      %yes = llvm.mlir.constant(true) : i1
      llvm.call @helper(%barrier, %yes) : (!llvm.ptr<3>, i1) -> ()
      llvm.return
    }
  }
}

// -----

// The sums of a wgmma go to the next one as they are; a part is taken where it is
// used, after they were resolved.
// CHECK-LABEL: llvm.func internal @sums_kernel(
// CHECK: llvm.call @vnm_emu_wgmma(
// CHECK-NOT: vnm_emu_wgmma_use
// CHECK: llvm.call @vnm_emu_wgmma(
// CHECK: llvm.call @vnm_emu_wgmma_commit
// CHECK: llvm.call @vnm_emu_wgmma_wait
// CHECK: llvm.call @vnm_emu_wgmma_use(
// CHECK: llvm.extractvalue
// CHECK: llvm.store
!sums = !llvm.struct<(f32, f32, f32, f32)>
module attributes {gpu.container_module} {
  gpu.module @sums {
    llvm.func @kernel(%a: i64, %b: i64, %y: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
      %none = llvm.mlir.undef : !sums
      %first = nvvm.wgmma.mma_async %a, %b, %none, <m = 64, n = 8, k = 16>, D [<f32>, <zero>], A [<f16>, <one>, <row>], B [<f16>, <one>, <col>] : !sums -> !sums
      %second = nvvm.wgmma.mma_async %a, %b, %first, <m = 64, n = 8, k = 16>, D [<f32>, <one>], A [<f16>, <one>, <row>], B [<f16>, <one>, <col>] : !sums -> !sums
      %part = llvm.extractvalue %second[0] : !sums
      nvvm.wgmma.commit.group.sync.aligned
      nvvm.wgmma.wait.group.sync.aligned 0
      llvm.store %part, %y : f32, !llvm.ptr<1>
      llvm.return
    }
  }
}
