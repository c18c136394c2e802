// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the passes on sparse products.
//
// Passes are in alphabetical order; a new one goes where its argument sorts.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_PRODUCTPASSES_TD
#define VNM_DIALECT_VNM_TRANSFORMS_PRODUCTPASSES_TD

include "mlir/Pass/PassBase.td"

def DensifyPass : Pass<"vnm-densify"> {
  let summary = "computes sparse products densely, on the decompressed weight";
  let description = [{
    Replaces each `vnm.matmul` by `vnm.decompress` of its weight and a
    `linalg.contract` in the accumulator's type, followed by one
    elementwise `linalg.generic` for the epilogue or the rounding. For a
    token-major result the weight is transposed first. The result is the
    dense-masked model: what the sparse one must agree with, and what a sparse
    product has to beat. `vnm-fold-weights` afterwards turns the decompressed
    constants into plain ones.

    Before:

    ```mlir
    func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                 %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                      outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
      return %0 : tensor<64x8xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                 %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
      %dense = vnm.decompress %w : tensor<64x64xf16, #vnm.encoding<64:2:8>> to tensor<64x64xf16>
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<64x8xf32>
      %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x8xf32>) -> tensor<64x8xf32>
      %0 = linalg.contract indexing_maps = [affine_map<(r, t, k) -> (r, k)>,
                                            affine_map<(r, t, k) -> (k, t)>,
                                            affine_map<(r, t, k) -> (r, t)>]
        ins(%dense, %x : tensor<64x64xf16>, tensor<64x8xf16>)
        outs(%fill : tensor<64x8xf32>) -> tensor<64x8xf32>
      return %0 : tensor<64x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [
    Statistic<"numProducts", "num-products", "Number of products made dense">
  ];
}

def ExpandStoragePass : Pass<"vnm-expand-storage", "::mlir::ModuleOp"> {
  let summary = "replaces encoded tensors by their storage parts";
  let description = [{
    Every value of an encoded type becomes its storage: values, metadata, columns
    and, for permuted rows, rows. `vnm.matmul` becomes `vnm.spmm`, `vnm.compress`
    `vnm.pack`, `vnm.decompress` `vnm.unpack`; `vnm.assemble` and
    `vnm.disassemble` vanish. Functions, calls, returns, `scf` regions and
    `arith.select` carry the parts instead of the encoded tensor, at the same
    place. Attributes of an encoded argument or result go to each of its parts.
    `vnm.weight` is dropped from every argument.

    Runs last at tensor level, before bufferization. Any other op on an encoded
    tensor is an error at that op; so is an encoded type in a block argument of a
    branch.

    Before:

    ```mlir
    func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                 %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                      outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
      return %0 : tensor<64x8xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%values: tensor<64x16xf16>, %metadata: tensor<64x2xi16>, %columns: tensor<1x32xi16>,
                 %x: tensor<64x8xf16>, %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
      %0 = vnm.spmm #vnm.encoding<64:2:8>
             ins(%values, %metadata, %columns, %x
                 : tensor<64x16xf16>, tensor<64x2xi16>, tensor<1x32xi16>, tensor<64x8xf16>)
             outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
      return %0 : tensor<64x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::vnm::VNMDialect"];
  let statistics = [
    Statistic<"numProducts", "num-products", "Number of products on storage made">
  ];
}

def FuseEpiloguePass : Pass<"vnm-fuse-epilogue"> {
  let summary = "moves elementwise consumers of sparse products into them";
  let description = [{
    A linalg op that reads the result of a `vnm.matmul`, is the only one to do so,
    and computes element by element becomes part of the product's epilogue: bias,
    cast, activation function, residual. Its other inputs must be as large as the
    result, or vectors along rows or along tokens; its body must be scalar `arith`
    and `math` ops on its arguments and constants. Repeats until no consumer is
    left, so chains move as a whole. Values stay the same bit for bit: a cast in
    the chain stays in the epilogue.

    Runs after `vnm-sparsify` and `canonicalize`, before `vnm-expand-storage`.
    Remarks of category `vnm-fuse` count the ops per layer.

    Before:

    ```mlir
    func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                 %bias: tensor<64xf32>) -> tensor<64x8xf32> {
      %e = tensor.empty() : tensor<64x8xf32>
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                      outs(%e : tensor<64x8xf32>) -> tensor<64x8xf32>
      %1 = linalg.generic {indexing_maps = [affine_map<(r, t) -> (r, t)>, affine_map<(r, t) -> (r)>,
                                            affine_map<(r, t) -> (r, t)>],
                           iterator_types = ["parallel", "parallel"]}
             ins(%0, %bias : tensor<64x8xf32>, tensor<64xf32>) outs(%e : tensor<64x8xf32>) {
           ^bb0(%a: f32, %b: f32, %out: f32):
             %2 = arith.addf %a, %b : f32
             linalg.yield %2 : f32
           } -> tensor<64x8xf32>
      return %1 : tensor<64x8xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x8xf16>,
                 %bias: tensor<64xf32>) -> tensor<64x8xf32> {
      %e = tensor.empty() : tensor<64x8xf32>
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x8xf16>)
                      outs(%e : tensor<64x8xf32>) epilogue(%bias per_row : tensor<64xf32>) {
                      ^bb0(%a: f32, %b: f32):
                        %1 = arith.addf %a, %b : f32
                        vnm.yield %1 : f32
                      } -> tensor<64x8xf32>
      return %0 : tensor<64x8xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numFused", "num-fused", "Number of ops moved into an epilogue">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vnm::VNMDialect"];
}

def OutlineLayersPass : Pass<"vnm-outline-layers", "::mlir::ModuleOp"> {
  let summary = "makes one function of every sparse product";
  let description = [{
    For measuring or testing layers alone. Each `vnm.matmul` moves into a public
    function of its own, named `layer_0`, `layer_1`, ... in the order of the
    module and carrying the layer's name as the attribute `vnm.layer`. The
    function takes the activations, then whatever the product needs that is not
    computed from constants alone; it returns the product. All other functions
    are removed.

    Before:

    ```mlir
    func.func @main(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>, %x: tensor<64x?xf16>,
                    %y: tensor<64x?xf32>) -> tensor<64x?xf32> {
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x?xf16>)
                      outs(%y : tensor<64x?xf32>) {vnm.layer = "fc1"} -> tensor<64x?xf32>
      return %0 : tensor<64x?xf32>
    }
    ```

    After:

    ```mlir
    func.func @layer_0(%x: tensor<64x?xf16>, %w: tensor<64x64xf16, #vnm.encoding<64:2:8>>)
        -> tensor<64x?xf32> attributes {vnm.layer = "fc1"} {
      %c1 = arith.constant 1 : index
      %tokens = tensor.dim %x, %c1 : tensor<64x?xf16>
      %y = tensor.empty(%tokens) : tensor<64x?xf32>
      %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<64x?xf16>)
                      outs(%y : tensor<64x?xf32>) {vnm.layer = "fc1"} -> tensor<64x?xf32>
      return %0 : tensor<64x?xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RecordSignaturePass : InterfacePass<"vnm-record-signature", "::mlir::FunctionOpInterface"> {
  let summary = "records a function's type before lowering loses it";
  let description = [{
    Every public function with a body gets the attribute `vnm.signature`: its type
    as it is now. Bufferization and the conversion to the LLVM dialect keep the
    attribute, but of the types they leave only pointers and integers. `vnm-runner`
    reads it to check arrays against arguments and to give results their shape and
    element type.

    Runs after `vnm-expand-storage` (arrays are passed as storage parts, not as
    encoded tensors) and before bufferization. Running it again overwrites.

    Before:

    ```mlir
    func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      return %x : tensor<?x8xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32>
        attributes {vnm.signature = (tensor<?x8xf32>) -> tensor<?x8xf32>} {
      return %x : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::vnm::VNMDialect"];
}

#endif // VNM_DIALECT_VNM_TRANSFORMS_PRODUCTPASSES_TD
