// RUN: vnm-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// RUN:   --split-input-file --verify-diagnostics | FileCheck %s

#enc = #vnm.encoding<16:2:8>

// CHECK-LABEL: func @into_a_new_buffer(
// CHECK-SAME:    %[[V:.+]]: memref<32x8xf16>, %[[M:.+]]: memref<32x1xi16>, %[[C:.+]]: memref<2x16xi16>, %[[X:.+]]: memref<32x?xf16>
// CHECK-NOT:     memref.copy
// CHECK:         %[[Y:.+]] = memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         vnm.spmm <16:2:8> ins(%[[V]], %[[M]], %[[C]], %[[X]] : {{.*}}) outs(%[[Y]] : memref<32x?xf32>)
// CHECK-NOT:     memref.copy
// CHECK:         return %[[Y]]
func.func @into_a_new_buffer(%v: tensor<32x8xf16>, %m: tensor<32x1xi16>, %c: tensor<2x16xi16>,
                             %x: tensor<32x?xf16>, %t: index) -> tensor<32x?xf32> {
  %init = tensor.empty(%t) : tensor<32x?xf32>
  %0 = vnm.spmm #enc ins(%v, %m, %c, %x
                         : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>, tensor<32x?xf16>)
       outs(%init : tensor<32x?xf32>) -> tensor<32x?xf32>
  return %0 : tensor<32x?xf32>
}

// The old contents of %y are needed by the return but not by the product.
// CHECK-LABEL: func @unread_destination_is_not_copied(
// CHECK-NOT:     memref.copy
// CHECK:         vnm.spmm
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @unread_destination_is_not_copied(%v: tensor<32x8xf16>, %m: tensor<32x1xi16>,
    %c: tensor<2x16xi16>, %x: tensor<32x4xf16>, %y: tensor<32x4xf32> {bufferization.writable = false})
    -> (tensor<32x4xf32>, tensor<32x4xf32>) {
  %0 = vnm.spmm #enc ins(%v, %m, %c, %x
                         : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>, tensor<32x4xf16>)
       outs(%y : tensor<32x4xf32>) -> tensor<32x4xf32>
  return %0, %y : tensor<32x4xf32>, tensor<32x4xf32>
}

// CHECK-LABEL: func @accumulation_copies_what_others_read(
// CHECK-SAME:    %[[Y:[^:]+]]: memref<32x4xf32>)
// CHECK:         %[[COPY:.+]] = memref.alloc
// CHECK:         memref.copy %[[Y]], %[[COPY]]
// CHECK:         vnm.spmm {{.*}} outs(%[[COPY]] : memref<32x4xf32>) {accumulate}
func.func @accumulation_copies_what_others_read(%v: tensor<32x8xf16>, %m: tensor<32x1xi16>,
    %c: tensor<2x16xi16>, %x: tensor<32x4xf16>, %y: tensor<32x4xf32>)
    -> (tensor<32x4xf32>, tensor<32x4xf32>) {
  %0 = vnm.spmm #enc ins(%v, %m, %c, %x
                         : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>, tensor<32x4xf16>)
       outs(%y : tensor<32x4xf32>) {accumulate} -> tensor<32x4xf32>
  return %0, %y : tensor<32x4xf32>, tensor<32x4xf32>
}

// CHECK-LABEL: func @epilogue_moves_along(
// CHECK:         vnm.spmm
// CHECK-SAME:      epilogue(%{{.+}} per_row : memref<32xf32>)
// CHECK-NEXT:    ^bb0(%[[ACC:.+]]: f32, %[[B:.+]]: f32):
// CHECK-NEXT:      %[[SUM:.+]] = arith.addf %[[ACC]], %[[B]]
// CHECK-NEXT:      vnm.yield %[[SUM]]
func.func @epilogue_moves_along(%v: tensor<32x8xf16>, %m: tensor<32x1xi16>, %c: tensor<2x16xi16>,
    %x: tensor<32x4xf16>, %y: tensor<32x4xf32>, %bias: tensor<32xf32>) -> tensor<32x4xf32> {
  %0 = vnm.spmm #enc ins(%v, %m, %c, %x
                         : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>, tensor<32x4xf16>)
       outs(%y : tensor<32x4xf32>) epilogue(%bias per_row : tensor<32xf32>) {
       ^bb0(%acc: f32, %b: f32):
         %s = arith.addf %acc, %b : f32
         vnm.yield %s : f32
       } -> tensor<32x4xf32>
  return %0 : tensor<32x4xf32>
}

// CHECK-LABEL: func @pack_and_unpack(
// CHECK-SAME:    %[[W:.+]]: memref<32x32xf16>, %[[SCORES:.+]]: memref<32x32xf32>
// CHECK:         %[[V:.+]] = memref.alloc{{.*}} : memref<32x8xf16>
// CHECK:         %[[M:.+]] = memref.alloc{{.*}} : memref<32x1xi16>
// CHECK:         %[[C:.+]] = memref.alloc{{.*}} : memref<2x16xi16>
// CHECK:         vnm.pack <16:2:8> ins(%[[W]] : memref<32x32xf16>) importance(%[[SCORES]] : memref<32x32xf32>) outs(%[[V]], %[[M]], %[[C]] :
// CHECK-SAME:      criterion = #vnm.criterion<given>
// CHECK:         %[[D:.+]] = memref.alloc{{.*}} : memref<32x32xf16>
// CHECK:         vnm.unpack <16:2:8> ins(%[[V]], %[[M]], %[[C]] : {{.*}}) outs(%[[D]] : memref<32x32xf16>)
// CHECK:         return %[[D]]
func.func @pack_and_unpack(%w: tensor<32x32xf16>, %scores: tensor<32x32xf32>) -> tensor<32x32xf16> {
  %v0 = tensor.empty() : tensor<32x8xf16>
  %m0 = tensor.empty() : tensor<32x1xi16>
  %c0 = tensor.empty() : tensor<2x16xi16>
  %v, %m, %c = vnm.pack #enc ins(%w : tensor<32x32xf16>) importance(%scores : tensor<32x32xf32>)
       outs(%v0, %m0, %c0 : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
       {criterion = #vnm.criterion<given>}
       -> tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>
  %d0 = tensor.empty() : tensor<32x32xf16>
  %d = vnm.unpack #enc ins(%v, %m, %c : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
       outs(%d0 : tensor<32x32xf16>) -> tensor<32x32xf16>
  return %d : tensor<32x32xf16>
}

// -----

#enc = #vnm.encoding<16:2:8>

func.func @encoded_tensors_have_no_buffer(%w: tensor<32x32xf16>, %x: tensor<32x4xf16>, %y: tensor<32x4xf32>) -> tensor<32x4xf32> {
  // expected-error @below {{requires vnm-expand-storage to run before bufferization}}
  %e = vnm.compress %w : tensor<32x32xf16> to tensor<32x32xf16, #enc>
  // expected-error @below {{requires vnm-expand-storage to run before bufferization}}
  %0 = vnm.matmul ins(%e, %x : tensor<32x32xf16, #enc>, tensor<32x4xf16>)
                  outs(%y : tensor<32x4xf32>) -> tensor<32x4xf32>
  return %0 : tensor<32x4xf32>
}
