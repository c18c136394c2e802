// RUN: vnm-opt %s --convert-vnm-to-scf --canonicalize --cse | FileCheck %s
//
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the loops that products become.

// CHECK-LABEL: func @whole_tiles(
// CHECK-SAME: %[[V:.+]]: memref<64x16xf32>, %[[M:.+]]: memref<64x2xi16>, %[[C:.+]]: memref<1x32xi16>, %[[X:.+]]: memref<64x256xf32>, %[[Y:.+]]: memref<64x256xf32>
// CHECK-DAG: %[[K:.+]] = arith.constant 64 : index
// CHECK: scf.parallel
// CHECK: %[[ID:.+]] = memref.load %[[C]]
// CHECK: %[[COLUMN:.+]] = arith.index_castui %[[ID]] : i16 to index
// CHECK: %[[EXISTS:.+]] = arith.cmpi ult, %[[COLUMN]], %[[K]]
// CHECK: scf.if %[[EXISTS]] {
// CHECK: vector.transfer_read %[[X]][%[[COLUMN]], {{.*}}], {{.*}} : memref<64x256xf32>, vector<128xf32>
// CHECK: } else {
// CHECK: vector.store %{{.*}} : memref<32x128xf32>, vector<128xf32>
// CHECK: memref.load %[[M]]
// CHECK-COUNT-8: arith.mulf {{.*}} fastmath<contract> : vector<128xf32>
// CHECK: vector.transfer_write {{.*}} %[[Y]]
// CHECK-NOT: vnm.spmm
func.func @whole_tiles(%v: memref<64x16xf32>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                       %x: memref<64x256xf32>, %y: memref<64x256xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x256xf32>)
    outs(%y : memref<64x256xf32>)
  return
}

// Tokens past the last whole tile are computed 16 at a time.
// CHECK-LABEL: func @dynamic_tokens(
// CHECK: scf.if
// CHECK: vector<128xf32>
// CHECK: } else {
// CHECK: scf.for
// CHECK: vector.transfer_read {{.*}} : memref<64x?xf32>, vector<16xf32>
func.func @dynamic_tokens(%v: memref<64x16xf32>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                          %x: memref<64x?xf32>, %y: memref<64x?xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x?xf32>)
    outs(%y : memref<64x?xf32>)
  return
}

// Five groups are two words of metadata: slots past the fifth group have no
// column, values past it are zero.
// CHECK-LABEL: func @last_word_is_short(
// CHECK-DAG: %[[K:.+]] = arith.constant 39 : index
// CHECK-DAG: %[[LAST:.+]] = arith.constant 19 : index
// CHECK: arith.minsi %{{.*}}, %[[LAST]]
// CHECK: %[[EXISTS:.+]] = arith.cmpi sle, %{{.*}}, %[[LAST]]
// CHECK: arith.select %[[EXISTS]], %{{.*}}, %[[K]]
// CHECK: vector.transfer_read %arg0[{{.*}}], {{.*}} : memref<64x10xf16>, vector<16xf16>
func.func @last_word_is_short(%v: memref<64x10xf16>, %m: memref<64x2xi16>, %c: memref<1x20xi16>,
                              %x: memref<39x16xf16>, %y: memref<64x16xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x10xf16>, memref<64x2xi16>, memref<1x20xi16>, memref<39x16xf16>)
    outs(%y : memref<64x16xf32>)
  return
}

// CHECK-LABEL: func @token_major_activations_are_staged(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<2x?x64xf32>
// CHECK: %[[STAGED:.+]] = memref.alloc({{.*}}) {{.*}} : memref<2x64x?xf32>
// CHECK: scf.parallel
// CHECK: %[[ELEMENT:.+]] = memref.load %[[X]]
// CHECK: memref.store %[[ELEMENT]], %[[STAGED]]
// CHECK: scf.parallel
// CHECK: vector.transfer_read %[[STAGED]]
// CHECK: memref.dealloc %[[STAGED]]
func.func @token_major_activations_are_staged(
    %x: memref<2x?x64xf32>, %v: memref<64x16xf32>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
    %y: memref<2x64x?xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<2x?x64xf32>)
    outs(%y : memref<2x64x?xf32>) {x_layout = #vnm.activation_layout<token_major>}
  return
}

// CHECK-LABEL: func @permuted_rows(
// CHECK-SAME: %[[ROWS:[a-z0-9]+]]: memref<64xi32>, %[[Y:[a-z0-9]+]]: memref<64x16xf32>
// CHECK: %[[ROW32:.+]] = memref.load %[[ROWS]]
// CHECK: %[[ROW:.+]] = arith.index_castui %[[ROW32]]
// CHECK: vector.transfer_write %{{.*}}, %[[Y]][%[[ROW]]
func.func @permuted_rows(%rows: memref<64xi32>, %y: memref<64x16xf32>, %v: memref<64x16xf32>,
                         %m: memref<64x2xi16>, %c: memref<1x32xi32>, %x: memref<64x16xf32>) {
  vnm.spmm #vnm.encoding<64:2:8, columns = i32, rows = permuted>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi32>, memref<64x16xf32>)
    rows(%rows : memref<64xi32>) outs(%y : memref<64x16xf32>)
  return
}

// CHECK-LABEL: func @epilogue_on_vectors(
// CHECK-SAME: %[[BIAS:[a-z0-9]+]]: memref<64xf32>
// CHECK: %[[B:.+]] = memref.load %[[BIAS]]
// CHECK: %[[BV:.+]] = vector.broadcast %[[B]] : f32 to vector<16xf32>
// CHECK: %[[SUM:.+]] = arith.addf %{{.*}}, %[[BV]] : vector<16xf32>
// CHECK: math.tanh %[[SUM]] : vector<16xf32>
func.func @epilogue_on_vectors(%bias: memref<64xf32>, %v: memref<64x16xf32>, %m: memref<64x2xi16>,
                               %c: memref<1x32xi16>, %x: memref<64x32xf32>, %y: memref<64x32xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x32xf32>)
    outs(%y : memref<64x32xf32>) epilogue(%bias per_row : memref<64xf32>) {
    ^bb0(%acc: f32, %b: f32):
      %0 = arith.addf %acc, %b : f32
      %1 = math.tanh %0 : f32
      vnm.yield %1 : f32
    }
  return
}

// CHECK-LABEL: func @epilogue_with_control_flow(
// CHECK: %[[SUM:.+]] = memref.load
// CHECK: %[[R:.+]] = scf.if {{.*}} -> (f32)
// CHECK: memref.store %[[R]]
func.func @epilogue_with_control_flow(%v: memref<64x16xf32>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                                      %x: memref<64x32xf32>, %y: memref<64x32xf32>, %p: i1, %z: f32) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x32xf32>)
    outs(%y : memref<64x32xf32>) epilogue {
    ^bb0(%acc: f32):
      %0 = scf.if %p -> f32 {
        %1 = func.call @host(%acc) : (f32) -> f32
        scf.yield %1 : f32
      } else {
        scf.yield %z : f32
      }
      vnm.yield %0 : f32
    }
  return
}
func.func private @host(f32) -> f32

// CHECK-LABEL: func @integers(
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi32>
// CHECK: arith.muli {{.*}} : vector<16xi32>
func.func @integers(%v: memref<64x16xi8>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                    %x: memref<64x16xi8>, %y: memref<64x16xi32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xi8>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xi8>)
    outs(%y : memref<64x16xi32>)
  return
}

// CHECK-LABEL: func @floats_of_integers(
// CHECK: arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
// CHECK: arith.mulf {{.*}} : vector<16xf32>
func.func @floats_of_integers(%v: memref<64x16xi8>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                              %x: memref<64x16xi8>, %y: memref<64x16xf32>, %s: memref<64xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<64x16xi8>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xi8>)
    outs(%y : memref<64x16xf32>) epilogue(%s per_row : memref<64xf32>) {
    ^bb0(%acc: i32, %scale: f32):
      %f = arith.sitofp %acc : i32 to f32
      %r = arith.mulf %f, %scale : f32
      vnm.yield %r : f32
    }
  return
}
