// RUN: vnm-opt %s --convert-vnm-to-scf | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests what vnm.pack and vnm.unpack become.

// CHECK: func.func private @vnm_pack_f16_i16(memref<*xf16>, memref<*xf32>, memref<*xf16>, memref<*xi16>, memref<*xi16>, memref<*xi32>, i64, i64, i64, i64, i64, i64) attributes {llvm.emit_c_interface}

// CHECK-LABEL: func @pack(
// CHECK-SAME: %[[W:.+]]: memref<64x64xf16>
// CHECK: memref.cast %[[W]] : memref<64x64xf16> to memref<*xf16>
// CHECK-DAG: arith.constant 64 : i64
// CHECK-DAG: arith.constant 8 : i64
// CHECK: call @vnm_pack_f16_i16(
func.func @pack(%w: memref<64x64xf16>, %v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>) {
  vnm.pack #vnm.encoding<64:2:8> ins(%w : memref<64x64xf16>)
    outs(%v, %m, %c : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>)
  return
}

// Rows that may change places are a buffer of their own; else it is empty.
// CHECK-LABEL: func @pack_rows(
// CHECK-SAME: %[[R:[^ ]+]]: memref<64xi32>)
// CHECK: %[[ROWS:.+]] = memref.cast %[[R]] : memref<64xi32> to memref<*xi32>
// CHECK-DAG: %[[HIGH:.+]] = arith.constant 2 : i64
// CHECK: call @vnm_pack_f16_i16(%{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %[[ROWS]], %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %[[HIGH]])
func.func @pack_rows(%w: memref<64x64xf16>, %v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<4x32xi16>,
                     %r: memref<64xi32>) {
  vnm.pack #vnm.encoding<16:2:8, form = free, rows = permuted> ins(%w : memref<64x64xf16>)
    outs(%v, %m, %c, %r : memref<64x16xf16>, memref<64x2xi16>, memref<4x32xi16>, memref<64xi32>)
    {effort = #vnm.effort<high>}
  return
}

// CHECK-LABEL: func @unpack(
// CHECK-SAME: %[[V:.+]]: memref<64x16xf16>, %[[M:.+]]: memref<64x2xi16>, %[[C:.+]]: memref<1x32xi16>, %[[D:.+]]: memref<64x64xf16>
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK: memref.store %{{.*}}, %[[D]]
// CHECK: scf.for
// CHECK: memref.load %[[M]]
// CHECK: %[[ID:.+]] = memref.load %[[C]]
// CHECK: %[[COLUMN:.+]] = arith.index_castui %[[ID]]
// CHECK: scf.if
// CHECK: %[[VALUE:.+]] = memref.load %[[V]]
// CHECK: memref.store %[[VALUE]], %[[D]][%{{.*}}, %[[COLUMN]]]
func.func @unpack(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>, %d: memref<64x64xf16>) {
  vnm.unpack #vnm.encoding<64:2:8> ins(%v, %m, %c : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>)
    outs(%d : memref<64x64xf16>)
  return
}
