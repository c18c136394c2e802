// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dense baseline: linalg.matmul, Y[4096 x 256] = W[4096 x 4096] X[4096 x 256],
// and how upstream's transform dialect is told to compile it.
// Threads share blocks of 256 rows. Per block, 32 tokens by 512
// channels of X are copied to a contiguous buffer that the L1 cache holds, and 8
// by 32 sums stay in registers while the channels advance.

module attributes {transform.with_named_sequence} {
  func.func @main(%w: tensor<4096x4096xELEMENT>, %x: tensor<4096x256xELEMENT>) -> tensor<4096x256xf32> {
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<4096x256xf32>
    %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4096x256xf32>) -> tensor<4096x256xf32>
    %y = linalg.matmul ins(%w, %x : tensor<4096x4096xELEMENT>, tensor<4096x256xELEMENT>)
                       outs(%init : tensor<4096x256xf32>) -> tensor<4096x256xf32>
    return %y : tensor<4096x256xf32>
  }

  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %matmul = transform.structured.match ops{["linalg.matmul"]} in %module : (!transform.any_op) -> !transform.any_op
    %rows, %threads = transform.structured.tile_using_forall %matmul tile_sizes [256]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %block, %block_loops:2 = transform.structured.tile_using_for %rows tile_sizes [0, 32, 512] interchange = [0, 2, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %padded, %pad, %copy = transform.structured.pad %block {
      padding_values = [0.0 : ELEMENT, 0.0 : ELEMENT, 0.0 : f32], padding_dimensions = [0, 1, 2],
      nofold_flags = [0, 1, 0], copy_back_op = "none"
    } : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %kernel, %loops:2 = transform.structured.tile_using_for %padded tile_sizes [8, 0, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %kernel {create_named_contraction} : !transform.any_op
    %line, %pad_loop = transform.structured.tile_using_for %pad tile_sizes [1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %pads = transform.structured.match ops{["tensor.pad"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.structured.vectorize %pads vector_sizes [1, 32] : !transform.any_op
    %func = transform.structured.match ops{["func.func"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %func {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    transform.apply_cse to %func : !transform.any_op
    %all = transform.structured.match ops{["scf.for"]} in %func : (!transform.any_op) -> !transform.any_op
    transform.loop.hoist_loop_invariant_subsets %all : !transform.any_op
    transform.yield
  }
}
