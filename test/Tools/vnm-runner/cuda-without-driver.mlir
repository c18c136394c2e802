// Without a driver, --target=cuda says so before anything is lowered.
// UNSUPPORTED: cuda
// RUN: not vnm-runner %s --target=cuda 2>&1 | FileCheck %s
// CHECK: error: requires a CUDA driver for --target=cuda, but libcuda.so.1: cannot open shared object file
func.func @main() {
  return
}
