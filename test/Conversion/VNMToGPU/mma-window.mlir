// Panels that share a window of x.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_80" --cse --split-input-file | FileCheck %s
// RUN: vnm-opt %s --vnm-choose-schedule="chip=sm_80" --split-input-file | FileCheck %s --check-prefix=RULE

// A schedule that leaves rows to the family has those of the window: 256, of
// which each of eight warps has half a tile of one panel.
// RULE-LABEL: func.func @picks_rows
// RULE: schedule = #vnm.schedule<family = mma_sp, token_tile = 128, window = 4>
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK: gpu.func @spmm_0({{.*}}) kernel attributes {known_block_size = array<i32: 256, 1, 1>, vnm.kernel = {
// CHECK-SAME: grid = {row_tiles = 2 : i64, token_tile = 128 : i64}
// CHECK-SAME: schedule = {row_tile = 256 : i64, token_tile = 128 : i64, window = 4 : i64}
// Before the first barrier a row of zeros is written.
// CHECK: llvm.store %{{.+}}, %{{.+}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// Nothing but x and values is read to fill a stage; 128 channels of 128 tokens are 8
// copies of a thread, 256 rows of values 4.
// CHECK-NOT: -> i16
// CHECK-COUNT-12: nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 16, cache = cg
// CHECK: nvvm.cp.async.commit.group
// A lane's column ids of both steps.
// CHECK: %[[FIRST:.+]] = llvm.load %{{.+}} {alignment = 2 : i64} : !llvm.ptr<1> -> i16
// CHECK: %[[SECOND:.+]] = llvm.load %{{.+}} {alignment = 2 : i64} : !llvm.ptr<1> -> i16
// CHECK: gpu.barrier
// Where a lane's row is, or the row of zeros if it is not in the window.
// CHECK: %[[ID:.+]] = arith.extui %[[FIRST]] : i16 to i32
// CHECK: %[[VALID:.+]] = arith.cmpi ult, %[[ID]], %c128_i32
// CHECK: arith.select %[[VALID]]
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK: scf.for
// CHECK: nvvm.mma.sp.sync
// CHECK: scf.yield
func.func @picks_rows(%v: memref<512x256xf16>, %m: memref<512x32xi16>, %c: memref<8x512xi16>,
    %x: memref<1024x4096xf16>, %y: memref<512x4096xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<512x256xf16>, memref<512x32xi16>, memref<8x512xi16>, memref<1024x4096xf16>)
      outs(%y : memref<512x4096xf16>) {schedule = #vnm.schedule<family = mma_sp, token_tile = 128, window = 4>}
  return
}

// -----

// Of M = 4 the rows of a window are the slots of all panels: no column id is read, and
// what ldmatrix reads serves all panels of a warp.
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK: schedule = {row_tile = 128 : i64, token_tile = 64 : i64, window = 8 : i64}
// CHECK: nvvm.cp.async.commit.group
// CHECK-NOT: !llvm.ptr<1> -> i16
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK: scf.for
// CHECK-COUNT-4: nvvm.mma.sp.sync
// CHECK-NOT: !llvm.ptr<1> -> i16
// CHECK: gpu.return
// RULE-LABEL: func.func @shares_rows
func.func @shares_rows(%v: memref<256x128xbf16>, %m: memref<256x16xi16>, %c: memref<16x256xi16>,
    %x: memref<256x64xbf16>, %y: memref<256x64xbf16>) {
  vnm.spmm #vnm.encoding<16:2:4>
      ins(%v, %m, %c, %x : memref<256x128xbf16>, memref<256x16xi16>, memref<16x256xi16>, memref<256x64xbf16>)
      outs(%y : memref<256x64xbf16>) {schedule = #vnm.schedule<family = mma_sp, token_tile = 64, window = 8>}
  return
}

// -----

// The rule takes a window where panels are small and tiles many.
// CHECK-LABEL: gpu.module @vnm_kernels
// RULE-LABEL: func.func @small_panels
// RULE: schedule = #vnm.schedule<family = mma_sp, row_tile = 256, token_tile = 128, window = 8>
func.func @small_panels(%v: memref<4096x256xf16>, %m: memref<4096x32xi16>, %c: memref<128x512xi16>,
    %x: memref<1024x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<4096x256xf16>, memref<4096x32xi16>, memref<128x512xi16>, memref<1024x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}

// -----

// Else it gathers: larger panels, few tiles, columns that are free.
// CHECK-LABEL: gpu.module @vnm_kernels
// RULE-LABEL: func.func @large_panels
// RULE: schedule = #vnm.schedule<family = mma_sp, row_tile = 64, token_tile = 256>
func.func @large_panels(%v: memref<4096x256xf16>, %m: memref<4096x32xi16>, %c: memref<64x512xi16>,
    %x: memref<1024x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<4096x256xf16>, memref<4096x32xi16>, memref<64x512xi16>, memref<1024x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}

// -----

// CHECK-LABEL: gpu.module @vnm_kernels
// RULE-LABEL: func.func @few_tiles
// RULE: schedule = #vnm.schedule<family = mma_sp, row_tile = {{[0-9]+}}, token_tile = {{[0-9]+}}>
func.func @few_tiles(%v: memref<4096x256xf16>, %m: memref<4096x32xi16>, %c: memref<128x512xi16>,
    %x: memref<1024x512xf16>, %y: memref<4096x512xf16>) {
  vnm.spmm #vnm.encoding<32:2:8>
      ins(%v, %m, %c, %x : memref<4096x256xf16>, memref<4096x32xi16>, memref<128x512xi16>, memref<1024x512xf16>)
      outs(%y : memref<4096x512xf16>)
  return
}

// -----

// CHECK-LABEL: gpu.module @vnm_kernels
// RULE-LABEL: func.func @free_columns
// RULE: schedule = #vnm.schedule<family = mma_sp, row_tile = {{[0-9]+}}, token_tile = {{[0-9]+}}>
func.func @free_columns(%v: memref<4096x256xf16>, %m: memref<4096x32xi16>, %c: memref<128x512xi16>,
    %x: memref<1024x4096xf16>, %y: memref<4096x4096xf16>) {
  vnm.spmm #vnm.encoding<32:2:8, form = free>
      ins(%v, %m, %c, %x : memref<4096x256xf16>, memref<4096x32xi16>, memref<128x512xi16>, memref<1024x4096xf16>)
      outs(%y : memref<4096x4096xf16>)
  return
}
