// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the ops on encoded tensors other than products.

#ifndef VNM_DIALECT_VNM_IR_VNMENCODINGOPS_TD
#define VNM_DIALECT_VNM_IR_VNMENCODINGOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "vnm/Dialect/VNM/IR/VNMAttrs.td"

def VNM_CompressOp : VNM_Op<"compress", [Pure]> {
  let summary = "prunes a dense weight to a V:N:M pattern and encodes it";
  let description = [{
    The result holds the elements of `weight` that its encoding's pattern keeps
    under `criterion`; what is not kept reads as zero. The choice is
    `sparsity::prune`: 4 columns per block as `column_choice` says, then the 2
    most important of those 4 in every row (ties: the lower position). Kept
    elements are copied bit for bit.

    Attributes:
    * `criterion` (default magnitude).
    * `column_choice` (default exact).
    * `effort` (default default): of the search, in free form.

    In an encoding with permuted rows, which needs the free form, the rows that
    share a panel are chosen as well (`sparsity::permute`): a different order of
    storage, the same tensor.

    Operands:
    * `weight`: `R x K`.
    * `importance` (f32): for `given`, scores `R x K`, none negative; for `wanda`,
      the norms `K` of the input channels; for `ria` the same, optional; for
      `magnitude`, none.

    A NaN or infinity in the weight is an error, at compile time if the weight is
    constant, else when the program runs.

    ```mlir
    %0 = vnm.compress %w : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
    %1 = vnm.compress %w importance(%norms : tensor<256xf32>) {criterion = #vnm.criterion<wanda>}
         : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
    ```
  }];
  let arguments = (ins
    AnyRankedTensor:$weight,
    Optional<AnyRankedTensor>:$importance,
    DefaultValuedAttr<VNM_CriterionAttr, "::vnm::Criterion::Magnitude">:$criterion,
    DefaultValuedAttr<VNM_ColumnChoiceAttr, "::vnm::ColumnChoice::Exact">:$column_choice,
    DefaultValuedAttr<VNM_EffortAttr, "::vnm::Effort::Default">:$effort);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $weight (`importance` `(` $importance^ `:` type($importance) `)`)? attr-dict
    `:` type($weight) `to` type($result)
  }];
  let hasVerifier = 1;
}

def VNM_DecompressOp : VNM_Op<"decompress", [Pure]> {
  let summary = "decodes a V:N:M-sparse tensor into a dense one";
  let description = [{
    Elements that the encoding does not keep are +0; the others are copied bit
    for bit, so `decompress(compress(w))` is `w` under the mask.

    ```mlir
    %0 = vnm.decompress %e : tensor<128x256xf16, #vnm.encoding<64:2:8>> to tensor<128x256xf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$source);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def VNM_AssembleOp : VNM_Op<"assemble", [Pure]> {
  let summary = "makes an encoded tensor of its storage parts";
  let description = [{
    `storage` is values, metadata, columns and, for permuted rows, rows, of the
    types that the result's encoding demands (docs/storage-format.md). The
    contents must obey the format's rules; constants are checked by
    `vnm-fold-weights`, run-time storage is the caller's duty.

    ```mlir
    %0 = vnm.assemble %values, %metadata, %columns
       : (tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>)
         -> tensor<128x256xf16, #vnm.encoding<64:2:8>>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$storage);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$storage attr-dict `:` functional-type($storage, $result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def VNM_DisassembleOp : VNM_Op<"disassemble", [Pure]> {
  let summary = "takes an encoded tensor apart into its storage parts";
  let description = [{
    The inverse of `vnm.assemble`: values, metadata, columns[, rows].

    ```mlir
    %values, %metadata, %columns = vnm.disassemble %e
       : (tensor<128x256xf16, #vnm.encoding<64:2:8>>)
         -> (tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$source);
  let results = (outs Variadic<AnyRankedTensor>:$storage);
  let assemblyFormat = "$source attr-dict `:` functional-type($source, $storage)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$source)>
  ];
}

#endif // VNM_DIALECT_VNM_IR_VNMENCODINGOPS_TD
