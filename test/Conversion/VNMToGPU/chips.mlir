// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_75" 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=gfx942" 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_80 ptx=80" 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_120a ptx=85" 2>&1 | FileCheck %s --check-prefix=CHIP-OLD
// RUN: not vnm-opt %s --convert-vnm-to-gpu="chip=sm_90 ptx=89" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_100a" | FileCheck %s --check-prefix=DEFAULT
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_80 ptx=90" | FileCheck %s --check-prefix=NEWER

// CHIP: error: requires chip to be one of sm_80, sm_86, sm_87, sm_88, sm_89, sm_90, sm_90a, sm_100,
// CHIP-SAME: but it is 'sm_75'
// OTHER: but it is 'gfx942'
// OLD: error: requires ptx to be one of 85, 86, 87, 88, 90 for chip sm_80, but it is 80
// CHIP-OLD: error: requires ptx to be one of 87, 88, 90 for chip sm_120a, but it is 85
// NONE: but it is 89
// DEFAULT: #nvvm.target<O = 3, chip = "sm_100a", features = "+ptx86">
// NEWER: features = "+ptx90">

func.func @spmm(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                %x: memref<64x16xf16>, %y: memref<64x16xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16>)
      outs(%y : memref<64x16xf16>)
  return
}
