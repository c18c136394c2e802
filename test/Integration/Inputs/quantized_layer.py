# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a layer of i8 weights, y = scale (W x) in f16, and its input."""

import sys

import numpy as np

ROWS, COLS, TOKENS = 70, 100, 48

MODULE = """
#id = affine_map<(r, t) -> (r, t)>
#row = affine_map<(r, t) -> (r)>
func.func @main(%x: tensor<COLSxTOKENSxi8>) -> tensor<ROWSxTOKENSxf16> {
  %w = arith.constant dense<"0xWEIGHT"> : tensor<ROWSxCOLSxi8>
  %scale = arith.constant dense<"0xSCALE"> : tensor<ROWSxf32>
  %zero = arith.constant dense<0> : tensor<ROWSxTOKENSxi32>
  %empty = tensor.empty() : tensor<ROWSxTOKENSxf16>
  %sums = linalg.matmul ins(%w, %x : tensor<ROWSxCOLSxi8>, tensor<COLSxTOKENSxi8>)
    outs(%zero : tensor<ROWSxTOKENSxi32>) -> tensor<ROWSxTOKENSxi32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
    ins(%sums, %scale : tensor<ROWSxTOKENSxi32>, tensor<ROWSxf32>) outs(%empty : tensor<ROWSxTOKENSxf16>) {
    ^bb0(%sum: i32, %s: f32, %out: f16):
      %f = arith.sitofp %sum : i32 to f32
      %p = arith.mulf %f, %s : f32
      %h = arith.truncf %p : f32 to f16
      linalg.yield %h : f16
    } -> tensor<ROWSxTOKENSxf16>
  return %y : tensor<ROWSxTOKENSxf16>
}
"""

rng = np.random.default_rng(1)
weight = rng.integers(-128, 128, (ROWS, COLS)).astype(np.int8)
scale = rng.uniform(0.001, 0.01, ROWS).astype(np.float32)
text = MODULE.replace("WEIGHT", weight.tobytes().hex()).replace("SCALE", scale.tobytes().hex())
for name, size in (("ROWS", ROWS), ("COLS", COLS), ("TOKENS", TOKENS)):
    text = text.replace(name, str(size))
with open(sys.argv[1] + ".mlir", "w") as file:
    file.write(text)
np.save(sys.argv[1] + ".x.npy", rng.integers(-128, 128, (COLS, TOKENS)).astype(np.int8))
