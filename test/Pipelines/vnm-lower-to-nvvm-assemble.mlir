// NVIDIA's assembler accepts the kernels on every generation of chips, f16 and
// bf16, both layouts of x, ragged sizes and epilogues.
// REQUIRES: ptxas
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_80 format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_86 format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_89 format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90 format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_100a format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_120a format=bin" | FileCheck %s
// RUN: vnm-opt %s --vnm-lower-to-nvvm="chip=sm_90a ptx=90 format=bin" | FileCheck %s

// A cubin is an ELF file.
// CHECK: gpu.binary @vnm_kernels {{.*}}bin = "\7FELF

func.func @f16(%w: tensor<200x333xf16, #vnm.encoding<64:2:5>>, %x: tensor<333x?xf16>, %bias: tensor<200xf16>,
               %y: tensor<200x?xf16>) -> tensor<200x?xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<200x333xf16, #vnm.encoding<64:2:5>>, tensor<333x?xf16>)
      outs(%y : tensor<200x?xf16>)
      epilogue(%bias per_row : tensor<200xf16>) {
      ^bb0(%acc: f32, %b: f16):
        %b32 = arith.extf %b : f16 to f32
        %sum = arith.addf %acc, %b32 : f32
        %erf = math.erf %sum : f32
        %exp = math.exp %erf : f32
        %max = arith.maximumf %exp, %sum : f32
        %out = arith.truncf %max : f32 to f16
        vnm.yield %out : f16
      } -> tensor<200x?xf16>
  return %0 : tensor<200x?xf16>
}

func.func @bf16_token_major(%w: tensor<256x512xbf16, #vnm.encoding<128:2:16, form = free, rows = permuted>>,
                            %x: tensor<2x64x512xbf16>, %y: tensor<2x64x256xbf16>) -> tensor<2x64x256xbf16> {
  %0 = vnm.matmul
      ins(%w, %x : tensor<256x512xbf16, #vnm.encoding<128:2:16, form = free, rows = permuted>>, tensor<2x64x512xbf16>)
      outs(%y : tensor<2x64x256xbf16>)
      {accumulate, x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
      -> tensor<2x64x256xbf16>
  return %0 : tensor<2x64x256xbf16>
}
