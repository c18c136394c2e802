// NVIDIA's assembler compiles skinny kernels for every instruction set without
// spilling: few and most tokens, rows of any alignment.
// REQUIRES: ptxas
// DEFINE: %{chip} = sm_90a
// DEFINE: %{assemble} = vnm-opt %s --vnm-lower-to-nvvm="chip=%{chip} family=skinny" | %python %S/Inputs/ptx.py > %t.ptx && \
// DEFINE:   %ptxas -arch=%{chip} -v %t.ptx -o %t.cubin 2>&1 | FileCheck %s
// RUN: %{assemble}
// REDEFINE: %{chip} = sm_80
// RUN: %{assemble}
// REDEFINE: %{chip} = sm_86
// RUN: %{assemble}
// REDEFINE: %{chip} = sm_89
// RUN: %{assemble}

// CHECK-COUNT-4: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
func.func @one_token(%v: memref<4096x1024xf16>, %m: memref<4096x128xi16>, %c: memref<32x2048xi16>,
                     %x: memref<4096x1xf16>, %y: memref<4096x1xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<4096x1024xf16>, memref<4096x128xi16>, memref<32x2048xi16>, memref<4096x1xf16>)
      outs(%y : memref<4096x1xf16>)
  return
}

func.func @few_tokens(%v: memref<28672x2048xf16>, %m: memref<28672x256xi16>, %c: memref<224x4096xi16>,
                      %x: memref<8192x16xf16>, %y: memref<28672x16xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<28672x2048xf16>, memref<28672x256xi16>, memref<224x4096xi16>, memref<8192x16xf16>)
      outs(%y : memref<28672x16xf16>)
  return
}

func.func @odd_rows(%v: memref<28672x3278xf16>, %m: memref<28672x410xi16>, %c: memref<224x6556xi16>,
                    %x: memref<8192x16xf16>, %y: memref<28672x16xf16>) {
  vnm.spmm #vnm.encoding<128:2:5>
      ins(%v, %m, %c, %x : memref<28672x3278xf16>, memref<28672x410xi16>, memref<224x6556xi16>, memref<8192x16xf16>)
      outs(%y : memref<28672x16xf16>)
  return
}

func.func @most_tokens(%v: memref<4096x1638xf16>, %m: memref<4096x205xi16>, %c: memref<32x3276xi16>,
                       %x: memref<4095x64xf16>, %y: memref<4096x64xf16>) {
  vnm.spmm #vnm.encoding<128:2:5>
      ins(%v, %m, %c, %x : memref<4096x1638xf16>, memref<4096x205xi16>, memref<32x3276xi16>, memref<4095x64xf16>)
      outs(%y : memref<4096x64xf16>)
  return
}
