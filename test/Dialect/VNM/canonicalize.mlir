// RUN: vnm-opt %s --split-input-file --canonicalize | FileCheck %s

!enc = tensor<100x77xf16, #vnm.encoding<64:2:8>>

// CHECK-LABEL: @assemble_of_disassemble
// CHECK-SAME: %[[W:.+]]: tensor
func.func @assemble_of_disassemble(%w: !enc) -> !enc {
  // CHECK-NEXT: return %[[W]]
  %v, %m, %c = vnm.disassemble %w
    : (!enc) -> (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>)
  %0 = vnm.assemble %v, %m, %c
    : (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>) -> !enc
  return %0 : !enc
}

// -----

!enc = tensor<100x77xf16, #vnm.encoding<64:2:8>>
!free = tensor<100x77xf16, #vnm.encoding<64:2:8, form = free>>

// CHECK-LABEL: @keeps_a_change_of_form
func.func @keeps_a_change_of_form(%w: !enc) -> !free {
  // CHECK: vnm.disassemble
  // CHECK: vnm.assemble
  %v, %m, %c = vnm.disassemble %w
    : (!enc) -> (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>)
  %0 = vnm.assemble %v, %m, %c
    : (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>) -> !free
  return %0 : !free
}

// -----

!enc = tensor<100x77xf16, #vnm.encoding<64:2:8>>

// CHECK-LABEL: @disassemble_of_assemble
// CHECK-SAME: %[[V:.+]]: tensor<100x20xf16>, %[[M:.+]]: tensor<100x3xi16>, %[[C:.+]]: tensor<2x40xi16>
func.func @disassemble_of_assemble(
    %v: tensor<100x20xf16>, %m: tensor<100x3xi16>, %c: tensor<2x40xi16>)
    -> (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>) {
  // CHECK-NEXT: return %[[V]], %[[M]], %[[C]]
  %0 = vnm.assemble %v, %m, %c
    : (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>) -> !enc
  %1:3 = vnm.disassemble %0
    : (!enc) -> (tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>)
  return %1#0, %1#1, %1#2
    : tensor<100x20xf16>, tensor<100x3xi16>, tensor<2x40xi16>
}

// -----

// CHECK-LABEL: @drops_accumulation_of_zero
func.func @drops_accumulation_of_zero(
    %w: tensor<100x77xf16, #vnm.encoding<64:2:8>>, %x: tensor<77x5xf16>)
    -> tensor<100x5xf32> {
  // CHECK: vnm.matmul
  // CHECK-NOT: accumulate
  // CHECK: return
  %zero = arith.constant dense<0.0> : tensor<100x5xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf16, #vnm.encoding<64:2:8>>, tensor<77x5xf16>)
    outs(%zero : tensor<100x5xf32>) {accumulate} -> tensor<100x5xf32>
  return %0 : tensor<100x5xf32>
}

// -----

// CHECK-LABEL: @keeps_accumulation_of_ones
// CHECK: accumulate
func.func @keeps_accumulation_of_ones(
    %w: tensor<100x77xf16, #vnm.encoding<64:2:8>>, %x: tensor<77x5xf16>)
    -> tensor<100x5xf32> {
  %one = arith.constant dense<1.0> : tensor<100x5xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf16, #vnm.encoding<64:2:8>>, tensor<77x5xf16>)
    outs(%one : tensor<100x5xf32>) {accumulate} -> tensor<100x5xf32>
  return %0 : tensor<100x5xf32>
}
