// RUN: vnm-opt %s --convert-vnm-to-gpu=chip=sm_90a --split-input-file --verify-diagnostics
// RUN: not vnm-opt %s --convert-vnm-to-gpu=chip=sm_80 2>&1 | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests products of weights in fragments that no kernel computes.

// CHECK: requires 1 to 64 tokens, but there are 72 (family skinny)

// The tokens are no whole pieces.
func.func @odd(%v: memref<8x6x2x32x8xf16>, %m: memref<8x6x32xi32>, %c: memref<1x384xi16>,
               %x: memref<435x72xf16>, %y: memref<128x72xf16>, %x1: memref<435x73xf16>, %y1: memref<128x73xf16>) {
  vnm.spmm #vnm.encoding<128:2:5, layout = fragments>
    ins(%v, %m, %c, %x : memref<8x6x2x32x8xf16>, memref<8x6x32xi32>, memref<1x384xi16>, memref<435x72xf16>)
    outs(%y : memref<128x72xf16>)
  // expected-error @below {{requires 1 to 64 tokens, but there are 73 (family skinny)}}
  vnm.spmm #vnm.encoding<128:2:5, layout = fragments>
    ins(%v, %m, %c, %x1 : memref<8x6x2x32x8xf16>, memref<8x6x32xi32>, memref<1x384xi16>, memref<435x73xf16>)
    outs(%y1 : memref<128x73xf16>)
  return
}

// -----

func.func @family(%v: memref<8x6x2x32x8xf16>, %m: memref<8x6x32xi32>, %c: memref<1x384xi16>,
                  %x: memref<435x72xf16>, %y: memref<128x72xf16>) {
  // expected-error @below {{requires a weight of layout = canonical, but it is in fragments (schedule #vnm.schedule<family = mma_sp>)}}
  vnm.spmm #vnm.encoding<128:2:5, layout = fragments>
    ins(%v, %m, %c, %x : memref<8x6x2x32x8xf16>, memref<8x6x32xi32>, memref<1x384xi16>, memref<435x72xf16>)
    outs(%y : memref<128x72xf16>) {schedule = #vnm.schedule<family = mma_sp>}
  return
}
