// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=wgmma_sp" --split-input-file --verify-diagnostics
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_80 family=wgmma_sp" --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=wgmma" 2>&1 | FileCheck %s --check-prefix=FAMILY
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=wgmma_sp token-tile=32" --split-input-file 2>&1 | FileCheck %s --check-prefix=TILE
// CHIP: requires chip sm_90a, but it is sm_80 (family wgmma_sp)
// FAMILY: requires family to be auto, mma_sp, wgmma_sp or skinny, but it is 'wgmma'
// TILE: requires tiles of 64, 128, 192 or 256 tokens, but token-tile is 32

func.func @small_v(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<2x32xi16>,
                   %x: memref<64x64xf16>, %y: memref<64x64xf16>) {
  // expected-error @+1 {{requires V of at least 64, but it is 32 (family wgmma_sp)}}
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<2x32xi16>, memref<64x64xf16>)
      outs(%y : memref<64x64xf16>)
  return
}

// -----

func.func @token_major(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                       %x: memref<64x64xf16>, %y: memref<64x64xf16>) {
  // expected-error @+1 {{requires feature-major activations, but they are token-major}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x64xf16>)
      outs(%y : memref<64x64xf16>) {x_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

func.func @token_major_permuted(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                                %x: memref<64x64xf16>, %y: memref<64x64xf16>, %rows: memref<64xi32>) {
  // expected-error @+1 {{requires rows in order for token-major results, but they are permuted}}
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x64xf16>)
      rows(%rows : memref<64xi32>)
      outs(%y : memref<64x64xf16>) {y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

func.func @dynamic_tokens(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                          %x: memref<64x?xf16>, %y: memref<64x?xf16>) {
  // expected-error @+1 {{requires a static number of tokens, but it is dynamic}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x?xf16>)
      outs(%y : memref<64x?xf16>)
  return
}

// -----

func.func @dynamic_batch(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                         %x: memref<?x64x64xf16>, %y: memref<?x64x64xf16>) {
  // expected-error @+1 {{requires static batch dimensions, but one is dynamic}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<?x64x64xf16>)
      outs(%y : memref<?x64x64xf16>)
  return
}

// -----

func.func @odd_tokens(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                      %x: memref<64x60xf16>, %y: memref<64x60xf16>) {
  // expected-error @+1 {{requires a positive multiple of 8 tokens, but there are 60}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x60xf16>)
      outs(%y : memref<64x60xf16>)
  return
}

// -----

func.func @f64_result(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                      %x: memref<64x64xf16>, %y: memref<64x64xf64>) {
  // expected-error @+1 {{requires a result of f16, bf16 or f32, but it is f64}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x64xf16>)
      outs(%y : memref<64x64xf64>)
  return
}

// -----

func.func @i8_weight(%v: memref<64x16xi8>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                     %x: memref<64x64xi8>, %y: memref<64x64xi32>) {
  // expected-error @+1 {{requires a weight of f16 or bf16, but it is i8 (family wgmma_sp)}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xi8>, memref<64x2xi16>, memref<1x32xi16>, memref<64x64xi8>)
      outs(%y : memref<64x64xi32>)
  return
}
