// REQUIRES: numpy
// RUN: %python -c "import numpy as n; r = n.random.default_rng(0); c = n.array([[0, 9, 16000, 16383, 16384, 32765, 32766, 32767, 32768, 40000, 49150, 49151, 49152, 65000, 65533, 65534]]); n.save('%t.c.npy', c.astype('u2').view('i2')); v = r.standard_normal((16, 8)).astype('f4'); n.save('%t.v.npy', v); n.save('%t.m.npy', n.full((16, 1), 0xeeee, 'u2').view('i2')); x = n.full((65535, 3), n.nan, 'f4'); x[c[0].reshape(4, 4)[:, 2:].ravel()] = r.standard_normal((8, 3)); n.save('%t.x.npy', x); n.save('%t.e.npy', v.astype('f8') @ x[c[0].reshape(4, 4)[:, 2:].ravel()])"
// RUN: vnm-opt %s --vnm-lower-to-cpu -o %t.lowered.mlir
// RUN: vnm-runner %t.lowered.mlir --arg=%t.v.npy --arg=%t.m.npy --arg=%t.c.npy --arg=%t.x.npy --out=%t.y.npy
// RUN: %python -c "import numpy as n; n.testing.assert_allclose(n.load('%t.y.npy'), n.load('%t.e.npy'), atol=1e-5)"
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file runs a product whose 16-bit column ids do not fit 15 bits. Every row
// names columns 2 and 3 of each group (nibble 14); all others hold NaN.

func.func @main(%v: tensor<16x8xf32>, %m: tensor<16x1xi16>, %c: tensor<1x16xi16>, %x: tensor<65535x3xf32>)
    -> tensor<16x3xf32> {
  %init = tensor.empty() : tensor<16x3xf32>
  %y = vnm.spmm #vnm.encoding<16:2:16384>
    ins(%v, %m, %c, %x : tensor<16x8xf32>, tensor<16x1xi16>, tensor<1x16xi16>, tensor<65535x3xf32>)
    outs(%init : tensor<16x3xf32>) -> tensor<16x3xf32>
  return %y : tensor<16x3xf32>
}
