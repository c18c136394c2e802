// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the passes of the vnm dialect.
//
// Passes are in alphabetical order; a new one goes where its argument sorts.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD
#define VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandStoragePass : Pass<"vnm-expand-storage", "::mlir::ModuleOp"> {
  let summary = "replaces encoded tensors by their storage parts";
  let description = [{
    Every value of an encoded type becomes its storage: values, metadata, columns
    and, for permuted rows, rows. `vnm.matmul` becomes `vnm.spmm`, `vnm.compress`
    `vnm.pack`, `vnm.decompress` `vnm.unpack`; `vnm.assemble` and
    `vnm.disassemble` vanish. Functions, calls, returns, `scf` regions and
    `arith.select` carry the parts instead of the encoded tensor, at the same
    place. Attributes of an encoded argument or result go to each of its parts,
    except `vnm.weight`.

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

#endif // VNM_DIALECT_VNM_TRANSFORMS_PASSES_TD
