// A schedule decides; what it leaves open the family chooses, and the kernel's
// description says what became of it.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=mma_sp" --split-input-file | FileCheck %s
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s

// The token tile is 128 of a schedule, though 64 would be chosen, and the option
// family is not asked.
// CHECK-LABEL: func.func @tile_of_the_schedule
// CHECK: grid = {max_blocks = 132 : i64, row_tiles = 2 : i64, token_tile = 128 : i64}
// CHECK-SAME: schedule = {token_tile = 128 : i64}
func.func @tile_of_the_schedule(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>}
  return
}

// -----

// CHECK-LABEL: func.func @tile_of_the_family
// CHECK: schedule = {token_tile = 64 : i64}
func.func @tile_of_the_family(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp>}
  return
}

// -----

// CHECK-LABEL: func.func @family_of_the_schedule
// CHECK: vnm.kernel = {{{.*}}family = "mma_sp"{{.*}}schedule = {row_tile = 64 : i64, token_tile = 32 : i64}
// CHECK-NOT: wgmma
func.func @family_of_the_schedule(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = mma_sp, row_tile = 64>}
  return
}

// -----

// CHECK-LABEL: func.func @fields_of_skinny
// CHECK: vnm.kernel = {{{.*}}family = "skinny"
// CHECK-SAME: row_tiles = 16 : i64
// CHECK-SAME: schedule = {row_tile = 16 : i64, warps = 4 : i64}
// CHECK-SAME: threads = 128 : i64
func.func @fields_of_skinny(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x8xf16>, %y: memref<256x8xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x8xf16>)
      outs(%y : memref<256x8xf16>) {schedule = #vnm.schedule<family = skinny, row_tile = 16, warps = 4>}
  return
}
