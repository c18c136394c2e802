// RUN: vnm-opt %s --split-input-file --transform-interpreter --canonicalize --cse | FileCheck %s

// Rows are tiled by whole panels: the storage is sliced, the columns by panel.
// CHECK: #[[PANEL:[a-z0-9]+]] = affine_map<()[s0] -> (s0 floordiv 64)>
// CHECK-LABEL: @spmm_by_rows_and_tokens
// CHECK: scf.for %[[R:[a-z0-9]+]] = %{{.*}} to %{{.*}} step %c128
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.*}} to %{{.*}} step %c32
// CHECK-DAG: %[[P:[a-z0-9]+]] = affine.apply #[[PANEL]]()[%[[R]]]
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[R]], 0] [128, 64] [1, 1] : tensor<256x64xf16> to tensor<128x64xf16>
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[R]], 0] [128, 8] [1, 1] : tensor<256x8xi16> to tensor<128x8xi16>
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[P]], 0] [2, 128] [1, 1] : tensor<4x128xi16> to tensor<2x128xi16>
// CHECK-DAG: tensor.extract_slice %{{.*}}[0, %[[T]]] [256, 32] [1, 1] : tensor<256x64xf16> to tensor<256x32xf16>
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[R]]] [128] [1] : tensor<256xf32> to tensor<128xf32>
// CHECK: vnm.spmm {{.*}} epilogue
// CHECK: } -> tensor<128x32xf32>
func.func @spmm_by_rows_and_tokens(
    %v: tensor<256x64xf16>, %m: tensor<256x8xi16>, %c: tensor<4x128xi16>,
    %x: tensor<256x64xf16>, %y: tensor<256x64xf32>, %bias: tensor<256xf32>)
    -> tensor<256x64xf32> {
  %0 = vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : tensor<256x64xf16>, tensor<256x8xi16>, tensor<4x128xi16>, tensor<256x64xf16>)
    outs(%y : tensor<256x64xf32>)
    epilogue(%bias per_row : tensor<256xf32>) {
    ^bb0(%acc: f32, %b: f32):
      %s = arith.addf %acc, %b : f32
      vnm.yield %s : f32
    } -> tensor<256x64xf32>
  return %0 : tensor<256x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["vnm.spmm"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [128, 32]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Tokens are the second dimension of a token-major batch; the weight stays whole.
// CHECK-LABEL: @matmul_by_batch_and_tokens
// CHECK: scf.for %[[B:[a-z0-9]+]] =
// CHECK: scf.for %[[T:[a-z0-9]+]] =
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[B]], %[[T]], 0] [1, 16, 256] [1, 1, 1] : tensor<2x64x256xf16> to tensor<1x16x256xf16>
// CHECK-DAG: tensor.extract_slice %{{.*}}[%[[B]], %[[T]], 0] [1, 16, 100] [1, 1, 1] : tensor<2x64x100xf16> to tensor<1x16x100xf16>
// CHECK: vnm.matmul {{.*}} -> tensor<1x16x100xf16>
func.func @matmul_by_batch_and_tokens(
    %w: tensor<100x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<2x64x256xf16>,
    %y: tensor<2x64x100xf16>) -> tensor<2x64x100xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<100x256xf16, #vnm.encoding<64:2:8>>, tensor<2x64x256xf16>)
    outs(%y : tensor<2x64x100xf16>)
    {x_layout = #vnm.activation_layout<token_major>,
     y_layout = #vnm.activation_layout<token_major>} -> tensor<2x64x100xf16>
  return %0 : tensor<2x64x100xf16>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["vnm.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [1, 0, 16]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Rows of an encoded weight are sliced through its storage.
// CHECK-LABEL: @matmul_by_rows
// CHECK: vnm.disassemble
// CHECK: vnm.assemble {{.*}} -> tensor<64x256xf16, #vnm.encoding<64:2:8>>
// CHECK: vnm.matmul {{.*}} -> tensor<64x8xf32>
func.func @matmul_by_rows(
    %w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>,
    %y: tensor<128x8xf32>) -> tensor<128x8xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>)
    outs(%y : tensor<128x8xf32>) -> tensor<128x8xf32>
  return %0 : tensor<128x8xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["vnm.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op tile_sizes [64]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
