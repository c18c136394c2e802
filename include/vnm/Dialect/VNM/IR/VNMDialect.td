// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the vnm dialect and the base class of its ops.

#ifndef VNM_DIALECT_VNM_IR_VNMDIALECT_TD
#define VNM_DIALECT_VNM_IR_VNMDIALECT_TD

include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def VNM_Dialect : Dialect {
  let name = "vnm";
  let cppNamespace = "::vnm";
  let summary = "V:N:M-sparse weights and the matrix products that use them";
  let description = [{
    V:N:M sparsity (arXiv 2410.16135v3; VENOM, SC'23) prunes a weight `W[R x K]`
    in two steps. The weight is cut into blocks of V rows by M columns; a block
    keeps 4 of its M columns, and a row keeps 2 of those 4. With M = 8:

    ```
             group 0                group 1            K ->
        +-----------------+    +-----------------+
    r0  | . a . b . . . . |    | c . . . . . d . |   2 values per row and group,
    r1  | . . . e . f . . |    | . . g . h . . . |   drawn from the 4 columns
    ..  |                 |    |                 |   that the V rows share:
        +-----------------+    +-----------------+
            1   3 4 5            0   2   4   6       columns, absolute ids
    ```

    The density is 2/M. What is left of a row panel (V rows) is a 2:4 matrix over
    gathered columns, which sparse tensor cores execute:

    ```
    Y[r, t] = sum over g and i < 2 of
                values[r, 2g + i] * X[columns[r / V, 4g + position(r, g, i)], t]
    ```

    where `position` is a 2-bit field of `metadata` (docs/storage-format.md).

    The sparsity of a weight is part of its type: `tensor<RxKxf16,
    #vnm.encoding<64:2:8>>`. Values flow like this:

    1. `vnm-annotate-matmuls` marks contractions with `#vnm.sparsity`;
       `vnm-select-pattern` chooses V and M, `vnm-permute-channels` the order of
       channels.
    2. `vnm-sparsify` turns each into `vnm.compress` of the weight and
       `vnm.matmul`; `vnm-fold-weights` compresses constants at compile time.
    3. `vnm-expand-storage` replaces encoded tensors by their storage: values,
       metadata, columns and, if permuted, rows. `vnm.matmul` becomes `vnm.spmm`,
       `vnm.compress` becomes `vnm.pack`, `vnm.decompress` becomes `vnm.unpack`.
    4. Upstream's one-shot bufferization works on those three.
    5. `convert-vnm-to-scf` or `convert-vnm-to-gpu` emit loops or kernels.

    The dialect knows nothing of a target: tiles, warps and instructions belong
    to the conversions. It does not decide what to prune either; the annotation
    on an op does.

    Discardable attributes: on a function argument, `vnm.weight` (unit) says that
    it is a weight and may be pruned when the function runs. On a contraction,
    `vnm.sparsity` holds a `#vnm.sparsity` attribute, `vnm.layer` a string, the
    layer's name in reports, and `vnm.norms` the norms of its input channels
    (`tensor<Kxf32>`), where a calibration file's no longer apply. On a function, `vnm.signature` is its type before
    lowering (`vnm-record-signature`).
  }];

  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;

  let extraClassDeclaration = [{
    /// Argument attribute: this function argument is a weight.
    static ::llvm::StringRef getWeightAttrName() { return "vnm.weight"; }
    /// Attribute of a contraction that is to become sparse: a SparsityAttr.
    static ::llvm::StringRef getSparsityAttrName() { return "vnm.sparsity"; }
    /// Attribute of a contraction: a StringAttr, the layer's name in reports.
    static ::llvm::StringRef getLayerAttrName() { return "vnm.layer"; }
    /// Attribute of a contraction: an ElementsAttr, the 2-norms of its K input
    /// channels over a calibration set (f32), in the order of its columns.
    static ::llvm::StringRef getNormsAttrName() { return "vnm.norms"; }
    /// Attribute of a function: a TypeAttr, its type before lowering.
    static ::llvm::StringRef getSignatureAttrName() { return "vnm.signature"; }

    /// Version of the dialect that bytecode records.
    static constexpr uint64_t kVersion = 1;

  private:
    void registerAttributes();
    void registerOps();
    void registerBytecodeInterface();

  public:
  }];
}

class VNM_Op<string mnemonic, list<Trait> traits = []>
    : Op<VNM_Dialect, mnemonic, traits>;

def VNM_TensorOrMemRef : AnyTypeOf<[AnyRankedTensor, AnyMemRef]>;

#endif // VNM_DIALECT_VNM_IR_VNMDIALECT_TD
