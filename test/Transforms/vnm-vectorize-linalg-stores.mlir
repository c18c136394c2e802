// RUN: vnm-opt %s --vnm-vectorize-linalg | FileCheck %s
// RUN: not vnm-opt %s --vnm-vectorize-linalg=vector-size=48 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not vnm-opt %s --vnm-vectorize-linalg=vector-size=2048 2>&1 | FileCheck %s --check-prefix=LONG

// SIZE: error: vnm-vectorize-linalg requires vector-size to be a power of two in [1, 1024], but it is 48
// LONG: error: vnm-vectorize-linalg requires vector-size to be a power of two in [1, 1024], but it is 2048

// A copy of a strided buffer would become a call; one of contiguous memory does
// not.
// CHECK-LABEL: func @copies(
// CHECK:         scf.parallel
// CHECK:           vector.transfer_write
// CHECK:         memref.copy %{{.+}}, %{{.+}} : memref<4x8xf32> to memref<4x8xf32>
func.func @copies(%a: memref<4x8xf32>, %b: memref<4x8xf32>, %s: memref<4x8xf32, strided<[16, 1], offset: ?>>) {
  memref.copy %s, %a : memref<4x8xf32, strided<[16, 1], offset: ?>> to memref<4x8xf32>
  memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32>
  return
}

// Constants of bf16 are never stored under a mask; others are.
// CHECK-LABEL: func @fills(
// CHECK:         vector.transfer_write %{{.+}} {in_bounds = [true]} : vector<2xbf16>, memref<3x34xbf16>
// CHECK:         vector.transfer_write %{{.+}} : vector<64xf16>, memref<3x34xf16>
func.func @fills(%a: memref<3x34xbf16>, %b: memref<3x34xf16>) {
  %bf16 = arith.constant 0.0 : bf16
  linalg.fill ins(%bf16 : bf16) outs(%a : memref<3x34xbf16>)
  %f16 = arith.constant 0.0 : f16
  linalg.fill ins(%f16 : f16) outs(%b : memref<3x34xf16>)
  return
}
