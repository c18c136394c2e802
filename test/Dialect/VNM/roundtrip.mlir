// RUN: vnm-opt %s --split-input-file --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @attributes
// CHECK-SAME: a = #vnm.pattern<64:2:8>
// CHECK-SAME: b = #vnm.encoding<64:2:8>
// CHECK-SAME: c = #vnm.encoding<128:2:16, form = free, columns = i32, rows = permuted>
// CHECK-SAME: d = #vnm.sparsity<64:2:8>
// CHECK-SAME: e = #vnm.sparsity<16:2:5, form = free, criterion = ria, column_choice = l1>
// CHECK-SAME: f = #vnm.sparsity<16:2:5, form = free, rows = permuted, effort = fast>
// CHECK-SAME: g = #vnm.encoding<64:2:8, form = free, layout = fragments>
func.func private @attributes() attributes {
  a = #vnm.pattern<64:2:8>,
  b = #vnm.encoding<64:2:8, form = strict, columns = i16, rows = identity>,
  c = #vnm.encoding<128:2:16, rows = permuted, columns = i32, form = free>,
  d = #vnm.sparsity<64:2:8>,
  e = #vnm.sparsity<16:2:5, form = free, criterion = ria, column_choice = l1>,
  f = #vnm.sparsity<16:2:5, form = free, rows = permuted, effort = fast>,
  g = #vnm.encoding<64:2:8, layout = fragments, form = free>}

// -----

// CHECK-LABEL: @weight_argument
// CHECK-SAME: tensor<4x4xf16> {vnm.weight}
func.func private @weight_argument(%w: tensor<4x4xf16> {vnm.weight})

// -----

// CHECK-LABEL: @compress_and_decompress
func.func @compress_and_decompress(%w: tensor<100x77xbf16>)
    -> tensor<100x77xbf16> {
  // CHECK: vnm.compress %{{.*}} : tensor<100x77xbf16> to tensor<100x77xbf16, #vnm.encoding<64:2:5>>
  %0 = vnm.compress %w : tensor<100x77xbf16>
    to tensor<100x77xbf16, #vnm.encoding<64:2:5>>
  // CHECK: vnm.decompress %{{.*}} : tensor<100x77xbf16, #vnm.encoding<64:2:5>> to tensor<100x77xbf16>
  %1 = vnm.decompress %0 : tensor<100x77xbf16, #vnm.encoding<64:2:5>>
    to tensor<100x77xbf16>
  return %1 : tensor<100x77xbf16>
}

// -----

// CHECK-LABEL: @compress_by_norms
// CHECK: importance(%{{.*}} : tensor<77xf32>) {criterion = #vnm.criterion<wanda>}
func.func @compress_by_norms(%w: tensor<100x77xi8>, %norms: tensor<77xf32>)
    -> tensor<100x77xi8, #vnm.encoding<32:2:8>> {
  %0 = vnm.compress %w importance(%norms : tensor<77xf32>)
    {criterion = #vnm.criterion<wanda>}
    : tensor<100x77xi8> to tensor<100x77xi8, #vnm.encoding<32:2:8>>
  return %0 : tensor<100x77xi8, #vnm.encoding<32:2:8>>
}

// -----

// CHECK-LABEL: @permuted_rows_are_a_fourth_part
func.func @permuted_rows_are_a_fourth_part(
    %v: tensor<100x20xf32>, %m: tensor<100x3xi16>, %c: tensor<2x40xi32>,
    %r: tensor<100xi32>)
    -> tensor<100x77xf32, #vnm.encoding<64:2:8, columns = i32, rows = permuted>> {
  // CHECK: vnm.assemble %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} :
  %0 = vnm.assemble %v, %m, %c, %r
    : (tensor<100x20xf32>, tensor<100x3xi16>, tensor<2x40xi32>, tensor<100xi32>)
    -> tensor<100x77xf32, #vnm.encoding<64:2:8, columns = i32, rows = permuted>>
  return %0
    : tensor<100x77xf32, #vnm.encoding<64:2:8, columns = i32, rows = permuted>>
}

// -----

// CHECK-LABEL: @matmul_with_dynamic_tokens
// CHECK: vnm.matmul ins(%{{.*}}, %{{.*}} : {{.*}}) outs(%{{.*}} : tensor<128x?xf32>) {accumulate} -> tensor<128x?xf32>
func.func @matmul_with_dynamic_tokens(
    %w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x?xf16>,
    %y: tensor<128x?xf32>) -> tensor<128x?xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x?xf16>)
    outs(%y : tensor<128x?xf32>) {accumulate} -> tensor<128x?xf32>
  return %0 : tensor<128x?xf32>
}

// -----

// CHECK-LABEL: @matmul_of_integers
// CHECK: -> tensor<64x9xi32>
func.func @matmul_of_integers(%w: tensor<64x32xi8, #vnm.encoding<64:2:8>>,
    %x: tensor<32x9xi8>, %y: tensor<64x9xi32>) -> tensor<64x9xi32> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x32xi8, #vnm.encoding<64:2:8>>, tensor<32x9xi8>)
    outs(%y : tensor<64x9xi32>) -> tensor<64x9xi32>
  return %0 : tensor<64x9xi32>
}

// -----

// CHECK-LABEL: @floats_of_integers
// CHECK: epilogue(%{{.*}} per_row : tensor<64xf32>) {
// CHECK-NEXT: ^bb0(%{{.*}}: i32, %{{.*}}: f32):
func.func @floats_of_integers(%w: tensor<64x32xi8, #vnm.encoding<64:2:8>>,
    %x: tensor<32x9xi8>, %y: tensor<64x9xf16>, %scale: tensor<64xf32>) -> tensor<64x9xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x32xi8, #vnm.encoding<64:2:8>>, tensor<32x9xi8>)
    outs(%y : tensor<64x9xf16>) epilogue(%scale per_row : tensor<64xf32>) {
    ^bb0(%acc: i32, %s: f32):
      %f = arith.sitofp %acc : i32 to f32
      %p = arith.mulf %f, %s : f32
      %out = arith.truncf %p : f32 to f16
      vnm.yield %out : f16
    } -> tensor<64x9xf16>
  return %0 : tensor<64x9xf16>
}

// -----

// CHECK-LABEL: @epilogue_with_every_broadcast
// CHECK: epilogue(%{{.*}} per_row : tensor<64xf16>, %{{.*}} per_token : tensor<?xf32>, %{{.*}} full : tensor<2x?x64xf16>) {
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f16, %{{.*}}: f32, %{{.*}}: f16):
func.func @epilogue_with_every_broadcast(
    %w: tensor<64x32xf16, #vnm.encoding<64:2:8>>, %x: tensor<2x?x32xf16>,
    %y: tensor<2x?x64xf16>, %bias: tensor<64xf16>, %scale: tensor<?xf32>,
    %residual: tensor<2x?x64xf16>) -> tensor<2x?x64xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<64x32xf16, #vnm.encoding<64:2:8>>, tensor<2x?x32xf16>)
    outs(%y : tensor<2x?x64xf16>)
    {x_layout = #vnm.activation_layout<token_major>,
     y_layout = #vnm.activation_layout<token_major>}
    epilogue(%bias per_row : tensor<64xf16>, %scale per_token : tensor<?xf32>,
             %residual full : tensor<2x?x64xf16>) {
    ^bb0(%acc: f32, %b: f16, %s: f32, %r: f16):
      %0 = arith.mulf %acc, %s : f32
      %1 = arith.truncf %0 : f32 to f16
      %2 = arith.addf %1, %b : f16
      %3 = arith.addf %2, %r : f16
      vnm.yield %3 : f16
    } -> tensor<2x?x64xf16>
  return %0 : tensor<2x?x64xf16>
}

// -----

// CHECK-LABEL: @spmm_on_tensors_with_rows
// CHECK: vnm.spmm <64:2:8, rows = permuted> ins({{.*}}) rows(%{{.*}} : tensor<100xi32>) outs(
func.func @spmm_on_tensors_with_rows(
    %v: tensor<100x20xf32>, %m: tensor<100x3xi16>, %c: tensor<2x40xi16>,
    %r: tensor<100xi32>, %x: tensor<77x5xf32>, %y: tensor<100x5xf32>)
    -> tensor<100x5xf32> {
  %0 = vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
    ins(%v, %m, %c, %x : tensor<100x20xf32>, tensor<100x3xi16>, tensor<2x40xi16>, tensor<77x5xf32>)
    rows(%r : tensor<100xi32>)
    outs(%y : tensor<100x5xf32>) -> tensor<100x5xf32>
  return %0 : tensor<100x5xf32>
}

// -----

// CHECK-LABEL: @spmm_on_memrefs
// CHECK: vnm.spmm <64:2:8> ins({{.*}}) outs(%{{.*}} : memref<100x5xf32, strided<[8, 1], offset: ?>>)
func.func @spmm_on_memrefs(
    %v: memref<100x20xf16>, %m: memref<100x3xi16>, %c: memref<2x40xi16>,
    %x: memref<77x5xf16>, %y: memref<100x5xf32, strided<[8, 1], offset: ?>>) {
  vnm.spmm #vnm.encoding<64:2:8>
    ins(%v, %m, %c, %x : memref<100x20xf16>, memref<100x3xi16>, memref<2x40xi16>, memref<77x5xf16>)
    outs(%y : memref<100x5xf32, strided<[8, 1], offset: ?>>)
  return
}

// -----

// CHECK-LABEL: @pack_and_unpack
func.func @pack_and_unpack(%w: memref<100x77xf16>, %v: memref<100x20xf16>,
    %m: memref<100x3xi16>, %c: memref<2x40xi16>, %scores: memref<100x77xf32>) {
  // CHECK: vnm.pack <64:2:8> ins(%{{.*}} : memref<100x77xf16>) importance(
  vnm.pack #vnm.encoding<64:2:8> ins(%w : memref<100x77xf16>)
    importance(%scores : memref<100x77xf32>)
    outs(%v, %m, %c : memref<100x20xf16>, memref<100x3xi16>, memref<2x40xi16>)
    {criterion = #vnm.criterion<given>}
  // CHECK: vnm.unpack <64:2:8> ins(
  vnm.unpack #vnm.encoding<64:2:8>
    ins(%v, %m, %c : memref<100x20xf16>, memref<100x3xi16>, memref<2x40xi16>)
    outs(%w : memref<100x77xf16>)
  return
}

// -----

// A lowering keeps the mark on what becomes of the argument.
// CHECK-LABEL: @lowered_weight_argument
// CHECK-SAME: !llvm.ptr {vnm.weight}
llvm.func @lowered_weight_argument(%w: !llvm.ptr {vnm.weight})

// Fields of a schedule are printed in alphabetical order.
// CHECK-LABEL: @spmm_with_schedule
// CHECK: vnm.spmm {{.*}} {schedule = #vnm.schedule<family = mma_sp>}
// CHECK: vnm.spmm {{.*}} {schedule = #vnm.schedule<family = some_family, stages = 4, token_tile = 256>}
func.func @spmm_with_schedule(
    %v: memref<100x64xf16>, %m: memref<100x8xi16>, %c: memref<2x128xi16>,
    %x: memref<256x5xf16>, %y: memref<100x5xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<100x64xf16>, memref<100x8xi16>, memref<2x128xi16>, memref<256x5xf16>)
      outs(%y : memref<100x5xf32>) {schedule = #vnm.schedule<family = mma_sp>}
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<100x64xf16>, memref<100x8xi16>, memref<2x128xi16>, memref<256x5xf16>)
      outs(%y : memref<100x5xf32>) {schedule = #vnm.schedule<family = some_family, token_tile = 256, stages = 4>}
  return
}
