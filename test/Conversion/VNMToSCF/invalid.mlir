// RUN: vnm-opt %s --convert-vnm-to-scf --split-input-file --verify-diagnostics
// RUN: not vnm-opt %s --convert-vnm-to-scf=token-tile=24 2>&1 | FileCheck %s --check-prefix=TILE
// RUN: not vnm-opt %s --convert-vnm-to-scf=groups-per-block=6 2>&1 | FileCheck %s --check-prefix=BLOCK
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests what convert-vnm-to-scf refuses.

// TILE: requires token-tile to be a power of two in [16, 512], but it is 24
// BLOCK: requires groups-per-block to be a multiple of 4 in [4, 256], but it is 6

func.func @tensors(%v: tensor<64x16xf32>, %m: tensor<64x2xi16>, %c: tensor<1x32xi16>,
                   %x: tensor<64x8xf32>, %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
  // expected-error @below {{requires operands in memory, but they are tensors; run one-shot-bufferize first}}
  %0 = vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : tensor<64x16xf32>, tensor<64x2xi16>, tensor<1x32xi16>, tensor<64x8xf32>)
    outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
  return %0 : tensor<64x8xf32>
}

// -----

func.func @fragments(%v: memref<4x1x2x32x8xf16>, %m: memref<4x1x32xi32>, %c: memref<1x64xi16>,
                     %x: memref<64x8xf16>, %y: memref<64x8xf32>) {
  // expected-error @below {{requires layout = canonical on a CPU, but the encoding is #vnm.encoding<64:2:8, layout = fragments>}}
  vnm.spmm #vnm.encoding<64:2:8, layout = fragments>
    ins(%v, %m, %c, %x : memref<4x1x2x32x8xf16>, memref<4x1x32xi32>, memref<1x64xi16>, memref<64x8xf16>)
    outs(%y : memref<64x8xf32>)
  return
}

// -----

func.func private @vnm_pack_f16_i16(i32)
func.func @name_is_taken(%w: memref<64x64xf16>, %v: memref<64x16xf16>, %m: memref<64x2xi16>,
                         %c: memref<1x32xi16>) {
  // expected-error @below {{requires the runtime library's function name, but another symbol has it}}
  vnm.pack #vnm.encoding<64:2:8> ins(%w : memref<64x64xf16>)
    outs(%v, %m, %c : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>)
  return
}
