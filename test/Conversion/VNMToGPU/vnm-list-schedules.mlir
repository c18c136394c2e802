// RUN: vnm-opt %s --vnm-list-schedules="chip=sm_90a" -o /dev/null | FileCheck %s
// RUN: vnm-opt %s --vnm-list-schedules="chip=sm_80 file=%t.json" -o /dev/null
// RUN: FileCheck %s --check-prefix=SM80 < %t.json
// SM80-NOT: wgmma_sp
// RUN: FileCheck %s --check-prefix=SKINNY < %t.json

// Each product once, on memrefs or tensors; tiles of which half would do are left out.
// CHECK:      {
// CHECK-NEXT:   "chip": "sm_90a",
// CHECK-NEXT:   "products": [
// CHECK-NEXT:     {
// CHECK-NEXT:       "cols": 512,
// CHECK-NEXT:       "dtype": "f16",
// CHECK-NEXT:       "pattern": "128:2:8",
// CHECK-NEXT:       "rows": 256,
// CHECK-NEXT:       "schedules": [
// CHECK-NEXT:         {
// CHECK-NEXT:           "family": "mma_sp",
// CHECK-NEXT:           "fields": {
// CHECK-NEXT:             "row_tile": 32,
// CHECK-NEXT:             "token_tile": 64
// CHECK-NEXT:           }
// CHECK-NEXT:         },
// CHECK-COUNT-5:      "family": "mma_sp",
// CHECK-NOT:          "family": "mma_sp",
// CHECK:                "family": "wgmma_sp",
// CHECK-NEXT:           "fields": {
// CHECK-NEXT:             "token_tile": 64
// CHECK:                  "token_tile": 128
// CHECK-NOT:              "token_tile": 256
// CHECK:            "tokens": 128,
// CHECK-NEXT:       "weight_layout": "canonical",
// CHECK-NEXT:       "x_layout": "feature_major",
// CHECK-NEXT:       "y_layout": "feature_major"
// CHECK:            "tokens": null,
// CHECK-NOT:        "products"
// CHECK:            "dtype": "bf16",
// CHECK:            "family": "wgmma_sp",
// CHECK:            "tokens": 192,
// CHECK:            "rows": 32,
// CHECK:            "tokens": 8,
// CHECK-NOT:        "tokens"
func.func @twice(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x128xf16>, %y: memref<256x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x128xf16>)
      outs(%y : memref<256x128xf16>)
  return
}
func.func @again(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x128xf16>, %y: memref<256x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x128xf16>)
      outs(%y : memref<256x128xf16>)
  return
}
func.func @dynamic(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x?xf16>, %y: memref<256x?xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x?xf16>)
      outs(%y : memref<256x?xf16>)
  return
}

func.func @batch(%v: tensor<64x64xbf16>, %m: tensor<64x8xi16>, %c: tensor<1x128xi16>, %x: tensor<3x256x64xbf16>,
    %y: tensor<3x64x64xbf16>) -> tensor<3x64x64xbf16> {
  %0 = vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : tensor<64x64xbf16>, tensor<64x8xi16>, tensor<1x128xi16>, tensor<3x256x64xbf16>)
      outs(%y : tensor<3x64x64xbf16>) -> tensor<3x64x64xbf16>
  return %0 : tensor<3x64x64xbf16>
}

// Of skinny, every pair of fields that V and the shared memory admit.
// SKINNY: "rows": 32,
// SKINNY-COUNT-6: "family": "skinny"
// SKINNY-NOT: "family": "skinny"
// SKINNY: "tokens": 8
func.func @few_tokens(%v: memref<32x64xf16>, %m: memref<32x8xi16>, %c: memref<1x128xi16>,
    %x: memref<256x8xf16>, %y: memref<32x8xf16>) {
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<32x64xf16>, memref<32x8xi16>, memref<1x128xi16>, memref<256x8xf16>)
      outs(%y : memref<32x8xf16>)
  return
}
