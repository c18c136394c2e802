// Schedules that the chip or the problem does not admit.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file --verify-diagnostics
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_80" --split-input-file 2>&1 | FileCheck %s
// CHECK: requires chip sm_90a, but it is sm_80 (schedule #vnm.schedule<family = wgmma_sp>)

func.func @tile(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires tiles of 64, 128, 192 or 256 tokens, but token-tile is 96 (schedule #vnm.schedule<family = wgmma_sp, token_tile = 96>)}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 96>}
  return
}

// -----

func.func @family(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires family to be mma_sp, wgmma_sp or skinny, but it is 'wgmma'}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma>}
  return
}

// -----

func.func @field(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires fields of the schedule to be token_tile or cluster, but one is tile}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, tile = 64>}
  return
}

// -----

func.func @field_of_another_family(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires fields of the schedule to be row_tile, token_tile or window, but one is warps}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, warps = 4>}
  return
}

// -----

func.func @mma_rows(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires tiles of 16 to 128 rows, a power of two, but they have 256}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, row_tile = 256>}
  return
}

// -----

func.func @mma_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires tiles of a power of two of at most 256 tokens, but they have 48}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, token_tile = 48>}
  return
}

// -----

func.func @mma_registers(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires 16 to 128 tokens in tiles of 128 rows, but they have 256}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, row_tile = 128, token_tile = 256>}
  return
}

// -----

func.func @mma_elements(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x255xf16>, %y: memref<256x255xf16>) {
  // expected-error @+1 {{requires 16 to 64 tokens in tiles of 128 rows, but they have 128}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x255xf16>)
      outs(%y : memref<256x255xf16>) {schedule = #vnm.schedule<family = mma_sp, row_tile = 128, token_tile = 128>}
  return
}

// -----

func.func @odd_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x100xf16>, %y: memref<256x100xf16>) {
  // expected-error @+1 {{requires a positive multiple of 8 tokens, but there are 100}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x100xf16>)
      outs(%y : memref<256x100xf16>) {schedule = #vnm.schedule<family = wgmma_sp>}
  return
}

// -----

func.func @skinny_rows(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x8xf16>, %y: memref<256x8xf16>) {
  // expected-error @+1 {{requires tiles of 16, 32, 64 or 128 rows, but they have 8}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x8xf16>)
      outs(%y : memref<256x8xf16>) {schedule = #vnm.schedule<family = skinny, row_tile = 8>}
  return
}

// -----

func.func @skinny_warps(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x8xf16>, %y: memref<256x8xf16>) {
  // expected-error @+1 {{requires a power of two of at most 16 warps, but there are 6}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x8xf16>)
      outs(%y : memref<256x8xf16>) {schedule = #vnm.schedule<family = skinny, warps = 6>}
  return
}

// -----

func.func @skinny_panels(%v: memref<64x128xf16>, %m: memref<64x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x8xf16>, %y: memref<64x8xf16>) {
  // expected-error @+1 {{requires tiles of at most V = 32 rows, but they have 64}}
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<64x128xf16>, memref<64x16xi16>, memref<2x256xi16>, memref<512x8xf16>)
      outs(%y : memref<64x8xf16>) {schedule = #vnm.schedule<family = skinny, row_tile = 64>}
  return
}

// -----

func.func @gathers(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
                   %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires tensor copies, an even number of row tiles and tiles of 128 or 256 tokens for a cluster of 2 CTAs (schedule}}
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, cluster = 2>}
  return
}

// -----

func.func @large_cluster(%v: memref<256x64xf16>, %m: memref<256x8xi16>, %c: memref<2x128xi16>,
                         %x: memref<128x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires clusters of 1 or 2 CTAs, but cluster is 4 (schedule}}
  vnm.spmm #vnm.encoding<128:2:4>
      ins(%v, %m, %c, %x : memref<256x64xf16>, memref<256x8xi16>, memref<2x128xi16>, memref<128x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 256, cluster = 4>}
  return
}
