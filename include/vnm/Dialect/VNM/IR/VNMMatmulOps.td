// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the products, vnm.matmul and vnm.spmm, and their epilogue.

#ifndef VNM_DIALECT_VNM_IR_VNMMATMULOPS_TD
#define VNM_DIALECT_VNM_IR_VNMMATMULOPS_TD

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "vnm/Dialect/VNM/IR/VNMAttrs.td"

/// What vnm.matmul and vnm.spmm share: activations, destination, epilogue.
class VNM_ProductOp<string mnemonic, list<Trait> traits = []>
    : VNM_Op<mnemonic, !listconcat(traits, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
          ["reifyResultShapes"]>,
        DeclareOpInterfaceMethods<TilingInterface,
          ["getLoopIteratorTypes", "getIterationDomain",
           "getTiledImplementation", "getResultTilePosition",
           "generateResultTileValue"]>])> {
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let hasVerifier = 1;

  // Shared by the subclasses, which append their own.
  code productClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }

    /// Output channels R, input channels K.
    int64_t getNumRows();
    int64_t getNumCols();
    /// Rank of the leading batch dimensions of x and of the result.
    int64_t getNumBatchDims() {
      return ::llvm::cast<::mlir::ShapedType>(getX().getType()).getRank() - 2;
    }
    /// Position of a dimension in x and in the result, after the batch.
    unsigned getXChannelDim() {
      return getNumBatchDims() +
             (getXLayout() == ::vnm::ActivationLayout::TokenMajor);
    }
    unsigned getXTokenDim() {
      return getNumBatchDims() +
             (getXLayout() == ::vnm::ActivationLayout::FeatureMajor);
    }
    unsigned getYRowDim() {
      return getNumBatchDims() +
             (getYLayout() == ::vnm::ActivationLayout::TokenMajor);
    }
    unsigned getYTokenDim() {
      return getNumBatchDims() +
             (getYLayout() == ::vnm::ActivationLayout::FeatureMajor);
    }
    /// How epilogue operand `index` spreads over the result.
    ::vnm::Broadcast getBroadcast(unsigned index) {
      return ::llvm::cast<::vnm::BroadcastAttr>(getBroadcasts()[index]).getValue();
    }
    bool hasEpilogue() { return !getEpilogue().empty(); }
    /// The type products are summed in: f32, or i32 for i8 weights.
    ::mlir::Type getAccumulatorType();
  }];
}

def VNM_MatmulOp : VNM_ProductOp<"matmul", [Pure]> {
  let summary = "multiplies a V:N:M-sparse weight with dense activations";
  let description = [{
    With W the encoded weight `R x K`, for every batch index b:

    ```
    acc[r, t] = sum over k of W[r, k] * X[b, k, t]    (+ Y0[b, r, t] if accumulate)
    Y[b, r, t] = epilogue(acc[r, t], operands...)
    ```

    Operands:
    * `weight`: encoded, static `R x K`, f16, bf16, f32 or i8.
    * `x`: element type of the weight; `[batch..., K, T]`, or `[batch..., T, K]`
      if `x_layout` is token_major. T and the batch may be dynamic.
    * `init` (Y0): `[batch..., R, T]` or, by `y_layout`, `[batch..., T, R]`; any
      float type, or i32 for i8 weights, whose epilogue may yield floats unless
      the op accumulates. Its contents matter only with `accumulate`.
    * epilogue operands: `per_row` `[R]`, `per_token` `[T]`, or `full`, the shape
      of `init`.

    Sums are in f32 (i32 for i8). Activations in channels that no stored value
    names are not read: a NaN there does not reach the result. The epilogue, if
    any, maps the accumulator and one element per operand to the stored element;
    without it the accumulator is rounded to the result's type.

    ```mlir
    %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x?xf16>)
                    outs(%y : tensor<128x?xf32>) -> tensor<128x?xf32>
    %1 = vnm.matmul ins(%w, %xt : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<4x32x256xf16>)
                    outs(%yt : tensor<4x32x128xf16>)
                    {x_layout = #vnm.activation_layout<token_major>,
                     y_layout = #vnm.activation_layout<token_major>}
                    epilogue(%bias per_row : tensor<128xf16>) {
                    ^bb0(%acc: f32, %b: f16):
                      %b32 = arith.extf %b : f16 to f32
                      %sum = arith.addf %acc, %b32 : f32
                      %out = arith.truncf %sum : f32 to f16
                      vnm.yield %out : f16
                    } -> tensor<4x32x128xf16>
    ```
  }];
  let arguments = (ins
    AnyRankedTensor:$weight,
    AnyRankedTensor:$x,
    AnyRankedTensor:$init,
    Variadic<AnyRankedTensor>:$epilogue_operands,
    DefaultValuedAttr<VNM_BroadcastArrayAttr, "{}">:$broadcasts,
    UnitAttr:$accumulate,
    DefaultValuedAttr<VNM_ActivationLayoutAttr,
      "::vnm::ActivationLayout::FeatureMajor">:$x_layout,
    DefaultValuedAttr<VNM_ActivationLayoutAttr,
      "::vnm::ActivationLayout::FeatureMajor">:$y_layout);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    `ins` `(` $weight `,` $x `:` type($weight) `,` type($x) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict
    custom<Epilogue>($epilogue_operands, type($epilogue_operands), $broadcasts,
                     $epilogue)
    `->` type($result)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = productClassDeclaration # [{
    ::vnm::EncodingAttr getEncoding() {
      return ::vnm::EncodingAttr::of(getWeight().getType());
    }
    ::mlir::Type getWeightElementType() {
      return ::mlir::getElementTypeOrSelf(getWeight().getType());
    }
  }];
}

def VNM_SpmmOp : VNM_ProductOp<"spmm",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "multiplies a packed V:N:M-sparse weight with dense activations";
  let description = [{
    `vnm.matmul` on the storage of the weight, on tensors or on memrefs. With
    V, M, P, G of `encoding` and docs/storage-format.md:

    ```
    acc[r, t] = sum over g < G, i < 2 of
                  values[r, 2g + i] * X[columns[r / V, 4g + position(r, g, i)], t]
    position(r, g, i) = (metadata[r, g / 4] >> (4 (g % 4) + 2 i)) & 3
    ```

    A column id K means "no column": it contributes nothing and nothing is read.
    Result row of stored row r is `rows[r]` if the encoding has permuted rows, and
    r otherwise. Everything else is as in `vnm.matmul`.

    ```mlir
    %0 = vnm.spmm #vnm.encoding<64:2:8>
           ins(%values, %metadata, %columns, %x
               : tensor<128x64xf16>, tensor<128x8xi16>, tensor<2x128xi16>, tensor<256x?xf16>)
           outs(%y : tensor<128x?xf32>) -> tensor<128x?xf32>
    vnm.spmm #vnm.encoding<64:2:8>
           ins(%values_m, %metadata_m, %columns_m, %x_m
               : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x?xf16>)
           outs(%y_m : memref<128x?xf32>)
    ```

    With permuted rows the `rows` operand (R of i32) follows in its own clause,
    `rows(%rows : tensor<128xi32>)`, after `ins`.

    `schedule` says how a GPU kernel for the op is built, e.g. `{schedule =
    #vnm.schedule<family = wgmma_sp, token_tile = 256>}`; without it the
    conversion chooses. It has no influence on the result.
  }];
  let arguments = (ins
    VNM_EncodingAttr:$encoding,
    VNM_TensorOrMemRef:$values,
    VNM_TensorOrMemRef:$metadata,
    VNM_TensorOrMemRef:$columns,
    Optional<VNM_TensorOrMemRef>:$rows,
    VNM_TensorOrMemRef:$x,
    VNM_TensorOrMemRef:$init,
    Variadic<VNM_TensorOrMemRef>:$epilogue_operands,
    DefaultValuedAttr<VNM_BroadcastArrayAttr, "{}">:$broadcasts,
    UnitAttr:$accumulate,
    DefaultValuedAttr<VNM_ActivationLayoutAttr,
      "::vnm::ActivationLayout::FeatureMajor">:$x_layout,
    DefaultValuedAttr<VNM_ActivationLayoutAttr,
      "::vnm::ActivationLayout::FeatureMajor">:$y_layout,
    OptionalAttr<VNM_ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $encoding
    `ins` `(` $values `,` $metadata `,` $columns `,` $x `:`
              type($values) `,` type($metadata) `,` type($columns) `,` type($x) `)`
    (`rows` `(` $rows^ `:` type($rows) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict
    custom<Epilogue>($epilogue_operands, type($epilogue_operands), $broadcasts,
                     $epilogue)
    (`->` type($result)^)?
  }];
  let extraClassDeclaration = productClassDeclaration # [{
    ::mlir::Type getWeightElementType() {
      return ::mlir::getElementTypeOrSelf(getValues().getType());
    }
    /// Whether the op works on memrefs.
    bool hasBuffers() { return ::llvm::isa<::mlir::BaseMemRefType>(getInit().getType()); }
  }];
}

def VNM_YieldOp : VNM_Op<"yield", [Pure, ReturnLike, Terminator,
    ParentOneOf<["MatmulOp", "SpmmOp"]>]> {
  let summary = "ends an epilogue with the element to store";
  let description = [{
    ```mlir
    vnm.yield %out : f16
    ```
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // VNM_DIALECT_VNM_IR_VNMMATMULOPS_TD
