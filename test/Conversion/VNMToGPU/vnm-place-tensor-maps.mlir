// RUN: vnm-opt %s --pass-pipeline="builtin.module(gpu.module(vnm-place-tensor-maps))" --split-input-file --verify-diagnostics | FileCheck %s

gpu.module @kernels {
  // CHECK: llvm.func @places(%{{.*}}: i64, %[[MAP:.+]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant})
  // CHECK-NEXT: nvvm.prefetch tensormap, %[[MAP]] : !llvm.ptr
  llvm.func @places(%n: i64, %map: !llvm.array<16 x i64>) attributes {gpu.kernel, nvvm.kernel} {
    %address = builtin.unrealized_conversion_cast %map : !llvm.array<16 x i64> to !llvm.ptr
    nvvm.prefetch tensormap, %address : !llvm.ptr
    llvm.return
  }
  // CHECK: llvm.func @has_none(%{{.*}}: i64)
  llvm.func @has_none(%n: i64) attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @uses_the_map_itself(%map: !llvm.array<16 x i64>) attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @+1 {{requires a tensor map to be converted to its address, but the kernel's argument 0 is used itself}}
    %word = llvm.extractvalue %map[0] : !llvm.array<16 x i64>
    llvm.return
  }
}
