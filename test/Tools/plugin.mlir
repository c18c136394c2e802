// Stock mlir-opt with the plugin gives the same IR as vnm-opt for the same
// passes. An instrumented plugin needs an instrumented host.
// UNSUPPORTED: asan
// DEFINE: %{pipeline} = --pass-pipeline='builtin.module(vnm-expand-storage,func.func(vnm-record-signature),one-shot-bufferize{bufferize-function-boundaries})'
// RUN: vnm-opt %s %{pipeline} -o %t.own.mlir
// RUN: mlir-opt %s --load-dialect-plugin=%vnm_plugin --load-pass-plugin=%vnm_plugin %{pipeline} -o %t.stock.mlir
// RUN: cmp %t.own.mlir %t.stock.mlir
// RUN: FileCheck %s --input-file=%t.stock.mlir

// CHECK-LABEL: func.func @product
// CHECK: vnm.spmm
// CHECK-SAME: memref<64x16xf16
func.func @product(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                   %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                  outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
  return %0 : tensor<64x8xf32>
}
