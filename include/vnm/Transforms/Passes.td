// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the passes that need nothing of the vnm dialect.
//
// Passes are in alphabetical order; a new one goes where its argument sorts.

#ifndef VNM_TRANSFORMS_PASSES_TD
#define VNM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApproximateMathPass : Pass<"vnm-approximate-math"> {
  let summary = "expands functions of the math dialect to arithmetic";
  let description = [{
    Replaces exp, erf, tanh, log, sin, cos and the like, on f32 scalars and
    vectors, by upstream's polynomial approximations, so that they vectorise and
    need no library. Operands of f16 and bf16 are extended to f32 first. Errors
    are a few units in the last place of f32 for exp and log, and below 1e-6 for
    erf and tanh. Functions without an approximation stay.

    Before:

    ```mlir
    func.func @f(%x: vector<16xf32>) -> vector<16xf32> {
      %0 = math.tanh %x : vector<16xf32>
      return %0 : vector<16xf32>
    }
    ```

    After, a clamped rational function of `%x` in arith and math.fma.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def VectorizeLinalgPass : Pass<"vnm-vectorize-linalg"> {
  let summary = "lowers linalg ops on memrefs to parallel loops over vectors";
  let description = [{
    Each linalg op becomes one `scf.parallel` over its parallel dimensions. The
    parallel dimension that is innermost in the result's memory is cut into
    vectors; reductions become sequential loops inside, whose running values stay
    in registers. An operand that lacks the vector dimension is read once and
    spread. So a matrix product reads each element of its left operand once per
    64 columns of the result, and a chain of elementwise operations works on whole
    vectors.

    Handles ops whose indexing maps are projected permutations, with constants
    allowed, and whose bodies compute element by element; a `memref.copy` of a
    buffer whose layout is not the identity is one. Others are left to
    `convert-linalg-to-parallel-loops`. A reduction over the innermost dimension
    runs on scalars, in the order that the op defines.

    Before:

    ```mlir
    func.func @f(%a: memref<8x32xf32>, %b: memref<32x64xf32>, %c: memref<8x64xf32>) {
      linalg.matmul ins(%a, %b : memref<8x32xf32>, memref<32x64xf32>) outs(%c : memref<8x64xf32>)
      return
    }
    ```

    After, in outline:

    ```
    scf.parallel (%m) = (0) to (8) {
      scf.for %n = 0 to 64 step 64 {
        %acc = vector.transfer_read %c[%m, %n]
        %sum = scf.for %k = 0 to 32 iter_args(%acc) { ... }
        vector.transfer_write %sum, %c[%m, %n]
      }
    }
    ```
  }];
  let options = [
    Option<"vectorSize", "vector-size", "int64_t", "64",
           "Elements of a vector, a power of two in [1, 1024]; fewer for short dimensions">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Number of ops lowered">
  ];
}

#endif // VNM_TRANSFORMS_PASSES_TD
