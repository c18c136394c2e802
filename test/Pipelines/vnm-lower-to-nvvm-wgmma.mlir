// NVIDIA's assembler compiles wgmma_sp without spilling and without serialising its
// multiplications: the widest tiles; rows whose metadata is not aligned; two rings; few
// tokens.
// REQUIRES: ptxas
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=wgmma_sp" | %python %S/Inputs/ptx.py > %t.ptx
// RUN: %ptxas -arch=sm_90a -v %t.ptx -o %t.cubin 2>&1 | FileCheck %s --implicit-check-not=serialized

// CHECK-COUNT-4: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
func.func @wide(%v: memref<4096x1024xf16>, %m: memref<4096x128xi16>, %c: memref<32x2048xi16>,
                %x: memref<4096x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<4096x1024xf16>, memref<4096x128xi16>, memref<32x2048xi16>, memref<4096x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}

func.func @unaligned(%v: memref<4096x1640xf16>, %m: memref<4096x205xi16>, %c: memref<32x3280xi16>,
                     %x: memref<4096x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<128:2:5>
      ins(%v, %m, %c, %x : memref<4096x1640xf16>, memref<4096x205xi16>, memref<32x3280xi16>, memref<4096x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}

func.func @two_rings(%v: memref<4096x1024xf16>, %m: memref<4096x128xi16>, %c: memref<64x2048xi16>,
                     %x: memref<4096x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<4096x1024xf16>, memref<4096x128xi16>, memref<64x2048xi16>, memref<4096x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}

func.func @few_tokens(%v: memref<4096x1024xf16>, %m: memref<4096x128xi16>, %c: memref<32x2048xi16>,
                      %x: memref<4096x128xf16>, %y: memref<4096x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<4096x1024xf16>, memref<4096x128xi16>, memref<32x2048xi16>, memref<4096x128xf16>)
      outs(%y : memref<4096x128xf16>)
  return
}
