// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the enumerations of the vnm dialect.

#ifndef VNM_DIALECT_VNM_IR_VNMENUMS_TD
#define VNM_DIALECT_VNM_IR_VNMENUMS_TD

include "mlir/IR/EnumAttr.td"
include "vnm/Dialect/VNM/IR/VNMDialect.td"

class VNM_Enum<string name, string summary, list<I32EnumCase> cases>
    : I32Enum<name, summary, cases> {
  let cppNamespace = "::vnm";
}

class VNM_EnumAttr<EnumInfo info, string mnemonic>
    : EnumAttr<VNM_Dialect, info, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def VNM_Form : VNM_Enum<"Form", "which columns a group may hold", [
  I32EnumCase<"Strict", 0, "strict">,
  I32EnumCase<"Free", 1, "free">
]>;

def VNM_ColumnWidth : VNM_Enum<"ColumnWidth", "integer type of a column id", [
  I32EnumCase<"I16", 0, "i16">,
  I32EnumCase<"I32", 1, "i32">
]>;

def VNM_RowOrder : VNM_Enum<"RowOrder", "order of the stored rows", [
  I32EnumCase<"Identity", 0, "identity">,
  I32EnumCase<"Permuted", 1, "permuted">
]>;

def VNM_StorageLayout
    : VNM_Enum<"StorageLayout", "order of a packed weight in memory", [
  I32EnumCase<"Canonical", 0, "canonical">,
  I32EnumCase<"Fragments", 1, "fragments">
]>;

def VNM_Criterion : VNM_Enum<"Criterion", "importance of a weight element", [
  I32EnumCase<"Magnitude", 0, "magnitude">,
  I32EnumCase<"Wanda", 1, "wanda">,
  I32EnumCase<"RIA", 2, "ria">,
  I32EnumCase<"Given", 3, "given">
]>;

def VNM_ColumnChoice : VNM_Enum<"ColumnChoice", "how a block chooses columns", [
  I32EnumCase<"Exact", 0, "exact">,
  I32EnumCase<"L1", 1, "l1">
]>;

def VNM_Effort : VNM_Enum<"Effort", "how hard the free form is searched for", [
  I32EnumCase<"Fast", 0, "fast">,
  I32EnumCase<"Default", 1, "default">,
  I32EnumCase<"High", 2, "high">
]>;

def VNM_ActivationLayout
    : VNM_Enum<"ActivationLayout", "order of channels and tokens in memory", [
  I32EnumCase<"FeatureMajor", 0, "feature_major">,
  I32EnumCase<"TokenMajor", 1, "token_major">
]>;

def VNM_Broadcast
    : VNM_Enum<"Broadcast", "how an epilogue operand spreads over the result", [
  I32EnumCase<"PerRow", 0, "per_row">,
  I32EnumCase<"PerToken", 1, "per_token">,
  I32EnumCase<"Full", 2, "full">
]>;

def VNM_CriterionAttr : VNM_EnumAttr<VNM_Criterion, "criterion"> {
  let summary = "importance of a weight element";
  let description = [{
    `magnitude` |w|; `wanda` |w| ||x_j||; `ria` (|w| / column sum + |w| / row
    sum) ||x_j||^0.5; `given` scores from an operand. ||x_j|| is the 2-norm of
    input channel j over a calibration set; without it `ria` uses 1.

    ```mlir
    #vnm.criterion<magnitude>
    ```
  }];
}

def VNM_ColumnChoiceAttr : VNM_EnumAttr<VNM_ColumnChoice, "column_choice"> {
  let summary = "how a block chooses its 4 columns";
  let description = [{
    `exact` maximises what remains after 2:4; `l1` takes the columns of largest
    L1 norm (arXiv 2410.16135v3, section 3).

    ```mlir
    #vnm.column_choice<exact>
    ```
  }];
}

def VNM_EffortAttr : VNM_EnumAttr<VNM_Effort, "effort"> {
  let summary = "how hard the free form is searched for";
  let description = [{
    `fast`, `default` or `high`: what the search for columns, and for rows where
    they are permuted, may cost (docs/algorithms.md). Without effect in strict
    form.

    ```mlir
    #vnm.effort<high>
    ```
  }];
}

def VNM_ActivationLayoutAttr
    : VNM_EnumAttr<VNM_ActivationLayout, "activation_layout"> {
  let summary = "order of channels and tokens in memory";
  let description = [{
    `feature_major`: `[channels, tokens]`, a channel's tokens are neighbours.
    `token_major`: `[tokens, channels]`, as nn.Linear reads and writes.

    ```mlir
    #vnm.activation_layout<token_major>
    ```
  }];
}

def VNM_BroadcastAttr : VNM_EnumAttr<VNM_Broadcast, "broadcast"> {
  let summary = "how an epilogue operand spreads over the result";
  let description = [{
    `per_row`: `[R]`, one element per output channel (a bias). `per_token`:
    `[T]`. `full`: the shape of the result (a residual).

    ```mlir
    #vnm.broadcast<per_row>
    ```
  }];
}

def VNM_BroadcastArrayAttr
    : TypedArrayAttrBase<VNM_BroadcastAttr, "array of #vnm.broadcast">;

#endif // VNM_DIALECT_VNM_IR_VNMENUMS_TD
