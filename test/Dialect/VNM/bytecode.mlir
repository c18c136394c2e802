// Packed weights survive bytecode, which a pipe reads into a buffer of any place.
// RUN: vnm-opt %s --vnm-fold-weights -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: vnm-opt %t.mlir --emit-bytecode | vnm-opt -o %t.back.mlir
// RUN: cmp %t.mlir %t.back.mlir

// A schedule survives, too.
// CHECK-LABEL: func.func @scheduled
// CHECK: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>
func.func @scheduled(%v: memref<64x64xf16>, %m: memref<64x8xi16>, %c: memref<1x128xi16>, %x: memref<256x64xf16>, %y: memref<64x64xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x64xf16>, memref<64x8xi16>, memref<1x128xi16>, memref<256x64xf16>)
      outs(%y : memref<64x64xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>}
  return
}

// Alignments are at most 16.
// CHECK-DAG: fc.vnm_columns: "0x10000000
// CHECK-DAG: fc.vnm_metadata: "0x10000000
// CHECK-DAG: fc.vnm_values: "0x10000000
func.func @f() -> tensor<16x16xf32, #vnm.encoding<16:2:8>> {
  %w = arith.constant dense<2.0> : tensor<16x16xf32>
  %0 = vnm.compress %w {vnm.layer = "fc"} : tensor<16x16xf32> to tensor<16x16xf32, #vnm.encoding<16:2:8>>
  return %0 : tensor<16x16xf32, #vnm.encoding<16:2:8>>
}
