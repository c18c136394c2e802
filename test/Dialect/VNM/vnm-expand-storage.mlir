// RUN: vnm-opt %s --vnm-expand-storage --split-input-file --verify-diagnostics | FileCheck %s

#enc = #vnm.encoding<16:2:8>

// CHECK-LABEL: func @matmul(
// CHECK-SAME:    %[[VALUES:.+]]: tensor<32x8xf16>, %[[META:.+]]: tensor<32x1xi16>, %[[COLUMNS:.+]]: tensor<2x16xi16>,
// CHECK-SAME:    %[[X:.+]]: tensor<32x?xf16>, %[[Y:.+]]: tensor<32x?xf32>, %[[BIAS:.+]]: tensor<32xf32>)
// CHECK:         vnm.spmm <16:2:8> ins(%[[VALUES]], %[[META]], %[[COLUMNS]], %[[X]] :
// CHECK-SAME:      outs(%[[Y]] : tensor<32x?xf32>) {accumulate}
// CHECK-SAME:      epilogue(%[[BIAS]] per_row : tensor<32xf32>)
// CHECK:           arith.addf
// CHECK:           vnm.yield
func.func @matmul(%w: tensor<32x32xf16, #enc>, %x: tensor<32x?xf16>, %y: tensor<32x?xf32>,
                  %bias: tensor<32xf32>) -> tensor<32x?xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<32x32xf16, #enc>, tensor<32x?xf16>)
                  outs(%y : tensor<32x?xf32>) {accumulate}
                  epilogue(%bias per_row : tensor<32xf32>) {
                  ^bb0(%acc: f32, %b: f32):
                    %s = arith.addf %acc, %b : f32
                    vnm.yield %s : f32
                  } -> tensor<32x?xf32>
  return %0 : tensor<32x?xf32>
}

// CHECK-LABEL: func @layouts_are_kept(
// CHECK:         vnm.spmm
// CHECK-SAME:      x_layout = #vnm.activation_layout<token_major>
// CHECK-SAME:      y_layout = #vnm.activation_layout<token_major>
func.func @layouts_are_kept(%w: tensor<32x32xf16, #enc>, %x: tensor<2x5x32xf16>,
                            %y: tensor<2x5x32xf16>) -> tensor<2x5x32xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<32x32xf16, #enc>, tensor<2x5x32xf16>)
                  outs(%y : tensor<2x5x32xf16>)
                  {x_layout = #vnm.activation_layout<token_major>,
                   y_layout = #vnm.activation_layout<token_major>} -> tensor<2x5x32xf16>
  return %0 : tensor<2x5x32xf16>
}

// CHECK-LABEL: func @compress_becomes_pack(
// CHECK-SAME:    %[[W:.+]]: tensor<32x32xf16>, %[[NORMS:.+]]: tensor<32xf32>
// CHECK-SAME:    -> (tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
// CHECK-DAG:     %[[V0:.+]] = tensor.empty() : tensor<32x8xf16>
// CHECK-DAG:     %[[M0:.+]] = tensor.empty() : tensor<32x1xi16>
// CHECK-DAG:     %[[C0:.+]] = tensor.empty() : tensor<2x16xi16>
// CHECK:         %[[PACK:.+]]:3 = vnm.pack <16:2:8> ins(%[[W]] : tensor<32x32xf16>) importance(%[[NORMS]] :
// CHECK-SAME:      outs(%[[V0]], %[[M0]], %[[C0]] :
// CHECK-SAME:      criterion = #vnm.criterion<wanda>
// CHECK:         return %[[PACK]]#0, %[[PACK]]#1, %[[PACK]]#2
func.func @compress_becomes_pack(%w: tensor<32x32xf16>, %norms: tensor<32xf32>)
    -> tensor<32x32xf16, #enc> {
  %0 = vnm.compress %w importance(%norms : tensor<32xf32>) {criterion = #vnm.criterion<wanda>}
     : tensor<32x32xf16> to tensor<32x32xf16, #enc>
  return %0 : tensor<32x32xf16, #enc>
}

// CHECK-LABEL: func @decompress_becomes_unpack(
// CHECK:         %[[INIT:.+]] = tensor.empty() : tensor<32x32xf16>
// CHECK:         vnm.unpack <16:2:8> ins(%{{.+}}, %{{.+}}, %{{.+}} : {{.*}}) outs(%[[INIT]] :
func.func @decompress_becomes_unpack(%w: tensor<32x32xf16, #enc>) -> tensor<32x32xf16> {
  %0 = vnm.decompress %w : tensor<32x32xf16, #enc> to tensor<32x32xf16>
  return %0 : tensor<32x32xf16>
}

// CHECK-LABEL: func @assemble_vanishes(
// CHECK-SAME:    %[[V:.+]]: tensor<32x8xf16>, %[[M:.+]]: tensor<32x1xi16>, %[[C:.+]]: tensor<2x16xi16>)
// CHECK-NEXT:    return %[[V]], %[[M]], %[[C]]
func.func @assemble_vanishes(%v: tensor<32x8xf16>, %m: tensor<32x1xi16>, %c: tensor<2x16xi16>)
    -> tensor<32x32xf16, #enc> {
  %0 = vnm.assemble %v, %m, %c : (tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
    -> tensor<32x32xf16, #enc>
  return %0 : tensor<32x32xf16, #enc>
}

// CHECK-LABEL: func @disassemble_vanishes(
// CHECK-SAME:    %[[V:.+]]: tensor<32x8xf16>, %{{.+}}: tensor<32x1xi16>, %{{.+}}: tensor<2x16xi16>)
// CHECK-NEXT:    return %[[V]]
func.func @disassemble_vanishes(%e: tensor<32x32xf16, #enc>) -> tensor<32x8xf16> {
  %v, %m, %c = vnm.disassemble %e
    : (tensor<32x32xf16, #enc>) -> (tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
  return %v : tensor<32x8xf16>
}

// -----

#permuted = #vnm.encoding<16:2:8, rows = permuted>

// CHECK-LABEL: func @permuted_rows_are_the_fourth_part(
// CHECK-SAME:    %{{.+}}: tensor<32x8xf16>, %{{.+}}: tensor<32x1xi16>, %{{.+}}: tensor<2x16xi16>, %[[ROWS:.+]]: tensor<32xi32>,
// CHECK:         vnm.spmm <16:2:8, rows = permuted>
// CHECK-SAME:      rows(%[[ROWS]] : tensor<32xi32>)
func.func @permuted_rows_are_the_fourth_part(%w: tensor<32x32xf16, #permuted>,
    %x: tensor<32x4xf16>, %y: tensor<32x4xf32>) -> tensor<32x4xf32> {
  %0 = vnm.matmul ins(%w, %x : tensor<32x32xf16, #permuted>, tensor<32x4xf16>)
                  outs(%y : tensor<32x4xf32>) -> tensor<32x4xf32>
  return %0 : tensor<32x4xf32>
}

// -----

#enc = #vnm.encoding<16:2:8>

// CHECK: func private @external(tensor<4xf32>, tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>)
func.func private @external(tensor<4xf32>, tensor<32x32xf16, #enc>)

// CHECK-LABEL: func @call(
// CHECK-SAME:    %[[V:.+]]: tensor<32x8xf16> {my.name = "w"}, %[[M:.+]]: tensor<32x1xi16> {my.name = "w"},
// CHECK-SAME:    %[[C:.+]]: tensor<2x16xi16> {my.name = "w"}, %[[S:.+]]: tensor<4xf32> {my.name = "s"})
// CHECK:         call @external(%[[S]], %[[V]], %[[M]], %[[C]])
// CHECK:         %[[R:.+]]:3 = call @identity(%[[V]], %[[M]], %[[C]])
// CHECK:         return %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func @call(%w: tensor<32x32xf16, #enc> {my.name = "w", vnm.weight},
                %s: tensor<4xf32> {my.name = "s"}) -> tensor<32x32xf16, #enc> {
  func.call @external(%s, %w) : (tensor<4xf32>, tensor<32x32xf16, #enc>) -> ()
  %0 = func.call @identity(%w) : (tensor<32x32xf16, #enc>) -> tensor<32x32xf16, #enc>
  return %0 : tensor<32x32xf16, #enc>
}

// CHECK-LABEL: func @identity(
// CHECK-SAME:    -> (tensor<32x8xf16> {my.out}, tensor<32x1xi16> {my.out}, tensor<2x16xi16> {my.out})
func.func @identity(%w: tensor<32x32xf16, #enc>) -> (tensor<32x32xf16, #enc> {my.out}) {
  return %w : tensor<32x32xf16, #enc>
}

// CHECK-LABEL: func @control_flow(
// CHECK:         %[[IF:.+]]:3 = scf.if
// CHECK:           scf.yield %{{.+}}, %{{.+}}, %{{.+}} : tensor<32x8xf16>, tensor<32x1xi16>, tensor<2x16xi16>
// CHECK:         scf.for {{.*}} iter_args(%{{.+}} = %[[IF]]#0, %{{.+}} = %[[IF]]#1, %{{.+}} = %[[IF]]#2)
// CHECK-COUNT-3: arith.select
func.func @control_flow(%a: tensor<32x32xf16, #enc>, %b: tensor<32x32xf16, #enc>, %c: i1,
                        %n: index) -> tensor<32x32xf16, #enc> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %0 = scf.if %c -> tensor<32x32xf16, #enc> {
    scf.yield %a : tensor<32x32xf16, #enc>
  } else {
    scf.yield %b : tensor<32x32xf16, #enc>
  }
  %1 = scf.for %i = %zero to %n step %one iter_args(%e = %0) -> tensor<32x32xf16, #enc> {
    %2 = arith.select %c, %e, %b : tensor<32x32xf16, #enc>
    scf.yield %2 : tensor<32x32xf16, #enc>
  }
  return %1 : tensor<32x32xf16, #enc>
}

// -----

#enc = #vnm.encoding<16:2:8>

func.func @other_ops(%a: tensor<32x32xf16, #enc>) -> tensor<32x32xf16, #enc> {
  // expected-error @below {{'arith.negf' op cannot be applied to tensors with a vnm.encoding}}
  %0 = arith.negf %a : tensor<32x32xf16, #enc>
  return %0 : tensor<32x32xf16, #enc>
}

// -----

#enc = #vnm.encoding<16:2:8>

// expected-error @below {{requires blocks other than the entry to have no argument with a vnm.encoding, but block 1 has one}}
func.func @branches(%a: tensor<32x32xf16, #enc>) -> tensor<32x32xf16, #enc> {
  // expected-error @below {{'cf.br' op cannot be applied to tensors with a vnm.encoding}}
  cf.br ^bb1(%a : tensor<32x32xf16, #enc>)
^bb1(%b: tensor<32x32xf16, #enc>):
  return %b : tensor<32x32xf16, #enc>
}

// -----

// CHECK-LABEL: func @dense_weight(
// CHECK-SAME:    %{{.+}}: tensor<4x4xf16> {my.name = "w"})
func.func @dense_weight(%w: tensor<4x4xf16> {my.name = "w", vnm.weight}) {
  return
}
