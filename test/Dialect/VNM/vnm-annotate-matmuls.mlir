// RUN: vnm-opt %s --vnm-annotate-matmuls="pattern=16:2:8 form=free criterion=ria column-choice=l1" \
// RUN:   --split-input-file | FileCheck %s
// RUN: vnm-opt %s --vnm-annotate-matmuls="pattern=16:2:8" --split-input-file \
// RUN:   --remarks-filter=vnm-annotate --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: func @argument(
// CHECK:         linalg.matmul {vnm.layer = "argument.0",
// CHECK-SAME:      vnm.sparsity = #vnm.sparsity<16:2:8, form = free, criterion = ria, column_choice = l1>}
// REMARK: remark: [Passed] annotate | Category:vnm-annotate | Function=argument | {{.*}}layer argument.0: weight 48 x 32 to become 16:2:8
func.func @argument(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                    %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// CHECK-LABEL: func @constant_on_the_left(
// CHECK:         linalg.matmul {vnm.layer = "constant_on_the_left.0", vnm.sparsity
// REMARK: layer constant_on_the_left.0: weight 48 x 32
func.func @constant_on_the_left(%x: tensor<32x4xf16>, %y: tensor<48x4xf32>) -> tensor<48x4xf32> {
  %w = arith.constant dense<1.0> : tensor<48x32xf16>
  %0 = linalg.matmul ins(%w, %x : tensor<48x32xf16>, tensor<32x4xf16>)
                     outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  return %0 : tensor<48x4xf32>
}

// CHECK-LABEL: func @named_by_location(
// CHECK:         vnm.layer = "encoder.fc1"
// CHECK:         vnm.layer = "encoder.fc1.1"
func.func @named_by_location(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                             %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32> loc("encoder.fc1")
  %1 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%0 : tensor<4x48xf32>) -> tensor<4x48xf32> loc("encoder.fc1")
  return %1 : tensor<4x48xf32>
}

// CHECK-LABEL: func @given_annotation_stays(
// CHECK:         vnm.sparsity = #vnm.sparsity<32:2:4>
// CHECK-NOT:     16:2:8
// CHECK:         return
func.func @given_annotation_stays(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                                  %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<32:2:4>}
                     ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// CHECK-LABEL: func @activations_stay_dense(
// CHECK-NOT:     vnm.
// CHECK:         return
// REMARK: [Missed] annotate | {{.*}}Function=activations_stay_dense | Reason="neither operand is a weight, though one is a function argument"{{.*}}Suggestion="mark the function argument
func.func @activations_stay_dense(%x: tensor<2x4x32xf16>, %k: tensor<2x32x4xf16>,
                                  %y: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %0 = linalg.batch_matmul ins(%x, %k : tensor<2x4x32xf16>, tensor<2x32x4xf16>)
                           outs(%y : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}

// -----

// The same weight as two different matrices: neither may be pruned.
// CHECK-LABEL: func @tied_and_transposed(
// CHECK-NOT:     vnm.sparsity
// CHECK:         return
// REMARK-COUNT-2: its weight is used elsewhere, not as the same matrix of a product
func.func @tied_and_transposed(%x: tensor<4x32xf16>, %w: tensor<32x32xf16> {vnm.weight},
                               %y: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  %e = tensor.empty() : tensor<32x32xf16>
  %t = linalg.transpose ins(%w : tensor<32x32xf16>) outs(%e : tensor<32x32xf16>) permutation = [1, 0]
  %1 = linalg.matmul ins(%0, %t : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %1 : tensor<4x32xf16>
}

// Read as W through a transpose and as W through maps: the same matrix.
// CHECK-LABEL: func @shared_and_agreed(
// CHECK:         linalg.matmul {{.*}}vnm.sparsity
// CHECK:         linalg.matmul {{.*}}vnm.sparsity
func.func @shared_and_agreed(%x: tensor<4x32xf16>, %w: tensor<32x32xf16> {vnm.weight},
                             %y: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %e = tensor.empty() : tensor<32x32xf16>
  %t = linalg.transpose ins(%w : tensor<32x32xf16>) outs(%e : tensor<32x32xf16>) permutation = [1, 0]
  %0 = linalg.matmul ins(%x, %t : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  %1 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                      affine_map<(m, n, k) -> (m, n)>]
                     ins(%0, %w : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %1 : tensor<4x32xf16>
}

// CHECK-LABEL: func @used_by_something_else(
// CHECK-NOT:     vnm.sparsity
// CHECK:         return
// REMARK: Function=used_by_something_else | {{.*}}its weight is used elsewhere
func.func @used_by_something_else(%x: tensor<4x32xf16>, %w: tensor<32x32xf16> {vnm.weight},
                                  %y: tensor<4x32xf16>) -> (tensor<4x32xf16>, tensor<32x32xf16>) {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %0, %w : tensor<4x32xf16>, tensor<32x32xf16>
}

// -----

// Equal constants are one weight, wherever they are.
// CHECK-LABEL: func @equal_constants(
// CHECK-NOT:     vnm.sparsity
// CHECK:         return
func.func @equal_constants(%x: tensor<4x32xf16>, %y: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %w0 = arith.constant dense<2.0> : tensor<32x32xf16>
  %0 = linalg.matmul ins(%x, %w0 : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  %w1 = arith.constant dense<2.0> : tensor<32x32xf16>
  %1 = linalg.contract indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>,
                                        affine_map<(r, t, k) -> (t, r)>]
                       ins(%w1, %0 : tensor<32x32xf16>, tensor<4x32xf16>)
                       outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %1 : tensor<4x32xf16>
}
