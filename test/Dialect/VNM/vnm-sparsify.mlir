// RUN: vnm-opt %s --vnm-annotate-matmuls="pattern=16:2:8" --vnm-sparsify --split-input-file | FileCheck %s

// CHECK-LABEL: func @weight_on_the_right(
// CHECK-SAME:    %[[X:.+]]: tensor<4x32xf16>, %[[W:.+]]: tensor<32x48xf16>
// CHECK:         %[[T:.+]] = linalg.transpose ins(%[[W]] :{{.*}} permutation = [1, 0]
// CHECK:         %[[E:.+]] = vnm.compress %[[T]] {vnm.layer = "weight_on_the_right.0"} : tensor<48x32xf16> to tensor<48x32xf16, #vnm.encoding<16:2:8>>
// CHECK:         %[[R:.+]] = vnm.matmul ins(%[[E]], %[[X]] :
// CHECK-SAME:      outs(%{{.+}} : tensor<4x48xf32>)
// CHECK-SAME:      accumulate
// CHECK-SAME:      x_layout = #vnm.activation_layout<token_major>
// CHECK-SAME:      y_layout = #vnm.activation_layout<token_major>
// CHECK:         return %[[R]]
func.func @weight_on_the_right(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                               %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// CHECK-LABEL: func @weight_on_the_left(
// CHECK-SAME:    %[[X:.+]]: tensor<32x4xf16>, %[[W:.+]]: tensor<48x32xf16>
// CHECK:         %[[E:.+]] = vnm.compress %[[W]]
// CHECK:         vnm.matmul ins(%[[E]], %[[X]] :
// CHECK-NOT:     token_major
func.func @weight_on_the_left(%x: tensor<32x4xf16>, %w: tensor<48x32xf16> {vnm.weight},
                              %y: tensor<48x4xf32>) -> tensor<48x4xf32> {
  %0 = linalg.matmul ins(%w, %x : tensor<48x32xf16>, tensor<32x4xf16>)
                     outs(%y : tensor<48x4xf32>) -> tensor<48x4xf32>
  return %0 : tensor<48x4xf32>
}

// CHECK-LABEL: func @transposed_by_maps(
// CHECK-SAME:    %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK-NOT:     linalg.transpose
// CHECK:         vnm.compress %[[W]]
// CHECK:         vnm.matmul
func.func @transposed_by_maps(%x: tensor<4x32xf16>, %w: tensor<48x32xf16> {vnm.weight},
                              %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                      affine_map<(m, n, k) -> (m, n)>]
                     ins(%x, %w : tensor<4x32xf16>, tensor<48x32xf16>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// As torch-mlir writes nn.Linear: the transpose vanishes, zeros are not added.
// CHECK-LABEL: func @transpose_is_absorbed(
// CHECK-SAME:    %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK-NOT:     linalg
// CHECK:         vnm.compress %[[W]]
// CHECK-NOT:     linalg
// CHECK:         %[[Y:.+]] = tensor.empty() : tensor<4x48xf32>
// CHECK-NOT:     linalg
// CHECK:         vnm.matmul
// CHECK-SAME:      outs(%[[Y]] : tensor<4x48xf32>)
// CHECK-NOT:     accumulate
// CHECK:         return
func.func @transpose_is_absorbed(%x: tensor<4x32xf16>, %w: tensor<48x32xf16> {vnm.weight}) -> tensor<4x48xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x48xf16>
  %t = linalg.transpose ins(%w : tensor<48x32xf16>) outs(%e : tensor<32x48xf16>) permutation = [1, 0]
  %i = tensor.empty() : tensor<4x48xf32>
  %f = linalg.fill ins(%zero : f32) outs(%i : tensor<4x48xf32>) -> tensor<4x48xf32>
  %0 = linalg.matmul ins(%x, %t : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%f : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// CHECK-LABEL: func @reshapes_around(
// CHECK:         %[[C:.+]] = tensor.collapse_shape
// CHECK:         vnm.matmul ins(%{{.+}}, %[[C]]
// CHECK:         tensor.expand_shape
func.func @reshapes_around(%x: tensor<2x4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                           %i: tensor<8x48xf16>) -> tensor<2x4x48xf16> {
  %c = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x4x32xf16> into tensor<8x32xf16>
  %0 = linalg.matmul ins(%c, %w : tensor<8x32xf16>, tensor<32x48xf16>)
                     outs(%i : tensor<8x48xf16>) -> tensor<8x48xf16>
  %1 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [2, 4, 48] : tensor<8x48xf16> into tensor<2x4x48xf16>
  return %1 : tensor<2x4x48xf16>
}

// The form torch-mlir gives a 3-D activation.
// CHECK-LABEL: func @broadcast_weight(
// CHECK-SAME:    %[[X:.+]]: tensor<2x4x32xf16>, %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK-NOT:     linalg
// CHECK:         vnm.compress %[[W]]
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X]] : tensor<48x32xf16, #vnm.encoding<16:2:8>>, tensor<2x4x32xf16>)
// CHECK-SAME:      outs(%{{.+}} : tensor<2x4x48xf32>)
// CHECK-SAME:      x_layout = #vnm.activation_layout<token_major>
func.func @broadcast_weight(%x: tensor<2x4x32xf16>, %w: tensor<48x32xf16> {vnm.weight},
                            %y: tensor<2x4x48xf32>) -> tensor<2x4x48xf32> {
  %e = tensor.empty() : tensor<32x48xf16>
  %t = linalg.transpose ins(%w : tensor<48x32xf16>) outs(%e : tensor<32x48xf16>) permutation = [1, 0]
  %e3 = tensor.empty() : tensor<2x32x48xf16>
  %b = linalg.generic {indexing_maps = [affine_map<(b, k, n) -> (k, n)>, affine_map<(b, k, n) -> (b, k, n)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
         ins(%t : tensor<32x48xf16>) outs(%e3 : tensor<2x32x48xf16>) {
       ^bb0(%in: f16, %out: f16):
         linalg.yield %in : f16
       } -> tensor<2x32x48xf16>
  %0 = linalg.batch_matmul ins(%x, %b : tensor<2x4x32xf16>, tensor<2x32x48xf16>)
                           outs(%y : tensor<2x4x48xf32>) -> tensor<2x4x48xf32>
  return %0 : tensor<2x4x48xf32>
}

// CHECK-LABEL: func @named_broadcast_on_the_left(
// CHECK-SAME:    %[[X:.+]]: tensor<2x32x4xf16>, %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK:         vnm.compress %[[W]]
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X]] :
// CHECK-NOT:     token_major
func.func @named_broadcast_on_the_left(%x: tensor<2x32x4xf16>, %w: tensor<48x32xf16> {vnm.weight},
                                       %y: tensor<2x48x4xf32>) -> tensor<2x48x4xf32> {
  %e = tensor.empty() : tensor<2x48x32xf16>
  %b = linalg.broadcast ins(%w : tensor<48x32xf16>) outs(%e : tensor<2x48x32xf16>) dimensions = [0]
  %0 = linalg.batch_matmul ins(%b, %x : tensor<2x48x32xf16>, tensor<2x32x4xf16>)
                           outs(%y : tensor<2x48x4xf32>) -> tensor<2x48x4xf32>
  return %0 : tensor<2x48x4xf32>
}

// CHECK-LABEL: func @batch_matmul_with_maps(
// CHECK:         vnm.compress
// CHECK:         vnm.matmul {{.*}}tensor<2x4x32xf16>)
func.func @batch_matmul_with_maps(%x: tensor<2x4x32xf16>, %w: tensor<32x48xf16> {vnm.weight},
                                  %y: tensor<2x4x48xf32>) -> tensor<2x4x48xf32> {
  %0 = linalg.batch_matmul indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (k, n)>,
                                            affine_map<(b, m, n, k) -> (b, m, n)>]
                           ins(%x, %w : tensor<2x4x32xf16>, tensor<32x48xf16>)
                           outs(%y : tensor<2x4x48xf32>) -> tensor<2x4x48xf32>
  return %0 : tensor<2x4x48xf32>
}

// CHECK-LABEL: func @contract(
// CHECK-SAME:    %[[X:.+]]: tensor<2x4x32xf16>, %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK:         vnm.compress %[[W]]
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X]] :
func.func @contract(%x: tensor<2x4x32xf16>, %w: tensor<48x32xf16> {vnm.weight},
                    %y: tensor<2x4x48xf32>) -> tensor<2x4x48xf32> {
  %0 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (n, k)>,
                                        affine_map<(b, m, n, k) -> (b, m, n)>]
         ins(%x, %w : tensor<2x4x32xf16>, tensor<48x32xf16>) outs(%y : tensor<2x4x48xf32>) -> tensor<2x4x48xf32>
  return %0 : tensor<2x4x48xf32>
}

// CHECK-LABEL: func @generic_with_casts(
// CHECK:         vnm.compress {{.*}}tensor<48x32xf16, #vnm.encoding<16:2:8>>
// CHECK:         vnm.matmul {{.*}}tensor<?x32xf16>) outs(%{{.+}} : tensor<?x48xf32>)
func.func @generic_with_casts(%x: tensor<?x32xf16>, %w: tensor<48x32xf16> {vnm.weight},
                              %y: tensor<?x48xf32>) -> tensor<?x48xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                        affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
         ins(%x, %w : tensor<?x32xf16>, tensor<48x32xf16>) outs(%y : tensor<?x48xf32>) {
       ^bb0(%a: f16, %b: f16, %c: f32):
         %0 = arith.extf %a : f16 to f32
         %1 = arith.extf %b : f16 to f32
         %2 = arith.mulf %1, %0 : f32
         %3 = arith.addf %2, %c : f32
         linalg.yield %3 : f32
       } -> tensor<?x48xf32>
  return %0 : tensor<?x48xf32>
}

// CHECK-LABEL: func @dynamic_tokens(
// CHECK:         %[[M:.+]] = tensor.dim
// CHECK:         %[[Y:.+]] = tensor.empty(%[[M]]) : tensor<?x48xf32>
// CHECK:         vnm.matmul {{.*}} outs(%[[Y]] : tensor<?x48xf32>)
// CHECK-NOT:     accumulate
func.func @dynamic_tokens(%x: tensor<?x32xf16>, %w: tensor<32x48xf16> {vnm.weight}) -> tensor<?x48xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x32xf16>
  %e = tensor.empty(%m) : tensor<?x48xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x48xf32>) -> tensor<?x48xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x32xf16>, tensor<32x48xf16>)
                     outs(%f : tensor<?x48xf32>) -> tensor<?x48xf32>
  return %0 : tensor<?x48xf32>
}

// CHECK-LABEL: func @dynamic_channels_are_those_of_the_weight(
// CHECK:         tensor.cast %{{.+}} : tensor<?x?xf16> to tensor<?x32xf16>
// CHECK:         tensor.cast %{{.+}} : tensor<?x?xf32> to tensor<?x48xf32>
// CHECK:         vnm.matmul
// CHECK:         tensor.cast %{{.+}} : tensor<?x48xf32> to tensor<?x?xf32>
func.func @dynamic_channels_are_those_of_the_weight(%x: tensor<?x?xf16>, %w: tensor<32x48xf16> {vnm.weight},
                                                    %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<?x?xf16>, tensor<32x48xf16>)
                     outs(%y : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @matvec(
// CHECK-SAME:    %[[W:[^:]+]]: tensor<48x32xf16>
// CHECK:         vnm.compress %[[W]]
// CHECK:         %[[X:.+]] = tensor.expand_shape %{{.+}} {{\[\[}}0, 1]]{{.*}} into tensor<1x32xf16>
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X]]
// CHECK:         tensor.collapse_shape {{.*}} into tensor<48xf32>
func.func @matvec(%x: tensor<32xf16>, %w: tensor<48x32xf16> {vnm.weight}, %y: tensor<48xf32>) -> tensor<48xf32> {
  %0 = linalg.matvec ins(%w, %x : tensor<48x32xf16>, tensor<32xf16>) outs(%y : tensor<48xf32>) -> tensor<48xf32>
  return %0 : tensor<48xf32>
}

// CHECK-LABEL: func @vecmat(
// CHECK:         linalg.transpose
// CHECK:         vnm.compress
// CHECK:         vnm.matmul {{.*}}tensor<1x32xf16>
func.func @vecmat(%x: tensor<32xf16>, %w: tensor<32x48xf16> {vnm.weight}, %y: tensor<48xf32>) -> tensor<48xf32> {
  %0 = linalg.vecmat ins(%x, %w : tensor<32xf16>, tensor<32x48xf16>) outs(%y : tensor<48xf32>) -> tensor<48xf32>
  return %0 : tensor<48xf32>
}

// CHECK-LABEL: func @integers(
// CHECK:         vnm.matmul {{.*}}tensor<4x32xi8>) outs(%{{.+}} : tensor<4x48xi32>)
func.func @integers(%x: tensor<4x32xi8>, %w: tensor<32x48xi8> {vnm.weight}, %y: tensor<4x48xi32>) -> tensor<4x48xi32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xi8>, tensor<32x48xi8>) outs(%y : tensor<4x48xi32>) -> tensor<4x48xi32>
  return %0 : tensor<4x48xi32>
}

// Both operands are widened first: the product is taken of what they were.
// CHECK-LABEL: func @widened_operands(
// CHECK-SAME:    %[[X:.+]]: tensor<4x32xf16>, %[[W:[^:]+]]: tensor<32x48xf16>
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X]] : tensor<48x32xf16, #vnm.encoding<16:2:8>>, tensor<4x32xf16>)
func.func @widened_operands(%x: tensor<4x32xf16>, %w: tensor<32x48xf16> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %x32 = arith.extf %x : tensor<4x32xf16> to tensor<4x32xf32>
  %e = tensor.empty() : tensor<32x48xf32>
  %w32 = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>],
                         iterator_types = ["parallel", "parallel"]}
           ins(%w : tensor<32x48xf16>) outs(%e : tensor<32x48xf32>) {
         ^bb0(%in: f16, %out: f32):
           %0 = arith.extf %in : f16 to f32
           linalg.yield %0 : f32
         } -> tensor<32x48xf32>
  %0 = linalg.matmul ins(%x32, %w32 : tensor<4x32xf32>, tensor<32x48xf32>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// Only the weight is widened: it is compressed as f32.
// CHECK-LABEL: func @widened_weight(
// CHECK:         %[[W32:.+]] = linalg.generic
// CHECK:           arith.extf
// CHECK:         vnm.compress %[[W32]] {{.*}}tensor<48x32xf32, #vnm.encoding<16:2:8>>
func.func @widened_weight(%x: tensor<4x32xf32>, %w: tensor<32x48xbf16> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %w32 = arith.extf %w : tensor<32x48xbf16> to tensor<32x48xf32>
  %0 = linalg.matmul ins(%x, %w32 : tensor<4x32xf32>, tensor<32x48xf32>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// CHECK-LABEL: func @mixed_floats_meet_in_f32(
// CHECK-SAME:    %[[X:.+]]: tensor<4x32xf16>
// CHECK:         vnm.compress %{{.+}} : tensor<48x32xf32> to
// CHECK:         %[[X32:.+]] = linalg.generic {{.*}} ins(%[[X]] :
// CHECK:         vnm.matmul ins(%{{.+}}, %[[X32]] :
func.func @mixed_floats_meet_in_f32(%x: tensor<4x32xf16>, %w: tensor<32x48xf32> {vnm.weight}, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf32>)
                     outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

// Heads as extra row dimensions: one matrix of 6 * 8 rows.
// CHECK-LABEL: func @several_row_dimensions(
// CHECK-SAME:    %{{.+}}: tensor<2x4x32xf16>, %[[W:[^:]+]]: tensor<6x8x32xf16>
// CHECK:         %[[C:.+]] = tensor.collapse_shape %[[W]] {{\[\[}}0, 1], [2]] : tensor<6x8x32xf16> into tensor<48x32xf16>
// CHECK:         vnm.compress %[[C]]
// CHECK:         vnm.matmul {{.*}} outs(%{{.+}} : tensor<2x4x48xf16>)
// CHECK:         tensor.expand_shape {{.*}} into tensor<2x4x6x8xf16>
// CHECK:         linalg.transpose {{.*}} permutation = [0, 2, 1, 3]
func.func @several_row_dimensions(%x: tensor<2x4x32xf16>, %w: tensor<6x8x32xf16> {vnm.weight}) -> tensor<2x6x4x8xf16> {
  %zero = arith.constant 0.0 : f16
  %e = tensor.empty() : tensor<2x6x4x8xf16>
  %f = linalg.fill ins(%zero : f16) outs(%e : tensor<2x6x4x8xf16>) -> tensor<2x6x4x8xf16>
  %0 = linalg.contract indexing_maps = [affine_map<(b, t, h, d, k) -> (b, t, k)>, affine_map<(b, t, h, d, k) -> (h, d, k)>,
                                        affine_map<(b, t, h, d, k) -> (b, h, t, d)>]
         ins(%x, %w : tensor<2x4x32xf16>, tensor<6x8x32xf16>) outs(%f : tensor<2x6x4x8xf16>) -> tensor<2x6x4x8xf16>
  return %0 : tensor<2x6x4x8xf16>
}

// CHECK-LABEL: func @several_channel_dimensions(
// CHECK-SAME:    %[[X:.+]]: tensor<4x8x?x4xf16>
// CHECK:         vnm.compress {{.*}}tensor<48x32xf16, #vnm.encoding<16:2:8>>
// CHECK:         %[[T:.+]] = linalg.transpose ins(%[[X]] : {{.*}} permutation = [2, 0, 1, 3]
// CHECK:         %[[C:.+]] = tensor.collapse_shape %[[T]] {{.*}} into tensor<?x4x32xf16>
// CHECK:         vnm.matmul ins(%{{.+}}, %[[C]] : {{.*}}) outs(%{{.+}} : tensor<?x48x4xf16>)
// CHECK-NOT:     y_layout
func.func @several_channel_dimensions(%x: tensor<4x8x?x4xf16>, %w: tensor<8x4x48xf16> {vnm.weight},
                                      %y: tensor<?x48x4xf16>) -> tensor<?x48x4xf16> {
  %0 = linalg.contract indexing_maps = [affine_map<(b, t, h, d, n) -> (b, h, t, d)>, affine_map<(b, t, h, d, n) -> (h, d, n)>,
                                        affine_map<(b, t, h, d, n) -> (t, n, b)>]
         ins(%x, %w : tensor<4x8x?x4xf16>, tensor<8x4x48xf16>) outs(%y : tensor<?x48x4xf16>) -> tensor<?x48x4xf16>
  return %0 : tensor<?x48x4xf16>
}

// CHECK-LABEL: func @one_weight_is_compressed_once(
// CHECK:         %[[E:.+]] = vnm.compress
// CHECK-NOT:     vnm.compress
// CHECK:         vnm.matmul ins(%[[E]],
// CHECK:         vnm.matmul ins(%[[E]],
func.func @one_weight_is_compressed_once(%x: tensor<4x32xf16>, %w: tensor<32x32xf16> {vnm.weight},
                                         %y: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  %1 = linalg.matmul ins(%0, %w : tensor<4x32xf16>, tensor<32x32xf16>)
                     outs(%y : tensor<4x32xf16>) -> tensor<4x32xf16>
  return %1 : tensor<4x32xf16>
}

// CHECK-LABEL: func @resource(
// CHECK:         %[[W:.+]] = arith.constant dense_resource<fc1>
// CHECK:         vnm.compress %[[W]]
func.func @resource(%x: tensor<2x4xf16>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense_resource<fc1> : tensor<3x4xf16>
  %0 = linalg.contract indexing_maps = [affine_map<(r, t, k) -> (r, k)>, affine_map<(r, t, k) -> (t, k)>,
                                        affine_map<(r, t, k) -> (r, t)>]
         ins(%w, %x : tensor<3x4xf16>, tensor<2x4xf16>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

ml_program.global private @global(dense<1.0> : tensor<32x48xf16>) : tensor<32x48xf16>
// CHECK-LABEL: func @ml_program_global(
// CHECK:         ml_program.global_load_const
// CHECK:         vnm.compress
func.func @ml_program_global(%x: tensor<4x32xf16>, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %w = ml_program.global_load_const @global : tensor<32x48xf16>
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

memref.global "private" constant @buffer : memref<32x48xf16> = dense<1.0>
// CHECK-LABEL: func @memref_global(
// CHECK:         bufferization.to_tensor
// CHECK:         vnm.compress
func.func @memref_global(%x: tensor<4x32xf16>, %y: tensor<4x48xf32>) -> tensor<4x48xf32> {
  %g = memref.get_global @buffer : memref<32x48xf16>
  %w = bufferization.to_tensor %g restrict : memref<32x48xf16> to tensor<32x48xf16>
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>) outs(%y : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %0 : tensor<4x48xf32>
}

{-# dialect_resources: { builtin: { fc1: "0x020000000000003C0040004200440045004600470048803C803D003E" } } #-}

// -----

// Outside of any function.
// CHECK: vnm.matmul {{.*}} vnm.layer = "unnamed"
%w = arith.constant dense<1.0> : tensor<8x8xf32>
%x = tensor.empty() : tensor<4x8xf32>
%y = tensor.empty() : tensor<4x8xf32>
%0 = linalg.matmul {vnm.sparsity = #vnm.sparsity<16:2:8>}
       ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%y : tensor<4x8xf32>) -> tensor<4x8xf32>
