// RUN: %python %S/Inputs/write_norms.py %t.safetensors fc1:32 fc2:48
// RUN: vnm-opt %s --vnm-sparsify=calibration=%t.safetensors | FileCheck %s
// RUN: %python %S/Inputs/write_norms.py %t.short.safetensors fc1:31 fc2:48
// RUN: not vnm-opt %s --vnm-sparsify=calibration=%t.short.safetensors 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: %python %S/Inputs/write_norms.py %t.part.safetensors fc2:48
// RUN: not vnm-opt %s --vnm-sparsify=calibration=%t.part.safetensors 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not vnm-opt %s --vnm-sparsify=calibration=%t.nowhere 2>&1 | FileCheck %s --check-prefix=FILE

// SIZE: error: {{.*}} requires the calibration of layer 'fc1' to be F32 of shape [32], but it is F32 of shape [31]
// MISSING: error: {{.*}} requires calibration norms of layer 'fc1' for criterion wanda, but the calibration file has none
// FILE: error: vnm-sparsify: option calibration: {{.+}}

// CHECK-LABEL: func @f(
// CHECK-DAG:     %[[N1:.+]] = arith.constant dense_resource<fc1.norms> : tensor<32xf32>
// CHECK-DAG:     vnm.compress %{{.+}} importance(%[[N1]] : tensor<32xf32>) {criterion = #vnm.criterion<wanda>, vnm.layer = "fc1"}
// CHECK-DAG:     vnm.compress %{{.+}} {column_choice = #vnm.column_choice<l1>, criterion = #vnm.criterion<ria>, vnm.layer = "other"}
// CHECK:         fc1.norms: "0x100000000000803F0000004000004040
func.func @f(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight}, %v: tensor<48x32xf16> {vnm.weight},
             %y: tensor<4x48xf16>, %z: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %0 = linalg.matmul {vnm.layer = "fc1", vnm.sparsity = #vnm.sparsity<16:2:8, criterion = wanda>}
         ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf16>) -> tensor<4x48xf16>
  // Criterion ria needs no norms.
  %1 = linalg.matmul {vnm.layer = "other", vnm.sparsity = #vnm.sparsity<16:2:8, criterion = ria, column_choice = l1>}
         ins(%0, %v : tensor<4x48xf16>, tensor<48x32xf16>) outs(%z : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %1 : tensor<4x32xf16>
}
