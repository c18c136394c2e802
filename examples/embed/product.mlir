// A product with a sparse weight that the host gets as a function argument.
func.func @product(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                   %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                  outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
  return %0 : tensor<64x8xf32>
}
