// A cost table decides how kernels are built, and, if that is allowed, which layers
// stay dense.
// DEFINE: %{table} = cost-table=%S/../Conversion/VNMToGPU/Inputs/schedule-costs.json
// RUN: vnm-opt %s --vnm-lower-to-nvvm="pattern=128:2:8 chip=sm_90a format=mlir %{table}" | FileCheck %s --check-prefix=KERNELS
// RUN: vnm-opt %s --vnm-lower-to-nvvm="pattern=128:2:8 chip=sm_90a format=mlir" | FileCheck %s --check-prefix=RULE
// RUN: vnm-opt %s --vnm-sparsify-model="pattern=128:2:8 allow-dense=true %{table}" | FileCheck %s --check-prefix=MODEL
// RUN: vnm-opt %s --vnm-sparsify-model="pattern=128:2:8 %{table}" | FileCheck %s --check-prefix=ALL-SPARSE
// RUN: vnm-opt %s --vnm-lower-to-nvvm="pattern=128:2:8 chip=sm_90a format=mlir allow-dense=true %{table}" --remarks-filter=vnm-select \
// RUN:   --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// KERNELS: gpu.func @spmm_0
// KERNELS-SAME: schedule = {token_tile = 128 : i64}
// KERNELS: gpu.func @spmm_1
// KERNELS-SAME: schedule = {token_tile = 64 : i64}
// RULE: gpu.func @spmm_0
// RULE-SAME: schedule = {token_tile = 64 : i64}

// MODEL: vnm.matmul {{.*}}tensor<256x256xf16>
// MODEL: linalg.matmul {{.*}}tensor<256x1024xf16>
// ALL-SPARSE: vnm.matmul
// ALL-SPARSE: vnm.matmul
// REMARK: [Passed] select | {{.*}}128:2:8, 11.0 us (measured), dense 20.0 us
// REMARK: [Missed] select | {{.*}}Reason="its pattern is not predicted to be faster", Remark="layer {{.*}} stays dense at 30.0 us

func.func @f(%x: tensor<512x256xf16>, %y: tensor<512x1024xf16>) -> (tensor<256x256xf16>, tensor<256x1024xf16>) {
  %w = arith.constant dense<1.0> : tensor<256x512xf16>
  %v = arith.constant dense<2.0> : tensor<256x512xf16>
  %zero = arith.constant 0.0 : f16
  %e0 = tensor.empty() : tensor<256x256xf16>
  %i0 = linalg.fill ins(%zero : f16) outs(%e0 : tensor<256x256xf16>) -> tensor<256x256xf16>
  %0 = linalg.matmul ins(%w, %x : tensor<256x512xf16>, tensor<512x256xf16>) outs(%i0 : tensor<256x256xf16>) -> tensor<256x256xf16>
  %e1 = tensor.empty() : tensor<256x1024xf16>
  %i1 = linalg.fill ins(%zero : f16) outs(%e1 : tensor<256x1024xf16>) -> tensor<256x1024xf16>
  %1 = linalg.matmul ins(%v, %y : tensor<256x512xf16>, tensor<512x1024xf16>) outs(%i1 : tensor<256x1024xf16>) -> tensor<256x1024xf16>
  return %0, %1 : tensor<256x256xf16>, tensor<256x1024xf16>
}
