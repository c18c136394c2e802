// Windows that a tuner may measure: of 128 and 256 rows, where that copies fewer rows of
// x than would be gathered.
// RUN: vnm-opt %s --vnm-list-schedules="chip=sm_80" -o /dev/null | FileCheck %s

// Of V = 64 and M = 8, a window of two panels has as many rows as are gathered.
// CHECK:      "pattern": "64:2:8"
// CHECK-NOT:  "window": 2
// CHECK:      "row_tile": 256,
// CHECK-NEXT: "token_tile": 64,
// CHECK-NEXT: "window": 4
// CHECK:      "row_tile": 256,
// CHECK-NEXT: "token_tile": 128,
// CHECK-NEXT: "window": 4
// CHECK-NOT:  "window"
// CHECK:      "pattern": "64:2:4"
// CHECK:      "row_tile": 128,
// CHECK-NEXT: "token_tile": 64,
// CHECK-NEXT: "window": 2
// CHECK:      "window": 4
func.func @lists(%v8: memref<512x128xf16>, %m8: memref<512x16xi16>, %c8: memref<8x256xi16>,
    %v4: memref<512x256xf16>, %m4: memref<512x32xi16>, %c4: memref<8x512xi16>,
    %x: memref<512x512xf16>, %y: memref<512x512xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v8, %m8, %c8, %x : memref<512x128xf16>, memref<512x16xi16>, memref<8x256xi16>, memref<512x512xf16>)
      outs(%y : memref<512x512xf16>)
  vnm.spmm #vnm.encoding<64:2:4>
      ins(%v4, %m4, %c4, %x : memref<512x256xf16>, memref<512x32xi16>, memref<8x512xi16>, memref<512x512xf16>)
      outs(%y : memref<512x512xf16>)
  return
}

// None where columns may lie anywhere, nor of few tokens.
// CHECK:     "pattern": "64:2:8"
// CHECK-NOT: "window"
func.func @lists_none(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<4x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>, %x48: memref<512x48xf16>, %y48: memref<256x48xf16>) {
  vnm.spmm #vnm.encoding<64:2:8, form = free>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>)
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x48 : memref<256x128xf16>, memref<256x16xi16>, memref<4x256xi16>, memref<512x48xf16>)
      outs(%y48 : memref<256x48xf16>)
  return
}
