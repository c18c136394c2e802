// RUN: vnm-opt %s --vnm-permute-channels --split-input-file --verify-diagnostics -o /dev/null
// RUN: not vnm-opt %s --vnm-permute-channels=scatter=often 2>&1 | FileCheck %s --check-prefix=SCATTER
// RUN: not vnm-opt %s --vnm-permute-channels=calibration=%t.missing 2>&1 | FileCheck %s --check-prefix=CALIBRATION

// SCATTER: error: vnm-permute-channels: option scatter: requires feature-major, always or never, but it is 'often'
// CALIBRATION: error: vnm-permute-channels: option calibration: {{.*}}missing

func.func @not_a_product(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{'linalg.copy' op requires a product of a weight and activations to become sparse, but}}
  %0 = linalg.copy {vnm.sparsity = #vnm.sparsity<16:2:8>} ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// 0x7FC00000 is a NaN.
func.func @nan(%x: tensor<4x2xf32>, %i: tensor<32x4xf32>) -> tensor<4xf32> {
  %w = arith.constant dense<"0x0000C07F000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"> : tensor<32x2xf32>
  %z = arith.constant dense<0.0> : tensor<32x4xf32>
  %n = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{'linalg.contract' op of layer 'fc': requires}}
  %0 = linalg.contract
         indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>, affine_map<(r, t, k) -> (r, t)>]
         {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<16:2:8, form = free>}
         ins(%w, %x : tensor<32x2xf32>, tensor<4x2xf32>) outs(%z : tensor<32x4xf32>) -> tensor<32x4xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<32x4xf32>) outs(%n : tensor<4xf32>) dimensions = [0]
  return %1 : tensor<4xf32>
}

// -----

func.func @no_norms(%x: tensor<4x2xf32>) -> tensor<4xf32> {
  %w = arith.constant dense<1.0> : tensor<32x2xf32>
  %z = arith.constant dense<0.0> : tensor<32x4xf32>
  %n = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{'linalg.contract' op requires calibration norms of layer 'fc' for criterion wanda, but no file is given}}
  %0 = linalg.contract
         indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>, affine_map<(r, t, k) -> (r, t)>]
         {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<16:2:8, form = free, criterion = wanda>}
         ins(%w, %x : tensor<32x2xf32>, tensor<4x2xf32>) outs(%z : tensor<32x4xf32>) -> tensor<32x4xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<32x4xf32>) outs(%n : tensor<4xf32>) dimensions = [0]
  return %1 : tensor<4xf32>
}

// -----

func.func @negative_norms(%x: tensor<4x2xf32>) -> tensor<4xf32> {
  %w = arith.constant dense<1.0> : tensor<32x2xf32>
  %z = arith.constant dense<0.0> : tensor<32x4xf32>
  %n = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{'linalg.contract' op of layer 'fc': requires}}
  %0 = linalg.contract
         indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>, affine_map<(r, t, k) -> (r, t)>]
         {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<16:2:8, form = free, criterion = wanda>,
          vnm.norms = dense<[1.0, -1.0]> : tensor<2xf32>}
         ins(%w, %x : tensor<32x2xf32>, tensor<4x2xf32>) outs(%z : tensor<32x4xf32>) -> tensor<32x4xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<32x4xf32>) outs(%n : tensor<4xf32>) dimensions = [0]
  return %1 : tensor<4xf32>
}

// -----

func.func @too_few_norms(%x: tensor<4x2xf32>) -> tensor<4xf32> {
  %w = arith.constant dense<1.0> : tensor<32x2xf32>
  %z = arith.constant dense<0.0> : tensor<32x4xf32>
  %n = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{'linalg.contract' op requires 'vnm.norms' of 2 elements, but it is of type 'tensor<1xf32>'}}
  %0 = linalg.contract
         indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>, affine_map<(r, t, k) -> (r, t)>]
         {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<16:2:8, form = free, criterion = wanda>,
          vnm.norms = dense<1.0> : tensor<1xf32>}
         ins(%w, %x : tensor<32x2xf32>, tensor<4x2xf32>) outs(%z : tensor<32x4xf32>) -> tensor<32x4xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<32x4xf32>) outs(%n : tensor<4xf32>) dimensions = [0]
  return %1 : tensor<4xf32>
}
