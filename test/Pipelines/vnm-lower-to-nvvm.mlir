// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=mma_sp format=mlir" | FileCheck %s --check-prefix=KERNEL
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=mma_sp" | FileCheck %s --check-prefix=HOST
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=mma_sp" | %python %S/Inputs/ptx.py | FileCheck %s --check-prefix=PTX
// RUN: not vnm-opt %s --vnm-lower-to-nvvm="chip=sm_70" 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not vnm-opt %s --vnm-lower-to-nvvm="chip=sm_80 ptx=80" 2>&1 | FileCheck %s --check-prefix=VERSION
// RUN: not vnm-opt %s --vnm-lower-to-nvvm="chip=sm_80 format=bin toolkit=%t" 2>&1 | FileCheck %s --check-prefix=TOOLKIT

// The pipeline is the sum of its passes.
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=mma_sp" > %t.pipeline
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a family=mma_sp format=mlir" \
// RUN:   | vnm-opt --pass-pipeline="builtin.module(gpu.module(vnm-expand-kernel-math,canonicalize,cse,convert-nvgpu-to-nvvm,convert-scf-to-cf,convert-gpu-to-nvvm,canonicalize,cse,reconcile-unrealized-casts),vnm-serialize-kernels)" \
// RUN:   | grep -o 'assembly = .*' > %t.passes
// RUN: grep -o 'assembly = .*' %t.pipeline | diff - %t.passes

// format=mlir stops where the kernels can be read; the rest of the function is
// still to be lowered.
// KERNEL-LABEL: func.func @layer
// KERNEL: gpu.launch_func
// KERNEL: linalg.generic
// KERNEL: gpu.module @vnm_kernels [#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx85">]
// KERNEL: nvvm.mma.sp.sync

// HOST: llvm.func @layer
// HOST: llvm.call @mgpuMemAlloc
// HOST: llvm.call @mgpuMemcpy
// HOST: gpu.launch_func <%{{.+}} : !llvm.ptr> @vnm_kernels::@spmm_0
// HOST: llvm.call @mgpuStreamSynchronize
// HOST: llvm.call @mgpuMemFree
// The elementwise op after the product runs on the host.
// HOST: omp.parallel
// HOST: llvm.func @_mlir_ciface_layer
// HOST: gpu.binary @vnm_kernels [#gpu.object<#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx85">, {{.*}}assembly = "
// HOST-NOT: unrealized_conversion_cast
// HOST-NOT: func.func

// PTX: .version 8.5
// PTX: .target sm_90a
// PTX: .visible .entry spmm_0
// PTX: cp.async.cg.shared.global
// PTX: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// PTX: mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32
// PTX: cp.async.wait_group 2
// PTX: bar.sync
// PTX: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX-NOT: .extern
// PTX-NOT: call

// CHIP: error: requires chip to be one of sm_80, {{.*}}, but it is 'sm_70'
// VERSION: error: requires ptx to be one of 85, 86, 87, 88, 90 for chip sm_80, but it is 80
// TOOLKIT: error: requires NVIDIA's assembler in the toolkit to make a cubin, but {{.+}}/bin/ptxas cannot be run

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @layer(%w: tensor<128x4096xf16, #vnm.encoding<64:2:8>>, %x: tensor<4096x64xf16>,
                 %bias: tensor<128xf32>, %y: tensor<128x64xf32>) -> tensor<128x64xf32> {
  %0 = vnm.matmul
      ins(%w, %x : tensor<128x4096xf16, #vnm.encoding<64:2:8>>, tensor<4096x64xf16>)
      outs(%y : tensor<128x64xf32>)
      epilogue(%bias per_row : tensor<128xf32>) {
      ^bb0(%acc: f32, %b: f32):
        %sum = arith.addf %acc, %b : f32
        %tanh = math.tanh %sum : f32
        vnm.yield %tanh : f32
      } -> tensor<128x64xf32>
  %empty = tensor.empty() : tensor<128x64xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<128x64xf32>) outs(%empty : tensor<128x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %square = arith.mulf %in, %in : f32
      linalg.yield %square : f32
    } -> tensor<128x64xf32>
  return %1 : tensor<128x64xf32>
}
