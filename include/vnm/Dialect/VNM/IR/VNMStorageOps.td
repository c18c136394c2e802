// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the ops between dense weights and their packed storage.

#ifndef VNM_DIALECT_VNM_IR_VNMSTORAGEOPS_TD
#define VNM_DIALECT_VNM_IR_VNMSTORAGEOPS_TD

include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "vnm/Dialect/VNM/IR/VNMAttrs.td"

def VNM_PackOp : VNM_Op<"pack", [
    AttrSizedOperandSegments,
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
      ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "prunes a dense weight and writes its packed storage";
  let description = [{
    `vnm.compress` with the storage (values, metadata, columns[, rows]) as
    destinations, on tensors or on memrefs.

    ```mlir
    %v, %m, %c = vnm.pack #vnm.encoding<64:2:8> ins(%w : tensor<128x256xf16>)
        outs(%v0, %m0, %c0 : tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>)
        -> tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>
    ```
  }];
  let arguments = (ins
    VNM_EncodingAttr:$encoding,
    VNM_TensorOrMemRef:$weight,
    Optional<VNM_TensorOrMemRef>:$importance,
    Variadic<VNM_TensorOrMemRef>:$inits,
    DefaultValuedAttr<VNM_CriterionAttr, "::vnm::Criterion::Magnitude">:$criterion,
    DefaultValuedAttr<VNM_ColumnChoiceAttr, "::vnm::ColumnChoice::Exact">:$column_choice,
    DefaultValuedAttr<VNM_EffortAttr, "::vnm::Effort::Default">:$effort);
  let results = (outs Variadic<AnyRankedTensor>:$storage);
  let assemblyFormat = [{
    $encoding `ins` `(` $weight `:` type($weight) `)`
    (`importance` `(` $importance^ `:` type($importance) `)`)?
    `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($storage)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
}

def VNM_UnpackOp : VNM_Op<"unpack", [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
      ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "writes the dense form of a packed weight";
  let description = [{
    `vnm.decompress` on storage parts (values, metadata, columns[, rows]), on
    tensors or on memrefs. Every element of the destination is written.

    ```mlir
    %d = vnm.unpack #vnm.encoding<64:2:8>
        ins(%values, %metadata, %columns : tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>)
        outs(%d0 : tensor<128x256xf16>) -> tensor<128x256xf16>
    ```
  }];
  let arguments = (ins
    VNM_EncodingAttr:$encoding,
    Variadic<VNM_TensorOrMemRef>:$storage,
    VNM_TensorOrMemRef:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $encoding `ins` `(` $storage `:` type($storage) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

#endif // VNM_DIALECT_VNM_IR_VNMSTORAGEOPS_TD
