// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the passes that choose what a weight keeps.
//
// Passes are in alphabetical order; a new one goes where its argument sorts.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_PRUNINGPASSES_TD
#define VNM_DIALECT_VNM_TRANSFORMS_PRUNINGPASSES_TD

include "mlir/Pass/PassBase.td"

def AnnotateMatmulsPass : Pass<"vnm-annotate-matmuls", "::mlir::ModuleOp"> {
  let summary = "marks contractions whose weight is to become sparse";
  let description = [{
    Every contraction with a weight gets `vnm.layer`, its name in reports (from
    the op's location if that is named, else `<function>.<index>`), and
    `vnm.sparsity`, what `vnm-sparsify` is to do with its weight.

    A weight is a constant (`arith.constant`, dense or dense_resource), a load of
    a constant global (`ml_program.global_load_const`, or `memref.get_global` and
    `bufferization.to_tensor`), or a function argument with `vnm.weight`, seen
    through transposes, broadcasts, reshapes and casts. It may be the left or the
    right operand. All other uses of the weight in the module must be products with
    the same matrix, else the contraction stays as it is.

    Contractions that are already annotated stay as they are. For each contraction
    there is a remark of category `vnm-annotate` (`--remarks-filter=vnm.*`):
    passed, with the shape, or missed, with the reason and, where there is one, a
    suggestion. Run before any pass that rewrites contractions;
    `linalg-specialize-generic-ops` and `linalg-morph-ops` of LLVM 22 miscompile
    transposed ones.

    Before:

    ```mlir
    func.func @f(%x: tensor<8x64xf16>, %w: tensor<64x64xf16> {vnm.weight},
                 %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
      %0 = linalg.matmul ins(%x, %w : tensor<8x64xf16>, tensor<64x64xf16>)
                         outs(%y : tensor<8x64xf32>) -> tensor<8x64xf32>
      return %0 : tensor<8x64xf32>
    }
    ```

    After, with `pattern=64:2:8`:

    ```mlir
    func.func @f(%x: tensor<8x64xf16>, %w: tensor<64x64xf16> {vnm.weight},
                 %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
      %0 = linalg.matmul {vnm.layer = "f.0", vnm.sparsity = #vnm.sparsity<64:2:8>}
                         ins(%x, %w : tensor<8x64xf16>, tensor<64x64xf16>)
                         outs(%y : tensor<8x64xf32>) -> tensor<8x64xf32>
      return %0 : tensor<8x64xf32>
    }
    ```
  }];
  let options = [
    Option<"pattern", "pattern", "std::string", /*default=*/"\"64:2:8\"",
           "V:N:M, e.g. 64:2:8 (default): V a power of two, at least 16; N = 2; "
           "M at least 4">,
    Option<"form", "form", "std::string", /*default=*/"\"strict\"",
           "strict (default) or free: which columns a group may hold">,
    Option<"criterion", "criterion", "std::string", /*default=*/"\"magnitude\"",
           "magnitude (default), wanda or ria: the importance of an element">,
    Option<"columnChoice", "column-choice", "std::string", /*default=*/"\"exact\"",
           "exact (default) or l1: how a block chooses its 4 columns">,
    Option<"effort", "effort", "std::string", /*default=*/"\"default\"",
           "fast, default or high: how hard to search, in free form and for "
           "permutations">,
    Option<"filter", "filter", "std::string", /*default=*/"\"\"",
           "Regular expression (POSIX extended) that a layer's name must contain; "
           "empty (default) for every layer">,
    Option<"minRows", "min-rows", "int64_t", /*default=*/"1",
           "Fewest rows R (output channels) of a weight to annotate (default 1)">,
    Option<"minCols", "min-cols", "int64_t", /*default=*/"1",
           "Fewest columns K (input channels) of a weight to annotate (default 1)">
  ];
  let statistics = [
    Statistic<"numAnnotated", "num-annotated", "Number of contractions annotated">,
    Statistic<"numLeft", "num-left", "Number of contractions left as they are">
  ];
  let dependentDialects = ["::vnm::VNMDialect"];
}

def FoldWeightsPass : Pass<"vnm-fold-weights", "::mlir::ModuleOp"> {
  let summary = "packs constant weights at compile time";
  let description = [{
    `vnm.compress` of a constant becomes `vnm.assemble` of resource constants with
    the packed storage. The constant may be dense, dense_resource (read in place)
    or the value of a constant global, seen through transposes, reshapes and
    casts; it is dropped, with private globals nothing else mentions. Weights that
    are function arguments stay and are packed when the program runs. A NaN or an
    infinity in a weight is an error that names its position.

    Storage constants that are already assembled are checked against every rule of
    docs/storage-format.md; a violation is an error that cites the rule.
    `vnm.decompress` of constant storage becomes a dense constant.

    Remarks of category `vnm-fold` give, per layer, the share of importance that
    is retained and the bytes before and after; `vnm-write-report` has them, too.
    Normally follows `vnm-sparsify` and `canonicalize`.

    Before:

    ```mlir
    func.func @f() -> tensor<16x8xf32, #vnm.encoding<16:2:8>> {
      %w = arith.constant dense<1.0> : tensor<16x8xf32>
      %0 = vnm.compress %w {vnm.layer = "fc"}
         : tensor<16x8xf32> to tensor<16x8xf32, #vnm.encoding<16:2:8>>
      return %0 : tensor<16x8xf32, #vnm.encoding<16:2:8>>
    }
    ```

    After (the constants are resources):

    ```mlir
    func.func @f() -> tensor<16x8xf32, #vnm.encoding<16:2:8>> {
      %values = arith.constant dense<1.0> : tensor<16x2xf32>
      %metadata = arith.constant dense<0x4444> : tensor<16x1xi16>
      %columns = arith.constant dense<[[0, 1, 2, 3]]> : tensor<1x4xi16>
      %0 = vnm.assemble %values, %metadata, %columns
         : (tensor<16x2xf32>, tensor<16x1xi16>, tensor<1x4xi16>)
           -> tensor<16x8xf32, #vnm.encoding<16:2:8>>
      return %0 : tensor<16x8xf32, #vnm.encoding<16:2:8>>
    }
    ```
  }];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Number of weights packed">,
    Statistic<"bytesBefore", "bytes-before", "Bytes of these weights when dense">,
    Statistic<"bytesAfter", "bytes-after", "Bytes of their packed storage">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vnm::VNMDialect"];
}

def PermuteChannelsPass : Pass<"vnm-permute-channels", "::mlir::ModuleOp"> {
  let summary = "permutes channels so that sparse weights retain more";
  let description = [{
    A weight retains more importance if rows that want the same columns share a
    panel, and, in strict form, if columns that matter to other rows share a
    group. This pass finds, for every product annotated with `vnm.sparsity`, what
    may be permuted and who pays for it, and writes the module's constants anew.
    Its results are the same, except for the order of floating-point sums.

    * Channels between products: the rows of one or several products are followed
      through elementwise ops, per-channel constants, broadcasts, reshapes,
      transposes, reductions and products of activations to the columns of
      others. If nothing on the way depends on their order, one order is chosen
      for all: rows, columns and constants are permuted alike, and nothing
      happens at run time. Where a dimension is split (attention heads) and
      something depends on the slower part, channels move within it.
    * Otherwise, and in free form, the weight gets `rows = permuted`: the product
      computes rows in another order and stores each at its place. `scatter`
      says when; it is cheap where tokens are neighbours in memory.
    * Columns in free form need nothing: every panel names its own.

    In strict form the permutation is that of arXiv 2410.16135v3, shared by all
    weights that write or read the channels. It is kept only if they retain more
    together.

    Remarks of category `vnm-permute` say for each layer what was permuted, where
    it was folded and what that gained, or what fixes the order: an argument or
    result of the function (a residual stream), a slice of a head (rotary
    embeddings), an op that is not known. Run between `vnm-annotate-matmuls`
    (and `vnm-select-pattern`) and `vnm-sparsify`, with the same `calibration`.

    Before (the weights are constants whose rows and columns are not shown):

    ```mlir
    #id = affine_map<(t, c) -> (t, c)>
    func.func @mlp(%x: tensor<8x64xf32>, %i1: tensor<8x128xf32>, %i2: tensor<8x64xf32>) -> tensor<8x64xf32> {
      %up = arith.constant dense<1.0> : tensor<64x128xf32>
      %down = arith.constant dense<1.0> : tensor<128x64xf32>
      %h = linalg.matmul {vnm.layer = "up", vnm.sparsity = #vnm.sparsity<64:2:8, form = free>}
             ins(%x, %up : tensor<8x64xf32>, tensor<64x128xf32>) outs(%i1 : tensor<8x128xf32>) -> tensor<8x128xf32>
      %g = math.tanh %h : tensor<8x128xf32>
      %y = linalg.matmul {vnm.layer = "down", vnm.sparsity = #vnm.sparsity<64:2:8, form = free>}
             ins(%g, %down : tensor<8x128xf32>, tensor<128x64xf32>) outs(%i2 : tensor<8x64xf32>) -> tensor<8x64xf32>
      return %y : tensor<8x64xf32>
    }
    ```

    After: the same with the columns of `%up` (rows of the sparse weight) and the
    rows of `%down` in one new order, so that the two panels of "up" hold rows
    that are alike.
  }];
  let options = [
    Option<"fold", "fold", "bool", /*default=*/"true",
           "Fold orders into the weights and constants around (default true)">,
    Option<"scatter", "scatter", "std::string", /*default=*/"\"feature-major\"",
           "feature-major (default), always or never: products that may store "
           "permuted rows at their places, by the layout of their result">,
    Option<"calibration", "calibration", "std::string", /*default=*/"\"\"",
           "File (safetensors) with, for each layer by name, the 2-norms of its K "
           "input channels over a calibration set, F32; empty (default) for none">
  ];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Number of orders folded into constants">,
    Statistic<"numScattered", "num-scattered", "Number of products that put rows back">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vnm::VNMDialect"];
}

def SelectPatternPass : Pass<"vnm-select-pattern", "::mlir::ModuleOp"> {
  let summary = "chooses V and M for every annotated contraction";
  let description = [{
    Replaces the pattern of every `vnm.sparsity` by the one that a rule chooses of
    `candidates`, or removes the annotation where sparse is predicted not to be
    faster. Times come from `cost-table` (docs/algorithms.md), measured, or
    interpolated between what was; without a table from a roofline model of an
    H200, which a remark says.

    * `diversity`: one pattern for all layers, of those that make the model
      `speedup` times as fast the one of largest mask diversity (arXiv
      2410.16135v3).
    * `retained`: the same, but the one by which the weights retain most.
    * `per-layer`: each layer its own, so that the weights retain most in the
      time that `speedup` leaves of the dense one, or in `budget`.
    * `annotated`: each layer keeps the pattern of its annotation, unless dense
      is predicted to be as fast; no target.

    The middle two need constant weights. Remarks of category `vnm-select` give
    per layer the pattern and predicted times, or why it stays dense. A target
    that no candidate reaches is an error that names the best reachable. Run
    after `vnm-annotate-matmuls`, before `vnm-permute-channels`.

    Before:

    ```mlir
    func.func @f(%x: tensor<4096x4096xf16>, %w: tensor<4096x4096xf16> {vnm.weight},
                 %y: tensor<4096x4096xf32>) -> tensor<4096x4096xf32> {
      %0 = linalg.matmul {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<64:2:8>}
             ins(%x, %w : tensor<4096x4096xf16>, tensor<4096x4096xf16>)
             outs(%y : tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
      return %0 : tensor<4096x4096xf32>
    }
    ```

    After, with `speedup=1.2 candidates=64:2:5,64:2:8,64:2:16`:

    ```mlir
    func.func @f(%x: tensor<4096x4096xf16>, %w: tensor<4096x4096xf16> {vnm.weight},
                 %y: tensor<4096x4096xf32>) -> tensor<4096x4096xf32> {
      %0 = linalg.matmul {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<64:2:8>}
             ins(%x, %w : tensor<4096x4096xf16>, tensor<4096x4096xf16>)
             outs(%y : tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
      return %0 : tensor<4096x4096xf32>
    }
    ```
  }];
  let options = [
    Option<"rule", "rule", "std::string", /*default=*/"\"diversity\"",
           "diversity (default), retained, per-layer or annotated">,
    Option<"speedup", "speedup", "double", /*default=*/"1.5",
           "How many times as fast as dense the products together must be (at "
           "least 1; default 1.5)">,
    Option<"budget", "budget", "double", /*default=*/"0",
           "Microseconds for the products together, for rule=per-layer, instead "
           "of speedup; 0 (default) for none">,
    ListOption<"candidates", "candidates", "std::string",
           "Patterns V:N:M to choose of (default: V of 32, 64, 128 with M of 5, "
           "6, 8, 16)">,
    Option<"costTable", "cost-table", "std::string", /*default=*/"\"\"",
           "File (JSON) with measured times; empty (default) for a model">,
    Option<"tokens", "tokens", "int64_t", /*default=*/"0",
           "T of products whose number of tokens is dynamic">,
    Option<"calibration", "calibration", "std::string", /*default=*/"\"\"",
           "File (safetensors) with, for each layer by name, the 2-norms of its K "
           "input channels over a calibration set, F32; empty (default) for none">
  ];
  let statistics = [
    Statistic<"numSelected", "num-selected", "Number of layers that got a pattern">,
    Statistic<"numDense", "num-dense", "Number of layers left dense">
  ];
  let dependentDialects = ["::vnm::VNMDialect"];
}

def SparsifyPass : Pass<"vnm-sparsify", "::mlir::ModuleOp"> {
  let summary = "turns annotated contractions into sparse products";
  let description = [{
    A contraction with `vnm.sparsity` becomes `vnm.compress` of its weight and
    `vnm.matmul`. The weight is compressed as the `R x K` matrix (outputs by
    inputs) that it is read as, once if several contractions read the same one;
    transposes and broadcasts between the source and the contraction are absorbed.
    Activations `[..., T, K]` and `[..., K, T]` are taken as they are (token_major
    and feature_major); other orders get a `linalg.transpose`. Several row or
    channel dimensions are collapsed to one. A product into zeros does not
    accumulate. Where both operands are widened before the product, it is taken of
    the operands before: it sums in f32 (i32) anyway.

    An annotated op that is no contraction with a weight is an error. With
    criterion wanda, `calibration` must have the norms of every layer; with ria,
    it may. Normally follows `vnm-annotate-matmuls`.

    Before:

    ```mlir
    func.func @f(%x: tensor<8x64xf16>, %w: tensor<64x64xf16> {vnm.weight}) -> tensor<8x64xf32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<8x64xf32>
      %y = linalg.fill ins(%zero : f32) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
      %0 = linalg.matmul {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<64:2:8>}
                         ins(%x, %w : tensor<8x64xf16>, tensor<64x64xf16>)
                         outs(%y : tensor<8x64xf32>) -> tensor<8x64xf32>
      return %0 : tensor<8x64xf32>
    }
    ```

    After:

    ```mlir
    func.func @f(%x: tensor<8x64xf16>, %w: tensor<64x64xf16> {vnm.weight}) -> tensor<8x64xf32> {
      %e0 = tensor.empty() : tensor<64x64xf16>
      %t = linalg.transpose ins(%w : tensor<64x64xf16>) outs(%e0 : tensor<64x64xf16>) permutation = [1, 0]
      %c = vnm.compress %t {vnm.layer = "fc"}
         : tensor<64x64xf16> to tensor<64x64xf16, #vnm.encoding<64:2:8>>
      %e = tensor.empty() : tensor<8x64xf32>
      %0 = vnm.matmul ins(%c, %x : tensor<64x64xf16, #vnm.encoding<64:2:8>>, tensor<8x64xf16>)
                      outs(%e : tensor<8x64xf32>)
                      {vnm.layer = "fc",
                       x_layout = #vnm.activation_layout<token_major>,
                       y_layout = #vnm.activation_layout<token_major>} -> tensor<8x64xf32>
      return %0 : tensor<8x64xf32>
    }
    ```
  }];
  let options = [
    Option<"calibration", "calibration", "std::string", /*default=*/"\"\"",
           "File (safetensors) with, for each layer by name, the 2-norms of its K "
           "input channels over a calibration set, F32; empty (default) for none">
  ];
  let statistics = [
    Statistic<"numSparsified", "num-sparsified", "Number of contractions turned sparse">,
    Statistic<"numCompressed", "num-compressed", "Number of weights compressed">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect", "::vnm::VNMDialect"
  ];
}

def WriteReportPass : Pass<"vnm-write-report", "::mlir::ModuleOp"> {
  let summary = "writes what became of every layer as JSON";
  let description = [{
    Writes what the passes before it, in the same run, recorded: for every layer
    its shape, whether it is sparse and if not why, pattern, form, retained
    importance before and after each step with the step's time, bytes, and the
    predicted cost (docs/reports.md). Changes nothing. `vnm-opt
    --vnm-report=FILE` adds it at the end of any pipeline.

    ```mlir
    func.func @f() -> tensor<16x8xf32, #vnm.encoding<16:2:8>> {
      %w = arith.constant dense<1.0> : tensor<16x8xf32>
      %0 = vnm.compress %w {vnm.layer = "fc"}
         : tensor<16x8xf32> to tensor<16x8xf32, #vnm.encoding<16:2:8>>
      return %0 : tensor<16x8xf32, #vnm.encoding<16:2:8>>
    }
    ```

    with `vnm-fold-weights,vnm-write-report{file=report.json}` gives

    ```
    "layers": [
      { "layer": "fc", "rows": 16, "cols": 8, "dtype": "f32", "decision": "sparse",
        "pattern": "16:2:8", ..., "retained_importance": 0.25, ... }
    ]
    ```
  }];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"vnm-report.json\"",
           "File to write (default vnm-report.json)">
  ];
}

#endif // VNM_DIALECT_VNM_TRANSFORMS_PRUNINGPASSES_TD
