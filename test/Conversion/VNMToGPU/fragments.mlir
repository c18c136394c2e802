// RUN: vnm-opt %s --split-input-file --convert-vnm-to-gpu=chip=sm_90a | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests kernels that read weights in the order of registers.

// A lane's registers of a k32 step are 16 bytes, of a block and stage 1024 bytes;
// its metadata are one word. The odd number of groups makes no difference.
// CHECK-LABEL: func.func @many_tokens
// CHECK:       gpu.func @spmm_0
// CHECK-SAME:    family = "wgmma_sp"
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK:         llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> i32
// CHECK-NOT:     alignment = 2
// CHECK:         vnm_nvvm.wgmma
func.func @many_tokens(%v: memref<8x6x2x32x8xf16>, %m: memref<8x6x32xi32>, %c: memref<1x384xi16>,
                       %x: memref<435x128xf16>, %y: memref<128x128xf16>) {
  vnm.spmm #vnm.encoding<128:2:5, layout = fragments>
    ins(%v, %m, %c, %x : memref<8x6x2x32x8xf16>, memref<8x6x32xi32>, memref<1x384xi16>, memref<435x128xf16>)
    outs(%y : memref<128x128xf16>)
  return
}

// -----

// With few tokens values pass through shared memory in whole pieces, and nothing
// is put together of halves. Numbers of tokens for which another family would be
// faster are taken as well: that one does not read fragments.
// CHECK-LABEL: func.func @few_tokens
// CHECK:       gpu.func @spmm_0
// CHECK-SAME:    layout = "fragments", name = "values"
// CHECK-SAME:    layout = "fragments", name = "metadata"
// CHECK-SAME:    layout = "fragments", name = "columns"
// CHECK-SAME:    family = "skinny"
// CHECK:         nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16
// CHECK-NOT:     nvvm.ldmatrix {{.*}}row
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
func.func @few_tokens(%v: memref<8x6x2x32x8xf16>, %m: memref<8x6x32xi32>, %c: memref<1x384xi16>,
                      %x: memref<435x24xf16>, %y: memref<128x24xf16>) {
  vnm.spmm #vnm.encoding<128:2:5, layout = fragments>
    ins(%v, %m, %c, %x : memref<8x6x2x32x8xf16>, memref<8x6x32xi32>, memref<1x384xi16>, memref<435x24xf16>)
    outs(%y : memref<128x24xf16>)
  return
}
