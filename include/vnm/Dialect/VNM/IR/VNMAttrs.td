// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the attributes of the vnm dialect.

#ifndef VNM_DIALECT_VNM_IR_VNMATTRS_TD
#define VNM_DIALECT_VNM_IR_VNMATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "vnm/Dialect/VNM/IR/VNMEnums.td"

class VNM_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<VNM_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def VNM_PatternAttr : VNM_Attr<"Pattern", "pattern"> {
  let summary = "a V:N:M sparsity pattern";
  let description = [{
    `V` rows share their columns, `N` values are kept of every 4 columns, 4
    columns of every `M`. Limits: V >= 16 and a power of two; N = 2; M >= 4, any
    integer (M = 4 is plain 2:4). Density is N/M.

    ```mlir
    #vnm.pattern<64:2:8>
    #vnm.pattern<128:2:5>
    #vnm.pattern<16:2:4>
    ```
  }];
  let parameters = (ins "int64_t":$v, "int64_t":$n, "int64_t":$m);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The same pattern as the core library's value type.
    ::vnm::sparsity::Pattern getPattern() const;
    /// The attribute of a (valid) pattern.
    static PatternAttr get(::mlir::MLIRContext *context,
                           const ::vnm::sparsity::Pattern &pattern);
  }];
}

def VNM_EncodingAttr
    : VNM_Attr<"Encoding", "encoding",
               [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "a tensor whose elements are V:N:M-sparse";
  let description = [{
    Encoding of a static rank-2 tensor `R x K` of f16, bf16, f32 or i8 whose
    elements follow a V:N:M pattern. Any R >= 1 and K >= 1: the last panel may
    have fewer rows, the last group fewer columns.

    * `pattern`: V:N:M.
    * `form`: `strict` (default) keeps columns of group g inside
      `[g M, (g + 1) M)`, ascending; `free` allows any column in any group of a
      panel, at most once.
    * `columns`: `i16` (default; read unsigned, K <= 65535) or `i32`.
    * `rows`: `identity` (default), or `permuted` when stored row r is row
      `rows[r]` of the tensor.
    * `layout`: `canonical` (default), the order of docs/storage-format.md, or
      `fragments`, the order of a sparse tensor core's registers, for elements
      of 16 bits. Only GPU kernels read it (docs/gpu.md, "Layouts of weights");
      `vnm.pack`, `vnm.unpack` and the CPU know the canonical one.

    Canonical storage, with P = ceil(R/V), G = ceil(K/M): `values` `R x 2G` of
    the element type, `metadata` `R x ceil(G/4)` of i16, `columns` `P x 4G` of
    i16 or i32, and `rows` `R` of i32 if permuted.

    Storage as fragments, with B = ceil(R/16), S = ceil(G/16): `values` `B x S x
    2 x 32 x 8`, `metadata` `B x S x 32` of i32, `columns` `P x 64S`, and `rows`
    as above.

    ```mlir
    tensor<256x512xf16, #vnm.encoding<64:2:8>>
    tensor<256x512xbf16, #vnm.encoding<128:2:5, form = free>>
    tensor<256x70000xf32, #vnm.encoding<64:2:16, form = free, columns = i32, rows = permuted>>
    tensor<256x512xf16, #vnm.encoding<64:2:8, layout = fragments>>
    ```
  }];
  let parameters = (ins "::vnm::PatternAttr":$pattern, "::vnm::Form":$form,
                        "::vnm::ColumnWidth":$columnWidth,
                        "::vnm::RowOrder":$rowOrder,
                        "::vnm::StorageLayout":$layout);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The smallest column width that `numCols` columns allow, rows in natural
    /// order, canonical layout.
    static EncodingAttr get(::mlir::MLIRContext *context,
                            const ::vnm::sparsity::Pattern &pattern,
                            ::vnm::Form form, int64_t numCols);

    /// The same encoding with another layout.
    EncodingAttr withLayout(::vnm::StorageLayout layout) const;
    bool isCanonical() const {
      return getLayout() == ::vnm::StorageLayout::Canonical;
    }

    /// The encoding of `type`, or null if it has none of this dialect.
    static EncodingAttr of(::mlir::Type type);

    /// Integer type of a column id.
    ::mlir::IntegerType getColumnType() const;
    /// Whether the storage has a `rows` part.
    bool hasRows() const { return getRowOrder() == ::vnm::RowOrder::Permuted; }
    /// Number of storage parts: 3, or 4 with rows.
    unsigned getNumStorageParts() const { return hasRows() ? 4 : 3; }
    /// Shape and element type of the storage parts of an `R x K` tensor of
    /// `elementType`: values, metadata, columns[, rows].
    ::llvm::SmallVector<::mlir::RankedTensorType, 4>
    getStorageTypes(::llvm::ArrayRef<int64_t> shape,
                    ::mlir::Type elementType) const;
    /// The same of an encoded tensor type.
    static ::llvm::SmallVector<::mlir::RankedTensorType, 4>
    getStorageTypes(::mlir::RankedTensorType type);
    /// Bytes of the storage of an `R x K` tensor.
    int64_t getStorageSizeInBytes(::llvm::ArrayRef<int64_t> shape,
                                  ::mlir::Type elementType) const;
    /// Stored values over R x K.
    double getDensity(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

def VNM_SparsityAttr : VNM_Attr<"Sparsity", "sparsity"> {
  let summary = "how a contraction's weight is to be pruned";
  let description = [{
    The annotation `vnm.sparsity` of a contraction: the pattern, the form, the
    criterion, how columns are chosen and how hard the free form is searched for.
    `rows = permuted`, only in free form, lets the search choose which rows share
    a panel, too. `vnm-annotate-matmuls` writes it, `vnm-select-pattern` and
    `vnm-permute-channels` change it, `vnm-sparsify` reads it; it may be written
    by hand.

    ```mlir
    #vnm.sparsity<64:2:8>
    #vnm.sparsity<64:2:8, form = free, rows = permuted, effort = high>
    #vnm.sparsity<128:2:16, criterion = ria, column_choice = l1>
    ```
  }];
  let parameters = (ins "::vnm::PatternAttr":$pattern, "::vnm::Form":$form,
                        "::vnm::Criterion":$criterion,
                        "::vnm::ColumnChoice":$columnChoice,
                        "::vnm::RowOrder":$rowOrder,
                        "::vnm::Effort":$effort);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// What the core library is told to prune with.
    ::vnm::sparsity::PruneOptions getPruneOptions() const;
    /// The same annotation with another pattern.
    SparsityAttr withPattern(::vnm::PatternAttr pattern) const;
    /// The same annotation with another order of the stored rows.
    SparsityAttr withRowOrder(::vnm::RowOrder rowOrder) const;
  }];
}

def VNM_ScheduleAttr : VNM_Attr<"Schedule", "schedule"> {
  let summary = "how the kernel of a product is built";
  let description = [{
    What a `vnm.spmm` may carry to say how a target computes it: a kernel family
    of the target and, of the family's numbers (tiles, stages, warps, ...), those
    that are not left to the family. Fields are positive integers, each at most
    once. The dialect knows of no target: which families there are, which fields
    each has and what a chip can do is checked where kernels are built, at the
    op (docs/gpu.md, "Schedules"). Targets without families ignore it.

    ```mlir
    #vnm.schedule<family = mma_sp>
    #vnm.schedule<family = wgmma_sp, token_tile = 256>
    ```
  }];
  let parameters = (ins StringRefParameter<"name of a kernel family">:$family,
                        "::mlir::DictionaryAttr":$fields);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The schedule of these (valid) fields, in any order.
    static ScheduleAttr
    get(::mlir::MLIRContext *context, ::llvm::StringRef family,
        ::llvm::ArrayRef<std::pair<::llvm::StringRef, int64_t>> fields);
    /// The number of field `name`, or 0 where it is left to the family.
    int64_t getField(::llvm::StringRef name) const;
  }];
}

#endif // VNM_DIALECT_VNM_IR_VNMATTRS_TD
