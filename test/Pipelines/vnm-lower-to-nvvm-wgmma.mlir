// NVIDIA's assembler compiles the widest tiles of wgmma_sp without spilling in the
// main loop and without serialising its multiplications.
// REQUIRES: ptxas
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=wgmma_sp" | %python %S/Inputs/ptx.py > %t.ptx
// RUN: %ptxas -arch=sm_90a -v %t.ptx -o %t.cubin 2>&1 | FileCheck %s

// CHECK-NOT: serialized
// CHECK: Compiling entry function 'spmm_0' for 'sm_90a'
// CHECK: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// CHECK-NOT: serialized
// CHECK: Used 168 registers
func.func @f(%v: memref<4096x1024xf16>, %m: memref<4096x128xi16>, %c: memref<32x2048xi16>,
             %x: memref<4096x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<4096x1024xf16>, memref<4096x128xi16>, memref<32x2048xi16>, memref<4096x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}
