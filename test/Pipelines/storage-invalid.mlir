// Packed weights that a module holds already are checked, with no pattern given.
// RUN: vnm-opt %s --vnm-lower-to-cpu --split-input-file --verify-diagnostics
// RUN: vnm-opt %s --vnm-lower-to-nvvm --split-input-file --verify-diagnostics

func.func @column_out_of_range(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4444> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 9]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S7] requires column ids to be in [0, K = 8], but slot 3 in group 1 of panel 0 is 9}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @column_twice(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4444> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 1, 3, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S10] requires columns of group 0 of panel 0 in strict form to ascend, but slots 1 and 2 are 1 and 1}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @column_of_another_group(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4444> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 4, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S9] requires columns of group 0 of panel 0 in strict form to be in [0, 4), but slot 3 is 4}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @column_twice_in_a_panel(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4444> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 4, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S12] requires a column at most once per panel, but column 4 of panel 0 is in group 0 and in group 1}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4, form = free>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4, form = free>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @illegal_nibble(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4441> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S13] requires a metadata nibble of 4, 8, 9, 12, 13 or 14, but row 0 holds 1 for group 0}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @unused_nibble(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4044> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7]]> : tensor<1x8xi16>
  // expected-error @+1 {{[S14] requires unused metadata nibbles to be 4, but row 0 holds 0}}
  %e = vnm.assemble %v, %m, %c : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>) -> tensor<2x8xf16, #vnm.encoding<16:2:4>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @rows_no_permutation(%x: tensor<8x4xf16>, %y: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<1.0> : tensor<2x4xf16>
  %m = arith.constant dense<0x4444> : tensor<2x1xi16>
  %c = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7]]> : tensor<1x8xi16>
  %r = arith.constant dense<[1, 1]> : tensor<2xi32>
  // expected-error @+1 {{[S6] requires rows to be a permutation, but rows[0] and rows[1] are both 1}}
  %e = vnm.assemble %v, %m, %c, %r : (tensor<2x4xf16>, tensor<2x1xi16>, tensor<1x8xi16>, tensor<2xi32>) -> tensor<2x8xf16, #vnm.encoding<16:2:4, rows = permuted>>
  %0 = vnm.matmul ins(%e, %x : tensor<2x8xf16, #vnm.encoding<16:2:4, rows = permuted>>, tensor<8x4xf16>)
                  outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
