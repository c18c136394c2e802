// The tool translates kernels to PTX, with no toolkit installed.
// RUN: vnm-opt %s --nvvm-attach-target="chip=sm_80" --gpu-module-to-binary=format=isa | FileCheck %s

// CHECK: gpu.binary @kernels
// CHECK-SAME: .target sm_80
gpu.module @kernels {
  llvm.func @noop() attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}
