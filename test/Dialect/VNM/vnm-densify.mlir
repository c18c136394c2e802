// RUN: vnm-opt %s --split-input-file --vnm-densify | FileCheck %s

// CHECK-DAG: #[[W:.+]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-DAG: #[[X:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
// CHECK-DAG: #[[Y:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-LABEL: @follows_the_layouts
// CHECK: %[[DENSE:.+]] = vnm.decompress
// CHECK: linalg.fill {{.*}} -> tensor<3x100x?xf32>
// CHECK: linalg.contract indexing_maps = [#[[W]], #[[X]], #[[Y]]] ins(%[[DENSE]],
// CHECK: arith.truncf {{.*}} f32 to f16
// CHECK-NOT: vnm.matmul
func.func @follows_the_layouts(
    %w: tensor<100x77xf16, #vnm.encoding<64:2:8>>, %x: tensor<3x?x77xf16>,
    %y: tensor<3x100x?xf16>) -> tensor<3x100x?xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf16, #vnm.encoding<64:2:8>>, tensor<3x?x77xf16>)
    outs(%y : tensor<3x100x?xf16>)
    {x_layout = #vnm.activation_layout<token_major>} -> tensor<3x100x?xf16>
  return %0 : tensor<3x100x?xf16>
}

// -----

// Rows innermost in the result: the weight is read with rows innermost too.
// CHECK-DAG: #[[WT:.+]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[X:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[Y:.+]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK-LABEL: @transposes_the_weight_for_token_major_results
// CHECK: %[[T:.+]] = linalg.transpose ins(%{{.+}} : tensor<100x77xf32>) outs(%{{.+}} : tensor<77x100xf32>) permutation = [1, 0]
// CHECK: linalg.contract indexing_maps = [#[[WT]], #[[X]], #[[Y]]] ins(%[[T]],
func.func @transposes_the_weight_for_token_major_results(
    %w: tensor<100x77xf32, #vnm.encoding<64:2:8>>, %x: tensor<?x77xf32>,
    %y: tensor<?x100xf32>) -> tensor<?x100xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf32, #vnm.encoding<64:2:8>>, tensor<?x77xf32>)
    outs(%y : tensor<?x100xf32>)
    {x_layout = #vnm.activation_layout<token_major>,
     y_layout = #vnm.activation_layout<token_major>} -> tensor<?x100xf32>
  return %0 : tensor<?x100xf32>
}

// -----

// CHECK-DAG: #[[ROW:.+]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[TOKEN:.+]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: @applies_the_epilogue_after_the_sum
// CHECK-SAME: %{{.+}}: tensor<{{.*}}>, %{{.+}}: tensor<77x5xf32>, %[[INIT:.+]]: tensor<100x5xf32>,
// CHECK-NOT: linalg.fill
// CHECK: linalg.contract {{.*}} outs(%[[INIT]] : tensor<100x5xf32>)
// CHECK: linalg.generic {indexing_maps = [#{{.+}}, #[[ROW]], #[[TOKEN]], #{{.+}}]
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @applies_the_epilogue_after_the_sum(
    %w: tensor<100x77xf32, #vnm.encoding<64:2:8>>, %x: tensor<77x5xf32>,
    %y: tensor<100x5xf32>, %bias: tensor<100xf32>, %scale: tensor<5xf32>)
    -> tensor<100x5xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf32, #vnm.encoding<64:2:8>>, tensor<77x5xf32>)
    outs(%y : tensor<100x5xf32>) {accumulate}
    epilogue(%bias per_row : tensor<100xf32>, %scale per_token : tensor<5xf32>) {
    ^bb0(%acc: f32, %b: f32, %s: f32):
      %0 = arith.mulf %acc, %s : f32
      %1 = arith.addf %0, %b : f32
      vnm.yield %1 : f32
    } -> tensor<100x5xf32>
  return %0 : tensor<100x5xf32>
}

// -----

// CHECK-LABEL: @sums_integers_in_i32
// CHECK: linalg.contract {{.*}} ins(%{{.*}} : tensor<64x32xi8>, tensor<32x9xi8>) outs(%{{.*}} : tensor<64x9xi32>)
func.func @sums_integers_in_i32(
    %w: tensor<64x32xi8, #vnm.encoding<64:2:8>>, %x: tensor<32x9xi8>,
    %y: tensor<64x9xi32>) -> tensor<64x9xi32> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x32xi8, #vnm.encoding<64:2:8>>, tensor<32x9xi8>)
    outs(%y : tensor<64x9xi32>) -> tensor<64x9xi32>
  return %0 : tensor<64x9xi32>
}
