// RUN: split-file %s %t
// RUN: vnm-opt %t/kernels.mlir --vnm-lower-to-nvvm="chip=sm_90a" --vnm-write-kernels="dir=%t/out" -o %t/lowered.mlir
// RUN: FileCheck %t/kernels.mlir --check-prefix=MODULE --input-file=%t/lowered.mlir
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/out/vnm_kernels.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=MANIFEST --input-file=%t/out/manifest.json
// RUN: %python -m json.tool %t/out/manifest.json

// RUN: not vnm-opt %t/none.mlir --vnm-write-kernels="dir=%t/none" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not vnm-opt %t/none.mlir --vnm-write-kernels 2>&1 | FileCheck %s --check-prefix=DIR
// RUN: not vnm-opt %t/foreign.mlir --vnm-write-kernels="dir=%t/foreign" 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: not vnm-opt %t/undescribed.mlir --vnm-write-kernels="dir=%t/foreign" 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not vnm-opt %t/offload.mlir --vnm-write-kernels="dir=%t/foreign" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not vnm-opt %t/lowered.mlir --vnm-write-kernels="dir=%t/kernels.mlir" 2>&1 | FileCheck %s --check-prefix=FOLDER

// NONE: error: requires compiled kernels, but there is no gpu.binary; run vnm-lower-to-nvvm first
// DIR: error: requires dir to name a folder, but it is empty
// TABLE: error: {{.*}}requires kernels of convert-vnm-to-gpu that vnm-serialize-kernels compiled, but there is no table of kernels
// ENTRY: error: {{.*}}requires 'vnm.kernel' of every kernel, but "other" has none
// FORMAT: error: {{.*}}requires PTX or a cubin, but the object is neither
// FOLDER: error: requires a folder that can be written, but

//--- kernels.mlir
// The description stays with the compiled code, and the module is as it was.
// MODULE: gpu.binary @vnm_kernels
// MODULE-SAME: kernels = <[#gpu.kernel_metadata<"spmm_0", {{[^{]*}}{vnm.kernel = {
// MODULE-SAME: #gpu.kernel_metadata<"spmm_1"

// PTX: .visible .entry spmm_0
// PTX: .visible .entry spmm_1

// MANIFEST: "kernels": [
// MANIFEST: "accumulate": false,
// MANIFEST-NEXT: "arguments": [
// MANIFEST: "kind": "memref",
// MANIFEST-NEXT: "name": "values",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: 128,
// MANIFEST-NEXT: 64
// MANIFEST: "type": "f16"
// MANIFEST: "name": "metadata",
// MANIFEST: "name": "columns",
// MANIFEST: "layout": "feature_major",
// MANIFEST-NEXT: "name": "x",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: 256,
// MANIFEST-NEXT: 100
// MANIFEST: "name": "y",
// MANIFEST: "type": "f32"
// MANIFEST: "kind": "size",
// MANIFEST-NEXT: "name": "tokens",
// MANIFEST: "batch": [],
// MANIFEST-NEXT: "chip": "sm_90a",
// MANIFEST-NEXT: "code": "vnm_kernels.ptx",
// MANIFEST-NEXT: "cols": 256,
// MANIFEST-NEXT: "epilogue": false,
// MANIFEST-NEXT: "family": "mma_sp",
// MANIFEST-NEXT: "format": "ptx",
// MANIFEST-NEXT: "grid": {
// MANIFEST-NEXT: "row_tiles": 4,
// MANIFEST-NEXT: "token_tile": 32
// MANIFEST-NEXT: },
// MANIFEST-NEXT: "name": "spmm_0",
// MANIFEST-NEXT: "pattern": "64:2:8",
// MANIFEST-NEXT: "rows": 128,
// MANIFEST-NEXT: "schedule": {
// MANIFEST-NEXT: "row_tile": 32,
// MANIFEST-NEXT: "token_tile": 32
// MANIFEST-NEXT: },
// MANIFEST-NEXT: "shared_memory": 26624,
// MANIFEST-NEXT: "threads": 128,
// MANIFEST-NEXT: "tokens": 100
func.func @static_tokens(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                         %x: memref<256x100xf16>, %y: memref<128x100xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x100xf16>)
      outs(%y : memref<128x100xf32>)
  return
}

// Dynamic sizes are named; operands of the epilogue follow the result.
// MANIFEST: "name": "rows",
// MANIFEST: "layout": "token_major",
// MANIFEST-NEXT: "name": "x",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: "batch0",
// MANIFEST-NEXT: "tokens",
// MANIFEST-NEXT: 256
// MANIFEST: "name": "y",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: "batch0",
// MANIFEST-NEXT: "tokens",
// MANIFEST-NEXT: 40
// MANIFEST: "broadcast": "per_row",
// MANIFEST: "name": "epilogue0",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: 40
// MANIFEST: "broadcast": "per_token",
// MANIFEST: "name": "epilogue1",
// MANIFEST-NEXT: "shape": [
// MANIFEST-NEXT: "tokens"
// MANIFEST: "kind": "size",
// MANIFEST: "batch": [
// MANIFEST-NEXT: "batch0"
// MANIFEST: "epilogue": true,
// MANIFEST: "name": "spmm_1",
// MANIFEST: "tokens": "tokens"
func.func @dynamic(%v: memref<40x64xbf16>, %m: memref<40x8xi16>, %c: memref<1x128xi16>, %r: memref<40xi32>,
                   %x: memref<?x?x256xbf16>, %y: memref<?x?x40xbf16>, %bias: memref<40xf32>, %scale: memref<?xf32>) {
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
      ins(%v, %m, %c, %x : memref<40x64xbf16>, memref<40x8xi16>, memref<1x128xi16>, memref<?x?x256xbf16>)
      rows(%r : memref<40xi32>) outs(%y : memref<?x?x40xbf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
      epilogue(%bias per_row : memref<40xf32>, %scale per_token : memref<?xf32>) {
      ^bb0(%acc: f32, %b: f32, %s: f32):
        %scaled = arith.mulf %acc, %s : f32
        %sum = arith.addf %scaled, %b : f32
        %out = arith.truncf %sum : f32 to bf16
        vnm.yield %out : bf16
      }
  return
}

//--- none.mlir
func.func @f() {
  return
}

//--- foreign.mlir
gpu.binary @other [#gpu.object<#nvvm.target<chip = "sm_90a">, assembly = "text">]

//--- undescribed.mlir
gpu.binary @other [#gpu.object<#nvvm.target<chip = "sm_90a">, kernels = <[#gpu.kernel_metadata<"other", () -> ()>]>, assembly = "text">]

//--- offload.mlir
gpu.binary @other [#gpu.object<#nvvm.target<chip = "sm_90a">, offload = "text">]
