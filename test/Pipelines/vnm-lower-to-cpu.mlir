// REQUIRES: numpy
// RUN: %python -c "import numpy as n; r = n.random.default_rng(0); n.save('%t.w.npy', r.standard_normal((100, 70)).astype('f2')); n.save('%t.x.npy', r.standard_normal((70, 37)).astype('f2')); n.save('%t.b.npy', r.standard_normal(100).astype('f2'))"
// RUN: vnm-opt %s --vnm-lower-to-cpu -o %t.lowered.mlir
// RUN: vnm-runner %t.lowered.mlir --arg=%t.w.npy --arg=%t.x.npy --arg=%t.b.npy --out=%t.y.npy --out=%t.d.npy
// RUN: %python -c "import numpy as n; w, x, b, y, d = (n.load('%t.' + f + '.npy').astype('f8') for f in 'wxbyd'); assert ((d == w) | (d == 0)).all() and ((d != 0).reshape(100, 7, 10).sum(2) == 2).all(); n.testing.assert_allclose(y, n.tanh(d @ x + b[:, None]), atol=2e-3)"
//
// A NaN among the weights ends the program.
// RUN: %python -c "import numpy as n; w = n.load('%t.w.npy'); w[3, 5] = n.nan; n.save('%t.nan.npy', w)"
// RUN: not vnm-runner %t.lowered.mlir --arg=%t.nan.npy --arg=%t.x.npy --arg=%t.b.npy --out=%t.y.npy --out=%t.d.npy 2>&1 | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file runs a product whose weight is pruned and packed at run time.

// CHECK: vnm runtime: error: cannot pack a f16 weight of 100 x 70 at 64:2:10: requires finite weights, but element (3, 5) is nan

func.func @main(%w: tensor<100x70xf16>, %x: tensor<70x?xf16>, %bias: tensor<100xf16>)
    -> (tensor<100x?xf16>, tensor<100x70xf16>) {
  %c1 = arith.constant 1 : index
  %e = vnm.compress %w : tensor<100x70xf16> to tensor<100x70xf16, #vnm.encoding<64:2:10>>
  %t = tensor.dim %x, %c1 : tensor<70x?xf16>
  %i = tensor.empty(%t) : tensor<100x?xf16>
  %r = vnm.matmul ins(%e, %x : tensor<100x70xf16, #vnm.encoding<64:2:10>>, tensor<70x?xf16>)
                  outs(%i : tensor<100x?xf16>) epilogue(%bias per_row : tensor<100xf16>) {
    ^bb0(%acc: f32, %b: f16):
      %b32 = arith.extf %b : f16 to f32
      %s = arith.addf %acc, %b32 : f32
      %th = math.tanh %s : f32
      %o = arith.truncf %th : f32 to f16
      vnm.yield %o : f16
    } -> tensor<100x?xf16>
  %d = vnm.decompress %e : tensor<100x70xf16, #vnm.encoding<64:2:10>> to tensor<100x70xf16>
  return %r, %d : tensor<100x?xf16>, tensor<100x70xf16>
}
