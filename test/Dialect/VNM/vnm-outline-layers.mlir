// RUN: vnm-opt %s --split-input-file --vnm-outline-layers | FileCheck %s

// Constants move along, everything else becomes an argument, x first.
// CHECK-NOT: @main
// CHECK-LABEL: func.func @layer_0
// CHECK-SAME: (%[[X:.+]]: tensor<77x?xf32>, %[[W:.+]]: tensor<100x77xf32, #vnm.encoding<64:2:8>>) -> tensor<100x?xf32> attributes {vnm.layer = "fc1"}
// CHECK: %[[BIAS:.+]] = arith.constant dense<1.0
// CHECK: %[[T:.+]] = tensor.dim %[[X]]
// CHECK: %[[INIT:.+]] = tensor.empty(%[[T]])
// CHECK: vnm.matmul ins(%[[W]], %[[X]] : {{.*}}) outs(%[[INIT]] : {{.*}}) {vnm.layer = "fc1"} epilogue(%[[BIAS]] per_row
// CHECK-LABEL: func.func @layer_1
// CHECK-SAME: (%{{.+}}: tensor<100x?xf32>, %{{.+}}: tensor<77x100xf32, #vnm.encoding<64:2:8>>, %[[Y:.+]]: tensor<77x?xf32>)
// CHECK: outs(%[[Y]] : {{.*}}) {accumulate}
func.func @main(
    %w1: tensor<100x77xf32, #vnm.encoding<64:2:8>>,
    %w2: tensor<77x100xf32, #vnm.encoding<64:2:8>>, %x: tensor<77x?xf32>,
    %h: tensor<100x?xf32>, %y: tensor<77x?xf32>) -> tensor<77x?xf32> {
  %bias = arith.constant dense<1.0> : tensor<100xf32>
  %0 = vnm.matmul ins(%w1, %x : tensor<100x77xf32, #vnm.encoding<64:2:8>>, tensor<77x?xf32>)
    outs(%h : tensor<100x?xf32>) {vnm.layer = "fc1"}
    epilogue(%bias per_row : tensor<100xf32>) {
    ^bb0(%acc: f32, %b: f32):
      %s = arith.addf %acc, %b : f32
      vnm.yield %s : f32
    } -> tensor<100x?xf32>
  %1 = vnm.matmul ins(%w2, %0 : tensor<77x100xf32, #vnm.encoding<64:2:8>>, tensor<100x?xf32>)
    outs(%y : tensor<77x?xf32>) {accumulate} -> tensor<77x?xf32>
  return %1 : tensor<77x?xf32>
}

// -----

// An epilogue may use values around it: constants move along, others become
// arguments.
// CHECK-LABEL: func.func @layer_0
// CHECK-SAME: (%{{.+}}: tensor<77x5xf32>, %{{.+}}: tensor<{{.*}}>, %[[S:.+]]: f32)
// CHECK: %[[TWO:.+]] = arith.constant 2.0
// CHECK: arith.mulf %{{.+}}, %[[TWO]]
// CHECK: arith.mulf %{{.+}}, %[[S]]
func.func @captures(
    %w: tensor<100x77xf32, #vnm.encoding<64:2:8>>, %x: tensor<77x5xf32>,
    %y: tensor<100x5xf32>, %scale: f32) -> tensor<100x5xf32> {
  %two = arith.constant 2.0 : f32
  %0 = vnm.matmul ins(%w, %x : tensor<100x77xf32, #vnm.encoding<64:2:8>>, tensor<77x5xf32>)
    outs(%y : tensor<100x5xf32>)
    epilogue {
    ^bb0(%acc: f32):
      %1 = arith.mulf %acc, %two : f32
      %2 = arith.mulf %1, %scale : f32
      vnm.yield %2 : f32
    } -> tensor<100x5xf32>
  return %0 : tensor<100x5xf32>
}
