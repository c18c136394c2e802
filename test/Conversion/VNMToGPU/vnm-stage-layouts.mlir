// RUN: vnm-opt %s --vnm-stage-layouts=chip=sm_90a --split-input-file | FileCheck %s
// RUN: vnm-opt %s --vnm-stage-layouts=chip=sm_80 --split-input-file | FileCheck %s --check-prefix=SM80
// RUN: vnm-opt %s --vnm-stage-layouts="chip=sm_90a family=mma_sp" --split-input-file | FileCheck %s --check-prefix=PORTABLE
// RUN: vnm-opt %s --vnm-stage-layouts=chip=sm_90a --convert-vnm-to-gpu=chip=sm_90a --split-input-file | FileCheck %s --check-prefix=GPU
// RUN: not vnm-opt %s --vnm-stage-layouts=chip=sm_1 --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not vnm-opt %s --vnm-stage-layouts="chip=sm_90a family=best" --split-input-file 2>&1 | FileCheck %s --check-prefix=FAMILY
// CHIP: sm_1
// FAMILY: requires family to be auto, mma_sp, wgmma_sp or skinny, but it is 'best'
// PORTABLE-NOT: linalg.transpose
// SM80-NOT: linalg.transpose

// Two products of one x share its transpose: neither result can be x. A token-major y
// the kernel stores itself.
// CHECK-LABEL: func @shared(
// CHECK-SAME: %[[X:[^:]*]]: memref<64x256xf16>)
// CHECK: %[[Y:.*]] = memref.alloc() : memref<64x128xf16>
// CHECK: %[[XT:.*]] = memref.alloc() : memref<256x64xf16>
// CHECK: linalg.transpose ins(%[[X]] : memref<64x256xf16>) outs(%[[XT]] : memref<256x64xf16>) permutation = [1, 0] {vnm.staged = #vnm.activation_layout<feature_major>}
// CHECK-NOT: linalg.transpose
// CHECK: vnm.spmm
// CHECK-SAME: %[[XT]] :
// CHECK: outs(%[[Y]] :
// CHECK-SAME: {y_layout = #vnm.activation_layout<token_major>}
// CHECK-NOT: linalg.transpose
// CHECK: vnm.spmm
// CHECK-SAME: %[[XT]] :
// CHECK: memref.dealloc %[[XT]]
// CHECK: return
// GPU-LABEL: gpu.module @vnm_kernels
// GPU-DAG: gpu.func @spmm_0
// GPU-DAG: gpu.func @spmm_1
// GPU-DAG: gpu.func @transpose_0({{.*}}family = "transpose"{{.*}}rows = 256 : i64
func.func @shared(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                  %x: memref<64x256xf16>) -> (memref<64x128xf16>, memref<128x64xf16>) {
  %y = memref.alloc() : memref<64x128xf16>
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      outs(%y : memref<64x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  %z = memref.alloc() : memref<128x64xf16>
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      outs(%z : memref<128x64xf16>)
      {x_layout = #vnm.activation_layout<token_major>}
  return %y, %z : memref<64x128xf16>, memref<128x64xf16>
}

// -----

// Rows that are permuted the kernel stores feature-major only: y is transposed, too.
// CHECK-LABEL: func @permuted(
// CHECK-SAME: %[[X:[^:]*]]: memref<64x256xf16>, %[[Y:[^:]*]]: memref<64x128xf16>
// CHECK: linalg.transpose ins(%[[X]] :
// CHECK: %[[YT:.*]] = memref.alloc() : memref<128x64xf16>
// CHECK: vnm.spmm
// CHECK: outs(%[[YT]] :
// CHECK-NOT: token_major>
// CHECK: linalg.transpose ins(%[[YT]] : memref<128x64xf16>) outs(%[[Y]] : memref<64x128xf16>) permutation = [1, 0] {vnm.staged = #vnm.activation_layout<token_major>}
// CHECK: memref.dealloc %[[YT]]
// GPU-LABEL: func @permuted(
// GPU-DAG: gpu.func @transpose_0({{.*}}family = "transpose"{{.*}}rows = 256 : i64
// GPU-DAG: gpu.func @transpose_1({{.*}}family = "transpose"{{.*}}rows = 128 : i64
func.func @permuted(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                    %x: memref<64x256xf16>, %y: memref<64x128xf16>, %rows: memref<128xi32>) {
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      rows(%rows : memref<128xi32>) outs(%y : memref<64x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// A y that is read stays, and only x is transposed; a token-major y alone needs nothing.
// CHECK-LABEL: func @read(
// CHECK-SAME: %[[X:[^:]*]]: memref<64x256xf16>, %[[XF:[^:]*]]: memref<256x64xf16>, %[[Y:[^:]*]]: memref<64x128xf16>
// CHECK: linalg.transpose ins(%[[X]] :
// CHECK: vnm.spmm
// CHECK: outs(%[[Y]] : {{.*}} {accumulate, y_layout = #vnm.activation_layout<token_major>}
// CHECK: vnm.spmm
// CHECK-SAME: %[[XF]] :
// CHECK: outs(%[[Y]] : {{.*}} {y_layout = #vnm.activation_layout<token_major>}
// CHECK-NOT: linalg.transpose
// CHECK: return
// GPU-LABEL: func @read(
// GPU-COUNT-2: family = "wgmma_sp"
func.func @read(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                %x: memref<64x256xf16>, %xf: memref<256x64xf16>, %y: memref<64x128xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      outs(%y : memref<64x128xf16>)
      {accumulate, x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %xf : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x64xf16>)
      outs(%y : memref<64x128xf16>) {y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// x may have been written: it is transposed again.
// CHECK-LABEL: func @written(
// CHECK-COUNT-2: linalg.transpose
func.func @written(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                   %x: memref<64x256xf16>, %y: memref<128x64xf16>, %one: f16, %i: index) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      outs(%y : memref<128x64xf16>) {x_layout = #vnm.activation_layout<token_major>}
  memref.store %one, %x[%i, %i] : memref<64x256xf16>
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      outs(%y : memref<128x64xf16>) {x_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// Nothing is staged where it would not lead to another family: with a T that is
// dynamic or no multiple of 8, with V = 32, with a y that is read and whose rows are
// permuted.
// CHECK-LABEL: func @stays(
// CHECK-NOT: linalg.transpose
// GPU-LABEL: func @stays(
func.func @stays(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                 %c32: memref<4x128xi16>,
                 %xd: memref<?x256xf16>, %yd: memref<?x128xf16>,
                 %xo: memref<65x256xf16>, %yo: memref<65x128xf16>,
                 %x: memref<64x256xf16>, %y: memref<64x128xf16>, %rows: memref<128xi32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %xd : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<?x256xf16>)
      outs(%yd : memref<?x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %xo : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<65x256xf16>)
      outs(%yo : memref<65x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c32, %x : memref<128x64xf16>, memref<128x8xi16>, memref<4x128xi16>, memref<64x256xf16>)
      outs(%y : memref<64x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xf16>)
      rows(%rows : memref<128xi32>) outs(%y : memref<64x128xf16>)
      {accumulate, x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  return
}

// -----

// 16 tokens are for skinny, on any chip, whose shared memory does not hold this x; it
// stores y as it is. mma_sp would read x, too: it is left.
// CHECK-LABEL: func @few_tokens(
// CHECK-SAME: %[[Y:[^:]*]]: memref<16x128xf16>
// CHECK: linalg.transpose
// CHECK: vnm.spmm
// CHECK: outs(%[[Y]] :
// CHECK-NOT: linalg.transpose
// SM80-LABEL: func @few_tokens(
// SM80: linalg.transpose
// SM80: vnm.spmm
// SM80-NOT: linalg.transpose
// GPU-LABEL: func @few_tokens(
// GPU: family = "skinny"
func.func @few_tokens(%v: memref<128x4096xf16>, %m: memref<128x512xi16>, %c: memref<2x8192xi16>,
                      %x: memref<16x16384xf16>, %y: memref<16x128xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x4096xf16>, memref<128x512xi16>, memref<2x8192xi16>, memref<16x16384xf16>)
      outs(%y : memref<16x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
  return
}
