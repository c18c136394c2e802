// RUN: vnm-opt %s --convert-nvvm-to-emulation --split-input-file --verify-diagnostics

gpu.module @kernels {
  llvm.func @f() attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires an op with an emulation, but 'nvvm.breakpoint' has none}}
    nvvm.breakpoint
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @f(%x: f32) attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires an op with an emulation, but the intrinsic llvm.nvvm.ex2.approx.f has none}}
    %0 = llvm.call_intrinsic "llvm.nvvm.ex2.approx.f"(%x) : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @f() attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires an op with an emulation, but inline PTX has none: nop;}}
    llvm.inline_asm has_side_effects "nop;", "" : () -> ()
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @f(%a: vector<2xf16>, %b: f32, %m: i32, %s: i32) attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires a constant sparsity selector, as it is an immediate in PTX}}
    %0 = nvvm.mma.sp.sync A[%a, %a, %a, %a] B[%a, %a, %a, %a] C[%b, %b, %b, %b] sparseMetadata[%m] selector[%s]
        {orderedMetadata, multiplicandAPtxType = #nvvm.mma_type<f16>, multiplicandBPtxType = #nvvm.mma_type<f16>, shape = #nvvm.shape<m = 16, n = 8, k = 32>}
        : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.mlir.global internal constant @table(1 : i32) {addr_space = 4 : i32} : i32
  llvm.func @f() attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires a kernel's variables in shared memory, but @table is not}}
    %0 = llvm.mlir.addressof @table : !llvm.ptr<4>
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.mlir.global internal @buffer() {addr_space = 3 : i32} : i32
  llvm.func @helper() {
    // expected-error @below {{requires shared memory to be used by kernels, but a function that is none uses @buffer}}
    %0 = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @outside()
  llvm.func @f() attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{requires calls in a kernel to name a function with a body, but outside has none}}
    llvm.call @outside() : () -> ()
    llvm.return
  }
}

// -----

gpu.module @kernels {
  // expected-error @below {{requires a kernel module of the LLVM dialect, but it has 'gpu.func'}}
  gpu.func @f() kernel {
    gpu.return
  }
}
