// Windows that the product or the chip does not admit.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file --verify-diagnostics

func.func @bytes(%v: memref<256x128xi8>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xi8>, %y: memref<256x256xi32>) {
  // expected-error @+1 {{requires a weight of f16 or bf16 for a window, but it is i8}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xi8>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xi8>)
      outs(%y : memref<256x256xi32>) {schedule = #vnm.schedule<family = mma_sp, window = 4>}
  return
}

// -----

func.func @token_major(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<256x512xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires x to be feature-major for a window, but it is token-major}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<256x512xf16>)
      outs(%y : memref<256x256xf16>) {x_layout = #vnm.activation_layout<token_major>, schedule = #vnm.schedule<family = mma_sp, window = 4>}
  return
}

// -----

func.func @free_form(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires a weight of form = strict for a window, as a group's columns must lie in its block, but its form is free}}
  vnm.spmm #vnm.encoding<64:2:8, form = free>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, window = 4>}
  return
}

// -----

func.func @odd_window(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires a window of a power of two of panels, 64 to 256 rows together, but it has 3 of V = 64}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, window = 3>}
  return
}

// -----

func.func @large_window(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires a window of a power of two of panels, 64 to 256 rows together, but it has 8 of V = 64}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, window = 8>}
  return
}

// -----

func.func @small_window(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<16x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires a window of a power of two of panels, 64 to 256 rows together, but it has 2 of V = 16}}
  vnm.spmm #vnm.encoding<16:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<16x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, window = 2>}
  return
}

// -----

func.func @other_rows(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires tiles of 256 rows, which are 4 panels of V = 64, but they have 128}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, row_tile = 128, window = 4>}
  return
}

// -----

func.func @many_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires 16 to 128 tokens in tiles of 128 rows, but they have 256}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, token_tile = 256, window = 2>}
  return
}

// -----

func.func @shared_memory(%v: memref<256x32xf16>, %m: memref<256x4xi16>, %c: memref<4x64xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  // expected-error @+1 {{requires 286976 bytes of shared memory, but each of 1 CTAs of an SM has 232448}}
  vnm.spmm #vnm.encoding<64:2:32>
      ins(%v, %m, %c, %x : memref<256x32xf16>, memref<256x4xi16>, memref<4x64xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, token_tile = 128, window = 2>}
  return
}
