// RUN: vnm-opt %s --vnm-permute-channels --remarks-filter=vnm-permute --remark-format=emitRemark -o %t.mlir 2> %t.remarks
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: FileCheck %s < %t.mlir
// RUN: vnm-opt %s --vnm-permute-channels=fold=false | FileCheck %s --check-prefix=NOFOLD --implicit-check-not=".permuted>"
// RUN: vnm-opt %s --vnm-permute-channels=scatter=always | FileCheck %s --check-prefix=ALWAYS
// RUN: vnm-opt %s --vnm-permute-channels=scatter=never | FileCheck %s --check-prefix=NEVER --implicit-check-not="rows = permuted"

// Even rows of #w want columns 0 to 3, odd rows columns 4 to 7. A panel of 16
// neighbours serves half of them, one of 16 even or 16 odd rows serves all.
#w = dense<[[4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                  [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                  [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                  [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                  [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                  [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                  [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                  [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.]]> : tensor<32x8xf32>
#w64 = dense<[[4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.],
                    [4.,1.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,4.,1.,1.,1.], [1.,4.,1.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,4.,1.,1.],
                    [1.,1.,4.,1.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,4.,1.], [1.,1.,1.,4.,0.,0.,0.,0.], [0.,0.,0.,0.,1.,1.,1.,4.]]> : tensor<64x8xf32>
// A constant per channel, all different.
#b = dense<[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27., 28., 29., 30., 31.]> : tensor<32xf32>

#free = #vnm.sparsity<16:2:8, form = free>
#strict = #vnm.sparsity<16:2:8>
#tc = affine_map<(t, c) -> (t, c)>
#c = affine_map<(t, c) -> (c)>
#t = affine_map<(t, c) -> (t)>
#x = affine_map<(t, r, k) -> (t, k)>
#rk = affine_map<(t, r, k) -> (r, k)>
#y = affine_map<(t, r, k) -> (t, r)>
#rt = affine_map<(t, r, k) -> (r, t)>

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

// Through a bias and an activation to the next product.
// REMARK: [Passed] permute | {{.*}}Remark="layer mlp.up: rows permuted, folded into constants and into mlp.down", RetainedAfter=7.14{{.*}}, RetainedBefore=5.0
// CHECK-LABEL: func @mlp(
// CHECK-DAG: %[[UP:.+]] = arith.constant dense_resource<mlp.up.permuted> : tensor<32x8xf32>
// CHECK-DAG: %[[DOWN:.+]] = arith.constant dense_resource<mlp.down.permuted> : tensor<8x32xf32>
// CHECK: linalg.contract {{.*}}vnm.layer = "mlp.up", vnm.sparsity = #vnm.sparsity<16:2:8, form = free>} ins(%{{.+}}, %[[UP]] :
// CHECK: %[[BIAS:.+]] = arith.constant dense_resource<vnm_permuted> : tensor<32xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %[[BIAS]] : tensor<4x32xf32>, tensor<32xf32>)
// CHECK: linalg.contract {{.*}}vnm.layer = "mlp.down", {{.*}} ins(%{{.+}}, %[[DOWN]] :
// NOFOLD-LABEL: func @mlp(
func.func @mlp(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %b = arith.constant #b
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "mlp.up", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %a = linalg.generic {indexing_maps = [#tc, #c, #tc], iterator_types = ["parallel", "parallel"]}
         ins(%h, %b : tensor<4x32xf32>, tensor<32xf32>) outs(%i : tensor<4x32xf32>) {
       ^bb0(%p: f32, %q: f32, %out: f32):
         %s = arith.addf %p, %q : f32
         %z = math.tanh %s : f32
         linalg.yield %z : f32
       } -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "mlp.down", vnm.sparsity = #free} ins(%a, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Two products whose results are multiplied have one order.
// REMARK: Remark="layer gated.gate: rows permuted, folded into constants and into gated.down, in one order with gated.up"
// REMARK: Remark="layer gated.up: rows permuted, folded into constants and into gated.down, in one order with gated.gate"
func.func @gated(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %u = arith.constant #w
  %g = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "gated.gate", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "gated.up", vnm.sparsity = #free} ins(%x, %u : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %s = math.absf %g : tensor<4x32xf32>
  %a = arith.mulf %s, %h : tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "gated.down", vnm.sparsity = #free} ins(%a, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// A statistic over channels does not depend on their order.
// REMARK: Remark="layer norm.up: rows permuted, folded into constants and into norm.down"
func.func @normalized(%x: tensor<4x8xf32>, %n: tensor<4xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "norm.up", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %s = linalg.reduce ins(%h : tensor<4x32xf32>) outs(%n : tensor<4xf32>) dimensions = [1]
         (%p: f32, %q: f32) {
           %1 = arith.addf %p, %q : f32
           linalg.yield %1 : f32
         }
  %a = linalg.generic {indexing_maps = [#tc, #t, #tc], iterator_types = ["parallel", "parallel"]}
         ins(%h, %s : tensor<4x32xf32>, tensor<4xf32>) outs(%i : tensor<4x32xf32>) {
       ^bb0(%p: f32, %q: f32, %out: f32):
         %1 = arith.divf %p, %q : f32
         linalg.yield %1 : f32
       } -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "norm.down", vnm.sparsity = #free} ins(%a, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// From values to the output projection, through the product with the scores:
// channels stay in their head.
// REMARK: Remark="layer attention.value: rows permuted within blocks of 32, folded into constants and into attention.output", RetainedAfter=7.14
func.func @value_to_output(%x: tensor<4x8xf32>, %scores: tensor<2x4x4xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %w = arith.constant #w64
  %d = arith.constant dense<1.0> : tensor<8x64xf32>
  %i = arith.constant dense<0.0> : tensor<4x64xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "attention.value", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<64x8xf32>) outs(%i : tensor<4x64xf32>) -> tensor<4x64xf32>
  %e = tensor.expand_shape %h [[0], [1, 2]] output_shape [4, 2, 32] : tensor<4x64xf32> into tensor<4x2x32xf32>
  %e0 = tensor.empty() : tensor<2x4x32xf32>
  %v = linalg.transpose ins(%e : tensor<4x2x32xf32>) outs(%e0 : tensor<2x4x32xf32>) permutation = [1, 0, 2]
  %z = arith.constant dense<0.0> : tensor<2x4x32xf32>
  %c = linalg.batch_matmul ins(%scores, %v : tensor<2x4x4xf32>, tensor<2x4x32xf32>)
         outs(%z : tensor<2x4x32xf32>) -> tensor<2x4x32xf32>
  %e1 = tensor.empty() : tensor<4x2x32xf32>
  %b = linalg.transpose ins(%c : tensor<2x4x32xf32>) outs(%e1 : tensor<4x2x32xf32>) permutation = [1, 0, 2]
  %a = tensor.collapse_shape %b [[0], [1, 2]] : tensor<4x2x32xf32> into tensor<4x64xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "attention.output", vnm.sparsity = #free} ins(%a, %d : tensor<4x64xf32>, tensor<8x64xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Queries and keys, contracted with one another, have one order within heads.
// REMARK: Remark="layer attention.query: rows permuted within blocks of 32, folded into constants, in one order with attention.key"
// REMARK: Remark="layer attention.key: rows permuted within blocks of 32, folded into constants, in one order with attention.query"
func.func @query_and_key(%x: tensor<4x8xf32>) -> tensor<2x4x4xf32> {
  %o = arith.constant dense<0.0> : tensor<2x4x4xf32>
  %w = arith.constant #w64
  %u = arith.constant #w64
  %i = arith.constant dense<0.0> : tensor<4x64xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "attention.query", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<64x8xf32>) outs(%i : tensor<4x64xf32>) -> tensor<4x64xf32>
  %k = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "attention.key", vnm.sparsity = #free} ins(%x, %u : tensor<4x8xf32>, tensor<64x8xf32>) outs(%i : tensor<4x64xf32>) -> tensor<4x64xf32>
  %e = tensor.expand_shape %h [[0], [1, 2]] output_shape [4, 2, 32] : tensor<4x64xf32> into tensor<4x2x32xf32>
  %e0 = tensor.empty() : tensor<2x4x32xf32>
  %v = linalg.transpose ins(%e : tensor<4x2x32xf32>) outs(%e0 : tensor<2x4x32xf32>) permutation = [1, 0, 2]
  %f = tensor.expand_shape %k [[0], [1, 2]] output_shape [4, 2, 32] : tensor<4x64xf32> into tensor<4x2x32xf32>
  %e1 = tensor.empty() : tensor<2x32x4xf32>
  %kt = linalg.transpose ins(%f : tensor<4x2x32xf32>) outs(%e1 : tensor<2x32x4xf32>) permutation = [1, 2, 0]
  %s = linalg.batch_matmul ins(%v, %kt : tensor<2x4x32xf32>, tensor<2x32x4xf32>)
         outs(%o : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %s : tensor<2x4x4xf32>
}

// A reader that stays dense gets the columns of its weight permuted.
// REMARK: Remark="layer to_dense.up: rows permuted, folded into constants"
// CHECK-LABEL: func @to_dense(
// CHECK: %[[D:.+]] = arith.constant dense_resource<vnm_permuted{{.*}}> : tensor<2x32xf32>
// CHECK: linalg.contract indexing_maps = {{.*}}] ins(%{{.+}}, %[[D]] :
func.func @to_dense(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
  %j = arith.constant dense<0.0> : tensor<4x2xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<[[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27., 28., 29., 30., 31.],
                             [32., 33., 34., 35., 36., 37., 38., 39., 40., 41., 42., 43., 44., 45., 46., 47., 48., 49., 50., 51., 52., 53., 54., 55., 56., 57., 58., 59., 60., 61., 62., 63.]]> : tensor<2x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "to_dense.up", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         ins(%h, %d : tensor<4x32xf32>, tensor<2x32xf32>) outs(%j : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// In strict form columns count, too: those of the reader share groups.
// REMARK: Remark="layer strict.up: rows permuted, folded into constants and into strict.down"
// REMARK: Remark="layer strict.down: columns permuted, folded into constants and into strict.up"
func.func @strict_form(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<[[9., 9., 9., 9., 9., 9., 9., 9., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],
                             [8., 8., 8., 8., 8., 8., 8., 8., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2.]]> : tensor<2x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "strict.up", vnm.sparsity = #strict} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %o = arith.constant dense<0.0> : tensor<4x2xf32>
  %z = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "strict.down", vnm.sparsity = #strict} ins(%h, %d : tensor<4x32xf32>, tensor<2x32xf32>) outs(%o : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %z : tensor<4x2xf32>
}

//===----------------------------------------------------------------------===//
// Rows that the product puts back
//===----------------------------------------------------------------------===//

// The result is feature-major: storing a row elsewhere costs nothing.
// REMARK: [Passed] permute | {{.*}}Reason="it is returned by the function", Remark="layer feature_major: rows permuted, put back by the epilogue"
// CHECK-LABEL: func @feature_major(
// CHECK: linalg.contract {{.*}}vnm.layer = "feature_major", vnm.sparsity = #vnm.sparsity<16:2:8, form = free, rows = permuted>}
func.func @feature_major(%x: tensor<4x8xf32>) -> tensor<32x4xf32> {
  %i = arith.constant dense<0.0> : tensor<32x4xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #rt]
         {vnm.layer = "feature_major", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<32x4xf32>) -> tensor<32x4xf32>
  return %h : tensor<32x4xf32>
}

// REMARK: [Missed] permute | {{.*}}Reason="it is returned by the function; its result is token-major, so that storing permuted rows writes single elements", Remark="layer token_major keeps the order of its rows", Suggestion="scatter=always
// ALWAYS-LABEL: func @token_major(
// ALWAYS: vnm.layer = "token_major", vnm.sparsity = #vnm.sparsity<16:2:8, form = free, rows = permuted>
// NEVER-LABEL: func @token_major(
func.func @token_major(%x: tensor<4x8xf32>) -> tensor<4x32xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "token_major", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %h : tensor<4x32xf32>
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

// Residual stream.
// REMARK: Reason="it is combined with an argument, whose channels have an order (as in a residual stream); {{.*}}Remark="layer residual keeps
func.func @residual(%x: tensor<4x8xf32>, %r: tensor<4x32xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "residual", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %a = arith.addf %h, %r : tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "residual.down", vnm.sparsity = #free} ins(%a, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Rotary embeddings: halves of a head change places.
// REMARK: Reason="a slice takes some of its channels (as a rotary embedding does); {{.*}}Remark="layer rotary keeps
func.func @rotary(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "rotary", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %a = tensor.extract_slice %h[0, 0] [4, 16] [1, 1] : tensor<4x32xf32> to tensor<4x16xf32>
  return %a : tensor<4x16xf32>
}

// REMARK: Reason="it is read by 'tensor.pad', which may depend on the order of channels; {{.*}}Remark="layer unknown_op keeps
func.func @unknown_op(%x: tensor<4x8xf32>) -> tensor<4x33xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "unknown_op", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %z = arith.constant 0.0 : f32
  %a = tensor.pad %h low[0, 0] high[0, 1] {
       ^bb0(%p: index, %q: index):
         tensor.yield %z : f32
       } : tensor<4x32xf32> to tensor<4x33xf32>
  return %a : tensor<4x33xf32>
}

// REMARK: Reason="the number of a channel is part of a computation; {{.*}}Remark="layer index keeps
func.func @index(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "index", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %a = linalg.generic {indexing_maps = [#tc, #tc], iterator_types = ["parallel", "parallel"]}
         ins(%h : tensor<4x32xf32>) outs(%i : tensor<4x32xf32>) {
       ^bb0(%p: f32, %out: f32):
         %1 = linalg.index 1 : index
         %2 = arith.index_cast %1 : index to i32
         %3 = arith.sitofp %2 : i32 to f32
         %4 = arith.mulf %p, %3 : f32
         linalg.yield %4 : f32
       } -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "index.down", vnm.sparsity = #free} ins(%a, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// REMARK: Reason="its channels are reduced in a way that depends on their order; {{.*}}Remark="layer ordered_reduction keeps
func.func @ordered_reduction(%x: tensor<4x8xf32>, %n: tensor<4xf32>) -> tensor<4xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "ordered_reduction", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %s = linalg.reduce ins(%h : tensor<4x32xf32>) outs(%n : tensor<4xf32>) dimensions = [1]
         (%p: f32, %q: f32) {
           %1 = arith.subf %q, %p : f32
           linalg.yield %1 : f32
         }
  return %s : tensor<4xf32>
}

// A sum over heads alone: what is left of a channel's number names no channel.
// REMARK: Reason="a part of its channels' numbers is reduced or sliced away; {{.*}}Remark="layer regrouped keeps
func.func @regrouped(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "regrouped", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %n = arith.constant dense<0.0> : tensor<4x8xf32>
  %e = tensor.expand_shape %h [[0], [1, 2]] output_shape [4, 4, 8] : tensor<4x32xf32> into tensor<4x4x8xf32>
  %s = linalg.reduce ins(%e : tensor<4x4x8xf32>) outs(%n : tensor<4x8xf32>) dimensions = [1]
         (%p: f32, %q: f32) {
           %1 = arith.addf %p, %q : f32
           linalg.yield %1 : f32
         }
  return %s : tensor<4x8xf32>
}

// REMARK: Reason="the weight of a product is known only when the program runs; {{.*}}Remark="layer argument_reader.up keeps
// REMARK: Reason="all of them share a panel", Remark="layer argument_reader.down keeps the order of its rows", Suggestion="a smaller V gives more panels"
func.func @argument_reader(%x: tensor<4x8xf32>, %d: tensor<8x32xf32> {vnm.weight}) -> tensor<4x8xf32> {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "argument_reader.up", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "argument_reader.down", vnm.sparsity = #free} ins(%h, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// REMARK: Reason="the weight of a product has other uses; {{.*}}Remark="layer other_use keeps
func.func @other_use(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<32x8xf32>) {
  %j = arith.constant dense<0.0> : tensor<4x8xf32>
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %d = arith.constant dense<1.0> : tensor<8x32xf32>
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "other_use", vnm.sparsity = #free} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  %y = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "other_use.down", vnm.sparsity = #free} ins(%h, %d : tensor<4x32xf32>, tensor<8x32xf32>) outs(%j : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y, %w : tensor<4x8xf32>, tensor<32x8xf32>
}

// REMARK: Reason="it is returned by the function", Remark="layer strict_returned keeps the order of its rows", Suggestion="form=free lets the product store permuted rows"
// REMARK: Reason="it is combined with an argument{{.*}}", Remark="layer strict_returned keeps the order of its columns", Suggestion="form=free lets every panel name its columns"
func.func @strict_returned(%x: tensor<4x8xf32>) -> tensor<4x32xf32> {
  %i = arith.constant dense<0.0> : tensor<4x32xf32>
  %w = arith.constant #w
  %h = linalg.contract indexing_maps = [#x, #rk, #y]
         {vnm.layer = "strict_returned", vnm.sparsity = #strict} ins(%x, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%i : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %h : tensor<4x32xf32>
}
