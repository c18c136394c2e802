// RUN: vnm-opt %s --vnm-vectorize-linalg --canonicalize | FileCheck %s
// RUN: not vnm-opt %s --vnm-vectorize-linalg=vector-size=3 2>&1 | FileCheck %s --check-prefix=SIZE
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the loops that dense ops become.

// SIZE: requires vector-size to be a power of two in [1, 1024], but it is 3

// CHECK-LABEL: func @matmul(
// CHECK-SAME: %[[A:.+]]: memref<8x32xf32>, %[[B:.+]]: memref<32x64xf32>, %[[C:.+]]: memref<8x64xf32>
// CHECK: scf.parallel
// CHECK: %[[ACC:.+]] = vector.transfer_read %[[C]]
// CHECK: %[[SUM:.+]] = scf.for {{.*}} iter_args(%{{.*}} = %[[ACC]]) -> (vector<64xf32>)
// CHECK: memref.load %[[A]]
// CHECK: vector.transfer_read %[[B]]
// CHECK: vector.transfer_write %[[SUM]], %[[C]]
func.func @matmul(%a: memref<8x32xf32>, %b: memref<32x64xf32>, %c: memref<8x64xf32>) {
  linalg.matmul ins(%a, %b : memref<8x32xf32>, memref<32x64xf32>) outs(%c : memref<8x64xf32>)
  return
}

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#transposed = affine_map<(i, j) -> (j, i)>

// The last vector of 100 elements is masked.
// CHECK-LABEL: func @ragged_elementwise(
// CHECK: vector.transfer_read %{{.*}} : memref<8x100xf16>, vector<64xf16>
// CHECK: arith.extf {{.*}} : vector<64xf16> to vector<64xf32>
// CHECK: vector.transfer_write %{{.*}} : vector<64xf32>, memref<8x100xf32>
func.func @ragged_elementwise(%a: memref<8x100xf16>, %b: memref<8x100xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a : memref<8x100xf16>) outs(%b : memref<8x100xf32>) {
  ^bb0(%in: f16, %out: f32):
    %0 = arith.extf %in : f16 to f32
    linalg.yield %0 : f32
  }
  return
}

// A sum along rows keeps its order.
// CHECK-LABEL: func @innermost_reduction_is_scalar(
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f32)
// CHECK-NOT: vector
// CHECK: return
func.func @innermost_reduction_is_scalar(%a: memref<8x100xf32>, %b: memref<8xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%a : memref<8x100xf32>) outs(%b : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// Memory holds an i1 per byte: such elements are read one by one.
// CHECK-LABEL: func @booleans(
// CHECK: memref.load %{{.*}} : memref<8x16xi1>
// CHECK: vector.from_elements {{.*}} : vector<16xi1>
func.func @booleans(%p: memref<8x16xi1>, %a: memref<8x16xf32>, %b: memref<8x16xf32>) {
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p, %a : memref<8x16xi1>, memref<8x16xf32>) outs(%b : memref<8x16xf32>) {
  ^bb0(%c: i1, %in: f32, %out: f32):
    %0 = arith.select %c, %in, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func @indices(
// CHECK: vector.step : vector<16xindex>
func.func @indices(%b: memref<8x16xindex>, %d: memref<8x16xi64>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%d : memref<8x16xi64>) {
  ^bb0(%out: i64):
    %j = linalg.index 1 : index
    %0 = arith.index_cast %j : index to i64
    linalg.yield %0 : i64
  }
  return
}

// CHECK-LABEL: func @not_elementwise(
// CHECK: linalg.generic
func.func @not_elementwise(%t: memref<8xf32>, %a: memref<8xi32>, %b: memref<8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : memref<8xi32>) outs(%b : memref<8xf32>) {
  ^bb0(%in: i32, %out: f32):
    %i = arith.index_cast %in : i32 to index
    %0 = memref.load %t[%i] : memref<8xf32>
    linalg.yield %0 : f32
  }
  return
}
