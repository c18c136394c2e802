// RUN: vnm-opt %s --vnm-fuse-epilogue --split-input-file | FileCheck %s

#enc = #vnm.encoding<16:2:8>
#id = affine_map<(t, r) -> (t, r)>
#row = affine_map<(t, r) -> (r)>
#token = affine_map<(t, r) -> (t)>

// As front ends write it: round to f16, add the bias, relu.
// CHECK-LABEL: func @chain(
// CHECK-SAME:    %[[W:.+]]: tensor<{{.*}}>, %[[X:.+]]: tensor<4x32xf16>, %[[BIAS:.+]]: tensor<48xf16>)
// CHECK:         %[[ZERO:.+]] = arith.constant 0.0
// CHECK:         %[[Y:.+]] = tensor.empty() : tensor<4x48xf16>
// CHECK-NOT:     linalg
// CHECK:         %[[R:.+]] = vnm.matmul ins(%[[W]], %[[X]] : {{.*}}) outs(%[[Y]] : tensor<4x48xf16>) {{{.*}}vnm.layer = "fc"
// CHECK-SAME:      epilogue(%[[BIAS]] per_row : tensor<48xf16>) {
// CHECK-NEXT:      ^bb0(%[[ACC:.+]]: f32, %[[B:.+]]: f16):
// CHECK-NEXT:        %[[T:.+]] = arith.truncf %[[ACC]] : f32 to f16
// CHECK-NEXT:        %[[S:.+]] = arith.addf %[[T]], %[[B]] : f16
// CHECK-NEXT:        %[[M:.+]] = arith.maximumf %[[S]], %[[ZERO]] : f16
// CHECK-NEXT:        vnm.yield %[[M]] : f16
// CHECK:         return %[[R]]
func.func @chain(%w: tensor<48x32xf16, #enc>, %x: tensor<4x32xf16>, %bias: tensor<48xf16>) -> tensor<4x48xf16> {
  %zero = arith.constant 0.0 : f16
  %e32 = tensor.empty() : tensor<4x48xf32>
  %e = tensor.empty() : tensor<4x48xf16>
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<4x32xf16>) outs(%e32 : tensor<4x48xf32>)
         {vnm.layer = "fc", x_layout = #vnm.activation_layout<token_major>,
          y_layout = #vnm.activation_layout<token_major>} -> tensor<4x48xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
         ins(%0 : tensor<4x48xf32>) outs(%e : tensor<4x48xf16>) {
       ^bb0(%in: f32, %out: f16):
         %t = arith.truncf %in : f32 to f16
         linalg.yield %t : f16
       } -> tensor<4x48xf16>
  %2 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
         ins(%1, %bias : tensor<4x48xf16>, tensor<48xf16>) outs(%e : tensor<4x48xf16>) {
       ^bb0(%in: f16, %b: f16, %out: f16):
         %s = arith.addf %in, %b : f16
         linalg.yield %s : f16
       } -> tensor<4x48xf16>
  %3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
         ins(%2 : tensor<4x48xf16>) outs(%e : tensor<4x48xf16>) {
       ^bb0(%in: f16, %out: f16):
         %m = arith.maximumf %in, %zero : f16
         linalg.yield %m : f16
       } -> tensor<4x48xf16>
  return %3 : tensor<4x48xf16>
}

// An f16 product rounds before the consumer sees it.
// CHECK-LABEL: func @residual_and_token_scale(
// CHECK-SAME:    %[[RES:[^:]+]]: tensor<4x48xf16>, %[[SCALE:[^:]+]]: tensor<4xf16>
// CHECK:         vnm.matmul
// CHECK-SAME:      epilogue(%[[SCALE]] per_token : tensor<4xf16>, %[[RES]] full : tensor<4x48xf16>)
// CHECK-NEXT:      ^bb0(%[[ACC:.+]]: f32, %[[S:.+]]: f16, %[[Z:.+]]: f16):
// CHECK-NEXT:        %[[T:.+]] = arith.truncf %[[ACC]]
// CHECK-NEXT:        %[[P:.+]] = arith.mulf %[[T]], %[[S]]
// CHECK-NEXT:        arith.addf %[[Z]], %[[P]]
func.func @residual_and_token_scale(%w: tensor<48x32xf16, #enc>, %x: tensor<4x32xf16>,
    %res: tensor<4x48xf16>, %scale: tensor<4xf16>) -> tensor<4x48xf16> {
  %e = tensor.empty() : tensor<4x48xf16>
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<4x32xf16>) outs(%e : tensor<4x48xf16>)
         {x_layout = #vnm.activation_layout<token_major>,
          y_layout = #vnm.activation_layout<token_major>} -> tensor<4x48xf16>
  %1 = linalg.generic {indexing_maps = [#id, #token, #id], iterator_types = ["parallel", "parallel"]}
         ins(%0, %scale : tensor<4x48xf16>, tensor<4xf16>) outs(%e : tensor<4x48xf16>) {
       ^bb0(%in: f16, %s: f16, %out: f16):
         %p = arith.mulf %in, %s : f16
         linalg.yield %p : f16
       } -> tensor<4x48xf16>
  %2 = linalg.add ins(%res, %1 : tensor<4x48xf16>, tensor<4x48xf16>) outs(%e : tensor<4x48xf16>) -> tensor<4x48xf16>
  return %2 : tensor<4x48xf16>
}

// CHECK-LABEL: func @accumulation_keeps_its_destination(
// CHECK-SAME:    %[[Y:[^:]+]]: tensor<48x4xf32>)
// CHECK:         vnm.matmul {{.*}} outs(%[[Y]] : tensor<48x4xf32>) {accumulate}
// CHECK-SAME:      epilogue
// CHECK:           math.absf
func.func @accumulation_keeps_its_destination(%w: tensor<48x32xf16, #enc>, %x: tensor<32x4xf16>,
                                              %y: tensor<48x4xf32>) -> tensor<48x4xf32> {
  %e = tensor.empty() : tensor<48x4xf32>
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<32x4xf16>) outs(%y : tensor<48x4xf32>)
         {accumulate} -> tensor<48x4xf32>
  %1 = linalg.abs ins(%0 : tensor<48x4xf32>) outs(%e : tensor<48x4xf32>) -> tensor<48x4xf32>
  return %1 : tensor<48x4xf32>
}

// Sums of integers are scaled to floats by the epilogue alone.
// CHECK-LABEL: func @scaled_integers(
// CHECK:         vnm.matmul {{.*}} outs(%{{.+}} : tensor<48x4xf16>)
// CHECK-SAME:      epilogue(%{{.+}} per_row : tensor<48xf32>) {
// CHECK-NEXT:      ^bb0(%[[ACC:.+]]: i32, %[[S:.+]]: f32):
// CHECK-NEXT:        %[[F:.+]] = arith.sitofp %[[ACC]] : i32 to f32
// CHECK-NEXT:        %[[P:.+]] = arith.mulf %[[F]], %[[S]] : f32
// CHECK-NEXT:        %[[T:.+]] = arith.truncf %[[P]] : f32 to f16
// CHECK-NEXT:        vnm.yield %[[T]] : f16
func.func @scaled_integers(%w: tensor<48x32xi8, #enc>, %x: tensor<32x4xi8>, %y: tensor<48x4xi32>,
    %scale: tensor<48xf32>) -> tensor<48x4xf16> {
  %e = tensor.empty() : tensor<48x4xf16>
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xi8, #enc>, tensor<32x4xi8>) outs(%y : tensor<48x4xi32>) -> tensor<48x4xi32>
  %1 = linalg.generic {indexing_maps = [#id, affine_map<(r, t) -> (r)>, #id], iterator_types = ["parallel", "parallel"]}
         ins(%0, %scale : tensor<48x4xi32>, tensor<48xf32>) outs(%e : tensor<48x4xf16>) {
       ^bb0(%in: i32, %s: f32, %out: f16):
         %f = arith.sitofp %in : i32 to f32
         %p = arith.mulf %f, %s : f32
         %t = arith.truncf %p : f32 to f16
         linalg.yield %t : f16
       } -> tensor<48x4xf16>
  return %1 : tensor<48x4xf16>
}

// CHECK-LABEL: func @another_user(
// CHECK:         vnm.matmul
// CHECK-NOT:     epilogue
// CHECK:         linalg.abs
func.func @another_user(%w: tensor<48x32xf16, #enc>, %x: tensor<32x4xf16>, %y: tensor<48x4xf32>)
    -> (tensor<48x4xf32>, tensor<48x4xf32>) {
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<32x4xf16>) outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  %1 = linalg.abs ins(%0 : tensor<48x4xf32>) outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  return %0, %1 : tensor<48x4xf32>, tensor<48x4xf32>
}

// CHECK-LABEL: func @not_elementwise(
// CHECK:         vnm.matmul
// CHECK-NOT:     epilogue
// CHECK:         linalg.transpose
// CHECK:         vnm.matmul
// CHECK-NOT:     epilogue
// CHECK:         linalg.index
func.func @not_elementwise(%w: tensor<48x32xf16, #enc>, %x: tensor<32x4xf16>, %y: tensor<48x4xf32>,
                           %z: tensor<4x48xf32>) -> (tensor<4x48xf32>, tensor<48x4xf32>) {
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<32x4xf16>) outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  %1 = linalg.transpose ins(%0 : tensor<48x4xf32>) outs(%z : tensor<4x48xf32>) permutation = [1, 0]
  %2 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<32x4xf16>) outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  %3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
         ins(%2 : tensor<48x4xf32>) outs(%y : tensor<48x4xf32>) {
       ^bb0(%in: f32, %out: f32):
         %i = linalg.index 0 : index
         %j = arith.index_cast %i : index to i32
         %f = arith.sitofp %j : i32 to f32
         %m = arith.mulf %in, %f : f32
         linalg.yield %m : f32
       } -> tensor<48x4xf32>
  return %1, %3 : tensor<4x48xf32>, tensor<48x4xf32>
}

// CHECK-LABEL: func @value_that_is_no_constant(
// CHECK:         vnm.matmul
// CHECK-NOT:     epilogue
// CHECK:         linalg.generic
func.func @value_that_is_no_constant(%w: tensor<48x32xf16, #enc>, %x: tensor<32x4xf16>, %y: tensor<48x4xf32>,
                                     %s: f32) -> tensor<48x4xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<48x32xf16, #enc>, tensor<32x4xf16>) outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
         ins(%0 : tensor<48x4xf32>) outs(%y : tensor<48x4xf32>) {
       ^bb0(%in: f32, %out: f32):
         %m = arith.mulf %in, %s : f32
         linalg.yield %m : f32
       } -> tensor<48x4xf32>
  return %1 : tensor<48x4xf32>
}
