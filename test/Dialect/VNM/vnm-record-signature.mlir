// RUN: vnm-opt %s --pass-pipeline='builtin.module(any(vnm-record-signature))' --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @records_public_functions
// CHECK-SAME: vnm.signature = (tensor<?x8xf32>, tensor<64x64xf16, #vnm.encoding<64:2:8>>) -> tensor<?x8xf32>
func.func @records_public_functions(%x: tensor<?x8xf32>, %w: tensor<64x64xf16, #vnm.encoding<64:2:8>>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}

// CHECK-LABEL: func.func private @leaves_private_functions
// CHECK-NOT: vnm.signature
func.func private @leaves_private_functions(%x: tensor<?x8xf32>) {
  return
}

// CHECK-LABEL: func.func private @leaves_declarations
// CHECK-NOT: vnm.signature
func.func private @leaves_declarations(tensor<?x8xf32>)

// CHECK-LABEL: llvm.func @leaves_lowered_functions
// CHECK-NOT: vnm.signature
llvm.func @leaves_lowered_functions(%x: !llvm.ptr) {
  llvm.return
}

// The last run counts.
// CHECK-LABEL: func.func @overwrites
// CHECK-SAME: vnm.signature = () -> ()
func.func @overwrites() attributes {vnm.signature = (i32) -> i32} {
  return
}
