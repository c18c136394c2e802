// RUN: vnm-opt %s --vnm-sparsify --split-input-file --verify-diagnostics

func.func @activations(%x: tensor<4x32xf16>, %w: tensor<32x48xf16>, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  // expected-error @below {{requires a product of a weight and activations to become sparse, but neither operand is a weight, though one is a function argument}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

func.func @no_contraction(%x: tensor<4x32xf16>) -> tensor<4x32xf16> {
  // expected-error @below {{but it is no contraction}}
  %0 = arith.negf %x {vnm.sparsity = #vnm.sparsity<16:2:8>} : tensor<4x32xf16>
  return %0 : tensor<4x32xf16>
}

// -----

func.func @buffers(%x: memref<4x32xf16>, %w: memref<32x48xf16> {vnm.weight}, %y: memref<4x48xf32>) {
  // expected-error @below {{but it works on memrefs, not on tensors}}
  linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
    ins(%x, %w : memref<4x32xf16>, memref<32x48xf16>) outs(%y : memref<4x48xf32>)
  return
}

// -----

func.func @quantized(%x: tensor<4x32xi8>, %w: tensor<32x48xi8> {vnm.weight}, %y: tensor<4x48xi32>) -> tensor<4x48xi32> {
  %zp = arith.constant 3 : i32
  // expected-error @below {{but it is a quantized contraction with zero points}}
  %0 = linalg.quantized_matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w, %zp, %zp : tensor<4x32xi8>, tensor<32x48xi8>, i32, i32) outs(%y : tensor<4x48xi32>) -> tensor<4x48xi32>
  return %0 : tensor<4x48xi32>
}

// -----

func.func @two_weights(%y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %x = arith.constant dense<1.0> : tensor<4x32xf16>
  %w = arith.constant dense<2.0> : tensor<32x48xf16>
  // expected-error @below {{but both operands are weights}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

func.func @weight_per_batch_entry(%x: tensor<2x4x32xf16>, %w: tensor<2x32x48xf16> {vnm.weight}, %y: tensor<2x4x48xf32>) -> tensor<2x4x48xf32> {
  // expected-error @below {{but every batch entry has a weight of its own}}
  %0 = linalg.batch_matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w : tensor<2x4x32xf16>, tensor<2x32x48xf16>) outs(%y : tensor<2x4x48xf32>) -> tensor<2x4x48xf32>
  return %0 : tensor<2x4x48xf32>
}

// -----

func.func @weight_repeated_along_rows(%x: tensor<4x32xf16>, %w: tensor<32xf16> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %e = tensor.empty() : tensor<32x48xf16>
  %b = linalg.broadcast ins(%w : tensor<32xf16>) outs(%e : tensor<32x48xf16>) dimensions = [1]
  // expected-error @below {{but the weight is repeated along its rows or columns}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %b : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

func.func @dot(%x: tensor<32xf16>, %w: tensor<32xf16> {vnm.weight}, %y: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{but the weight is a vector that is summed to one element}}
  %0 = linalg.dot {vnm.sparsity = #vnm.sparsity<16:2:8>} ins(%x, %w : tensor<32xf16>, tensor<32xf16>) outs(%y : tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @doubles(%x: tensor<4x32xf64>, %w: tensor<32x48xf64> {vnm.weight}, %y: tensor<4x48xf64>) -> tensor<4x48xf64> {
  // expected-error @below {{but the element types are not f16, bf16 or f32 products summed to floats, or i8 products summed to i32}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w : tensor<4x32xf64>, tensor<32x48xf64>) outs(%y : tensor<4x48xf64>) -> tensor<4x48xf64>
  return %0 : tensor<4x48xf64>
}

// -----

func.func @not_only_a_multiply_add(%x: tensor<4x32xf32>, %w: tensor<32x48xf32> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  // expected-error @below {{but its body is not one multiply-add of the operands, at most widened}}
  %0 = linalg.generic {vnm.sparsity = #vnm.sparsity<16:2:8>,
                       indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                        affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
         ins(%x, %w : tensor<4x32xf32>, tensor<32x48xf32>) outs(%y : tensor<4x48xf32>) {
       ^bb0(%a: f32, %b: f32, %c: f32):
         %0 = arith.mulf %a, %b : f32
         %1 = math.exp %0 : f32
         %2 = arith.addf %c, %1 : f32
         linalg.yield %2 : f32
       } -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

// A weight that is dequantised in the program: not looked through.
func.func @computed_weight(%x: tensor<4x32xf32>, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %q = arith.constant dense<3> : tensor<32x48xi8>
  %f = arith.sitofp %q : tensor<32x48xi8> to tensor<32x48xf32>
  // expected-error @below {{but the weight is computed of constants in a way that is not looked through}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %f : tensor<4x32xf32>, tensor<32x48xf32>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

func.func @wanda_needs_norms(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  // expected-error @below {{requires calibration norms of layer 'encoder.fc1' for criterion wanda, but no file is given}}
  %0 = linalg.matmul {vnm.layer = "encoder.fc1", vnm.sparsity = #vnm.sparsity<16:2:8, criterion = wanda>}
         ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// -----

func.func @no_channels(%x: tensor<4x0xf16>, %w: tensor<0x48xf16> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  // expected-error @below {{but neither operand is a weight with elements}}
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
         ins(%x, %w : tensor<4x0xf16>, tensor<0x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}
