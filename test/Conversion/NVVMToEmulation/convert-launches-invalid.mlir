// RUN: vnm-opt %s --convert-launches-to-emulation --split-input-file --verify-diagnostics

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @f() attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @launch(%c1: i64) {
    // expected-error @below {{requires a kernel that convert-nvvm-to-emulation converted, but @kernels::@f is none}}
    gpu.launch_func @kernels::@f blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) : i64
    return
  }
}

// -----

module attributes {gpu.container_module} {
  llvm.mlir.global internal constant @record() : i32
  gpu.module @kernels {
    llvm.func @f() attributes {gpu.kernel, vnm.record = @record}
  }
  func.func @launch(%c1: index) {
    // expected-error @below {{requires operands of LLVM types, which gpu-to-llvm makes, but one is 'index'}}
    gpu.launch_func @kernels::@f blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
    return
  }
}

// -----

module attributes {gpu.container_module} {
  llvm.mlir.global internal constant @record() : i32
  gpu.module @kernels {
    llvm.func @f() attributes {gpu.kernel, vnm.record = @record}
  }
  func.func @launch(%c1: i64) {
    %t = gpu.wait async
    // expected-error @below {{requires a launch with a stream instead of tokens; gpu-to-llvm makes it one}}
    %done = gpu.launch_func async [%t] @kernels::@f blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) : i64
    return
  }
}
