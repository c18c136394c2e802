// RUN: vnm-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// Floats of integers, which nothing converts.
func.func @f(%w: tensor<128x256xi8, #vnm.encoding<64:2:8>>, %x: tensor<256x8xi8>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires a result of i32, or of floats by an epilogue without accumulate, for a weight of 'i8', but it has 'f32'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xi8, #vnm.encoding<64:2:8>>, tensor<256x8xi8>) outs(%y : tensor<128x8xf32>)  -> tensor<128x8xf32>
  return
}

// -----

// Sums of integers on top of floats.
func.func @f(%w: tensor<128x256xi8, #vnm.encoding<64:2:8>>, %x: tensor<256x8xi8>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires a result of i32, or of floats by an epilogue without accumulate, for a weight of 'i8', but it has 'f32'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xi8, #vnm.encoding<64:2:8>>, tensor<256x8xi8>) outs(%y : tensor<128x8xf32>) {accumulate} epilogue {
  ^bb0(%acc: i32):
    %f = arith.sitofp %acc : i32 to f32
    vnm.yield %f : f32
  } -> tensor<128x8xf32>
  return
}
