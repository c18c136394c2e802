// RUN: not vnm-opt %s --transform-interpreter 2>&1 | FileCheck %s

// A tile of 32 rows would cut a panel of 64.
// CHECK: error: 'vnm.matmul' op requires row tiles to be multiples of V = 64 that divide R = 128, but a tile has 32 rows
func.func @cuts_a_panel(
    %w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>,
    %y: tensor<128x8xf32>) -> tensor<128x8xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>)
    outs(%y : tensor<128x8xf32>) -> tensor<128x8xf32>
  return %0 : tensor<128x8xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["vnm.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op tile_sizes [32]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
