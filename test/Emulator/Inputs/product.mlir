func.func @main(%w: tensor<64x1152xf16, #vnm.encoding<64:2:8>>, %x: tensor<1152x64xf16>) -> tensor<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %y = tensor.empty() : tensor<64x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<64x64xf32>) -> tensor<64x64xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<64x1152xf16, #vnm.encoding<64:2:8>>, tensor<1152x64xf16>) outs(%init : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}
