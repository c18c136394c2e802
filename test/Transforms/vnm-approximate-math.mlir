// RUN: vnm-opt %s --vnm-approximate-math | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the expansion of math functions.

// CHECK-LABEL: func @vectors(
// CHECK-NOT: math.tanh
// CHECK: return
func.func @vectors(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.tanh %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func @halves_by_way_of_f32(
// CHECK: arith.extf {{.*}} : f16 to f32
// CHECK-NOT: math.erf
// CHECK: arith.truncf {{.*}} : f32 to f16
func.func @halves_by_way_of_f32(%x: f16) -> f16 {
  %0 = math.erf %x : f16
  return %0 : f16
}

// CHECK-LABEL: func @without_approximation(
// CHECK: math.powf
func.func @without_approximation(%x: f64) -> f64 {
  %0 = math.powf %x, %x : f64
  return %0 : f64
}
