// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_80" --split-input-file --verify-diagnostics

func.func @f32_weight(%v: memref<64x16xf32>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                      %x: memref<64x16xf32>, %y: memref<64x16xf32>) {
  // expected-error @+1 {{requires a weight of f16, bf16 or i8 on a GPU, but it is 'f32'}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf32>)
      outs(%y : memref<64x16xf32>)
  return
}

// -----

func.func @f8_result(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                     %x: memref<64x16xf16>, %y: memref<64x16xf8E4M3FN>) {
  // expected-error @+1 {{requires a result of f16, bf16, f32 or f64 on a GPU, but it is 'f8E4M3FN'}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16>)
      outs(%y : memref<64x16xf8E4M3FN>)
  return
}

// -----

func.func @tensors(%v: tensor<64x16xf16>, %m: tensor<64x2xi16>, %c: tensor<1x32xi16>,
                   %x: tensor<64x16xf16>, %y: tensor<64x16xf16>) -> tensor<64x16xf16> {
  // expected-error @+1 {{requires bufferized operands, but values is 'tensor<64x16xf16>'}}
  %0 = vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : tensor<64x16xf16>, tensor<64x2xi16>, tensor<1x32xi16>, tensor<64x16xf16>)
      outs(%y : tensor<64x16xf16>) -> tensor<64x16xf16>
  return %0 : tensor<64x16xf16>
}

// -----

func.func @memory_space(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                        %x: memref<64x16xf16, 1>, %y: memref<64x16xf16>) {
  // expected-error @+1 {{requires x in host memory, which has no memory space, but its type is 'memref<64x16xf16, 1>'}}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16, 1>)
      outs(%y : memref<64x16xf16>)
  return
}

// -----

func.func private @square(f32) -> f32
func.func @call_in_epilogue(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                            %x: memref<64x16xf16>, %y: memref<64x16xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16>)
      outs(%y : memref<64x16xf32>)
      epilogue {
      ^bb0(%acc: f32):
        // expected-error @+1 {{requires an epilogue of scalar arith and math ops on a GPU}}
        %0 = func.call @square(%acc) : (f32) -> f32
        vnm.yield %0 : f32
      }
  return
}

// -----

func.func @captured_value(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                          %x: memref<64x16xf16>, %y: memref<64x16xf32>, %scale: f32) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16>)
      outs(%y : memref<64x16xf32>)
      epilogue {
      ^bb0(%acc: f32):
        // expected-error @+1 {{requires an epilogue that uses only its arguments and constants on a GPU}}
        %0 = arith.mulf %acc, %scale : f32
        vnm.yield %0 : f32
      }
  return
}
