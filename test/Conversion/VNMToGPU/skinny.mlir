// The family skinny: what its kernels are made of, and when it is chosen.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_80" --split-input-file | FileCheck %s --check-prefix=AMPERE
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=mma_sp" --split-input-file | FileCheck %s --check-prefix=MMA
// AMPERE-NOT: griddepcontrol
// MMA-NOT: griddepcontrol

// Ids, then weights; channels only when the kernel before has ended.
// CHECK-LABEL: func.func @gathered
// CHECK: gpu.launch_func {{.*}} dynamic_shared_memory_size
// CHECK: gpu.func @spmm_0({{.*}}) kernel attributes {{.*}}vnm.kernel = {{.*}}dependent_launch = true{{.*}}family = "skinny"
// CHECK: nvvm.griddepcontrol launch_dependents
// CHECK: nvvm.cp.async.shared.global {{.*}}, 8, cache = ca
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg :
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: nvvm.bar.warp.sync
// CHECK: nvvm.griddepcontrol wait
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg, %
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK: nvvm.mma.sp.sync
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: memref.store
// AMPERE-LABEL: func.func @gathered
// AMPERE: nvvm.mma.sp.sync
// MMA-LABEL: func.func @gathered
// MMA: family = "mma_sp"
func.func @gathered(%v: memref<256x1024xf16>, %m: memref<256x128xi16>, %c: memref<2x2048xi16>,
                    %x: memref<4096x16xf16>, %y: memref<256x16xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x1024xf16>, memref<256x128xi16>, memref<2x2048xi16>, memref<4096x16xf16>)
      outs(%y : memref<256x16xf16>)
  return
}

// -----

// One token: all of x is brought to shared memory, by ordinary loads.
// CHECK-LABEL: func.func @one_token
// CHECK: nvvm.griddepcontrol wait
// CHECK: llvm.load {{.*}} : !llvm.ptr<1> -> vector<8xi16>
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> i16
// CHECK: nvvm.bar.warp.sync
// CHECK-NOT: layout = #nvvm.mma_layout<col>
// CHECK: nvvm.mma.sp.sync
func.func @one_token(%v: memref<256x1024xbf16>, %m: memref<256x128xi16>, %c: memref<4x2048xi16>,
                     %x: memref<1x4096xbf16>, %y: memref<1x256xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x1024xbf16>, memref<256x128xi16>, memref<4x2048xi16>, memref<1x4096xbf16>)
      outs(%y : memref<1x256xf32>) {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// Rows of odd length are copied in the aligned pieces they lie in: values are
// then loaded word by word, and the end of a row is copied word by word.
// CHECK-LABEL: func.func @odd_rows
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg :
// CHECK: nvvm.cp.async.shared.global {{.*}}, 4, cache = ca, %
// CHECK-NOT: layout = #nvvm.mma_layout<row>
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> i32
// CHECK: nvvm.mma.sp.sync
func.func @odd_rows(%v: memref<256x1638xf16>, %m: memref<256x205xi16>, %c: memref<2x3276xi16>,
                    %x: memref<4095x4xf16>, %y: memref<256x4xf16>) {
  vnm.spmm #vnm.encoding<128:2:5>
      ins(%v, %m, %c, %x : memref<256x1638xf16>, memref<256x205xi16>, memref<2x3276xi16>, memref<4095x4xf16>)
      outs(%y : memref<256x4xf16>)
  return
}

// -----

// More tokens are for other families, unless skinny is asked for.
// CHECK-LABEL: func.func @many_tokens
// CHECK-NOT: family = "skinny"
func.func @many_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                       %x: memref<512x24xf16>, %y: memref<256x24xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x24xf16>)
      outs(%y : memref<256x24xf16>)
  return
}
