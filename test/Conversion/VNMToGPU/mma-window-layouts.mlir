// A window that the rule takes reads feature-major x; y it stores in either layout.
// RUN: vnm-opt %s --vnm-stage-layouts=chip=sm_80 | FileCheck %s

// CHECK-LABEL: func.func @small_panels(
// CHECK: linalg.transpose ins(%[[X:.+]] : memref<4096x1024xf16>) outs(%[[XT:.+]] : memref<1024x4096xf16>)
// CHECK: vnm.spmm {{.*}} %[[XT]] :
// CHECK-SAME: {y_layout = #vnm.activation_layout<token_major>}
// CHECK-NOT: linalg.transpose
func.func @small_panels(%v: memref<4096x256xf16>, %m: memref<4096x32xi16>, %c: memref<128x512xi16>,
                        %x: memref<4096x1024xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<4096x256xf16>, memref<4096x32xi16>, memref<128x512xi16>, memref<4096x1024xf16>)
      outs(%y : memref<4096x4096xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  return
}
