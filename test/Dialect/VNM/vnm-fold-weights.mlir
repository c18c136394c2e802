// RUN: vnm-opt %s --vnm-fold-weights --split-input-file --verify-diagnostics | FileCheck %s

#enc = #vnm.encoding<16:2:8>

// CHECK-LABEL: func @positions(
// CHECK-NOT:     vnm.compress
// CHECK:         %[[V:.+]] = arith.constant dense_resource<fc.vnm_values> : tensor<1x2xf32>
// CHECK:         %[[M:.+]] = arith.constant dense_resource<fc.vnm_metadata> : tensor<1x1xi16>
// CHECK:         %[[C:.+]] = arith.constant dense_resource<fc.vnm_columns> : tensor<1x4xi16>
// CHECK-NEXT:    %[[E:.+]] = vnm.assemble %[[V]], %[[M]], %[[C]]
// CHECK-NEXT:    return %[[E]]
// Values 5.0 and -7.0; positions 1 and 3 (nibble 1 | 3 << 2 = 13); columns 2, 5, 6, 7.
// CHECK:         fc.vnm_values: "0x100000000000A0400000E0C0"
// CHECK:         fc.vnm_metadata: "0x100000004D44"
// CHECK:         fc.vnm_columns: "0x100000000200050006000700"
func.func @positions() -> tensor<1x8xf32, #enc> {
  %w = arith.constant dense<[[0.0, 0.5, 4.0, 0.1, -1.0, 5.0, 2.0, -7.0]]> : tensor<1x8xf32>
  %0 = vnm.compress %w {column_choice = #vnm.column_choice<l1>, vnm.layer = "fc"}
     : tensor<1x8xf32> to tensor<1x8xf32, #enc>
  return %0 : tensor<1x8xf32, #enc>
}

// -----

#enc = #vnm.encoding<16:2:4>

// The weight [4, 2] is transposed, then rounded to bf16: 1 3 5 7 and 2 4 6 8 in
// bf16 keep 5 7 and 6 8.
// CHECK-LABEL: func @through_transpose_and_cast(
// CHECK-NOT:     linalg
// CHECK:         %[[D:.+]] = arith.constant dense_resource<vnm_decompressed> : tensor<2x4xbf16>
// CHECK-NEXT:    return %[[D]]
// CHECK:         vnm_decompressed: "0x1000000000000000A040E04000000000C0400041"
func.func @through_transpose_and_cast() -> tensor<2x4xbf16> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %t = linalg.transpose ins(%w : tensor<4x2xf32>) outs(%e : tensor<2x4xf32>) permutation = [1, 0]
  %b = arith.truncf %t : tensor<2x4xf32> to tensor<2x4xbf16>
  %0 = vnm.compress %b : tensor<2x4xbf16> to tensor<2x4xbf16, #enc>
  %1 = vnm.decompress %0 : tensor<2x4xbf16, #enc> to tensor<2x4xbf16>
  return %1 : tensor<2x4xbf16>
}

// -----

#enc = #vnm.encoding<16:2:4>

// CHECK-NOT:   ml_program.global private
// CHECK:       ml_program.global public @exported
// CHECK-NOT:   memref.global
ml_program.global private @w(dense_resource<w> : tensor<1x4xf16>) : tensor<1x4xf16>
ml_program.global public @exported(dense<[[1, 2, 3, -4]]> : tensor<1x4xi8>) : tensor<1x4xi8>
memref.global "private" constant @unused : memref<4xf32> = dense<1.0>

// CHECK-LABEL: func @globals(
// CHECK-NOT:     global_load
// CHECK-COUNT-2: vnm.assemble
// Resource 1, 2, 3, 4 and splat-free i8 1, 2, 3, -4: the last two of each.
// CHECK:         a.vnm_values: "0x1000000000420044"
// CHECK:         b.vnm_values: "0x1000000003FC"
func.func @globals() -> (tensor<1x4xf16, #enc>, tensor<1x4xi8, #enc>) {
  %w = ml_program.global_load_const @w : tensor<1x4xf16>
  %0 = vnm.compress %w {vnm.layer = "a"} : tensor<1x4xf16> to tensor<1x4xf16, #enc>
  %i = ml_program.global_load_const @exported : tensor<1x4xi8>
  %1 = vnm.compress %i {vnm.layer = "b"} : tensor<1x4xi8> to tensor<1x4xi8, #enc>
  return %0, %1 : tensor<1x4xf16, #enc>, tensor<1x4xi8, #enc>
}

{-# dialect_resources: { builtin: { w: "0x02000000003C004000420044" } } #-}

// -----

#enc = #vnm.encoding<16:2:4>

// Norms of the input channels turn the choice: |w| ||x|| is 4 3 2 1 times 1 1 9 9.
// CHECK-LABEL: func @wanda(
// CHECK:         layer.vnm_metadata: "0x100000004E44"
func.func @wanda() -> tensor<1x4xf32, #enc> {
  %w = arith.constant dense<[[4.0, 3.0, 2.0, 1.0]]> : tensor<1x4xf32>
  %norms = arith.constant dense<[1.0, 1.0, 9.0, 9.0]> : tensor<4xf32>
  %0 = vnm.compress %w importance(%norms : tensor<4xf32>)
         {criterion = #vnm.criterion<wanda>, vnm.layer = "layer"}
     : tensor<1x4xf32> to tensor<1x4xf32, #enc>
  return %0 : tensor<1x4xf32, #enc>
}

// -----

#enc = #vnm.encoding<16:2:4>

// CHECK-LABEL: func @run_time_weights_stay(
// CHECK:         vnm.compress
func.func @run_time_weights_stay(%w: tensor<16x4xf16> {vnm.weight}) -> tensor<16x4xf16, #enc> {
  %0 = vnm.compress %w : tensor<16x4xf16> to tensor<16x4xf16, #enc>
  return %0 : tensor<16x4xf16, #enc>
}

// -----

#enc = #vnm.encoding<16:2:4>

func.func @nan() -> tensor<2x4xf32, #enc> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 0x7FC00000, 4.0]]> : tensor<2x4xf32>
  // expected-error @below {{of layer 'fc' cannot be folded: requires finite weights, but element (1, 2) is nan}}
  %0 = vnm.compress %w {vnm.layer = "fc"} : tensor<2x4xf32> to tensor<2x4xf32, #enc>
  return %0 : tensor<2x4xf32, #enc>
}

// -----

#enc = #vnm.encoding<16:2:4>

func.func @missing_resource() -> tensor<2x4xf32, #enc> {
  %w = arith.constant dense_resource<nowhere> : tensor<2x4xf32>
  // expected-error @below {{requires resource 'nowhere' to hold 32 bytes, but it holds 0}}
  %0 = vnm.compress %w {vnm.layer = "fc"} : tensor<2x4xf32> to tensor<2x4xf32, #enc>
  return %0 : tensor<2x4xf32, #enc>
}

// -----

#enc = #vnm.encoding<16:2:8>

func.func @column_outside_its_group() -> tensor<1x16xf32, #enc> {
  %v = arith.constant dense<1.0> : tensor<1x4xf32>
  %m = arith.constant dense<17476> : tensor<1x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @below {{storage: [S9] requires columns of group 1 of panel 0 in strict form to be in [8, 16), but slot 0 is 4}}
  %0 = vnm.assemble %v, %m, %c : (tensor<1x4xf32>, tensor<1x1xi16>, tensor<1x8xi16>) -> tensor<1x16xf32, #enc>
  return %0 : tensor<1x16xf32, #enc>
}

// -----

#enc = #vnm.encoding<16:2:8>

func.func @illegal_nibble() -> tensor<1x8xf32, #enc> {
  %v = arith.constant dense<1.0> : tensor<1x2xf32>
  %m = arith.constant dense<17473> : tensor<1x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3]]> : tensor<1x4xi16>
  // expected-error @below {{storage: [S13] requires a metadata nibble of 4, 8, 9, 12, 13 or 14, but row 0 holds 1 for group 0}}
  %0 = vnm.assemble %v, %m, %c : (tensor<1x2xf32>, tensor<1x1xi16>, tensor<1x4xi16>) -> tensor<1x8xf32, #enc>
  return %0 : tensor<1x8xf32, #enc>
}
