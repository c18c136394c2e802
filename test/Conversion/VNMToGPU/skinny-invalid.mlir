// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=skinny" --split-input-file --verify-diagnostics
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_86 family=skinny" --split-input-file 2>&1 | FileCheck %s
// CHECK: requires feature-major activations, or that all of a batch entry's fit in half of 101376 bytes of shared memory, but they are token-major (family skinny)

func.func @dynamic_tokens(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                          %x: memref<64x?xf16>, %y: memref<64x?xf16>) {
  // expected-error @+1 {{requires a static number of tokens, but it is dynamic (family skinny)}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x?xf16>)
      outs(%y : memref<64x?xf16>)
  return
}

// -----

func.func @too_many_tokens(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                           %x: memref<64x65xf16>, %y: memref<64x65xf16>) {
  // expected-error @+1 {{requires 1 to 64 tokens, but there are 65 (family skinny)}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x65xf16>)
      outs(%y : memref<64x65xf16>)
  return
}

// -----

func.func @no_tokens(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                     %x: memref<64x0xf16>, %y: memref<64x0xf16>) {
  // expected-error @+1 {{requires 1 to 64 tokens, but there are 0 (family skinny)}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x0xf16>)
      outs(%y : memref<64x0xf16>)
  return
}

// -----

func.func @token_major(%v: memref<64x1024xf16>, %m: memref<64x128xi16>, %c: memref<1x2048xi16>,
                       %x: memref<16x4096xf16>, %y: memref<64x16xf16>) {
  // expected-error @+1 {{requires feature-major activations, or that all of a batch entry's fit in half of 232448 bytes of shared memory, but they are token-major}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x1024xf16>, memref<64x128xi16>, memref<1x2048xi16>, memref<16x4096xf16>)
      outs(%y : memref<64x16xf16>) {x_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

func.func @i8_weight(%v: memref<64x16xi8>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                     %x: memref<64x64xi8>, %y: memref<64x64xi32>) {
  // expected-error @+1 {{requires a weight of f16 or bf16, but it is i8 (family skinny)}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xi8>, memref<64x2xi16>, memref<1x32xi16>, memref<64x64xi8>)
      outs(%y : memref<64x64xi32>)
  return
}
