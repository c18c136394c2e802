// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the vnm_nvvm dialect and its ops.

#ifndef VNM_DIALECT_VNMNVVM_IR_VNMNVVMOPS_TD
#define VNM_DIALECT_VNMNVVM_IR_VNMNVVMOPS_TD

include "mlir/Dialect/LLVMIR/LLVMOpBase.td"
include "mlir/Dialect/LLVMIR/NVVMOps.td"
include "mlir/IR/OpBase.td"

def VNMNVVM_Dialect : Dialect {
  let name = "vnm_nvvm";
  let cppNamespace = "::vnm::nvvm";
  let summary = "NVIDIA instructions that the nvvm dialect does not have";
  let description = [{
    An op is one PTX instruction, as in `nvvm`, whose types and attributes it
    uses. Kernels are built of both; `convert-vnm-nvvm-to-llvm` turns these ops
    into inline PTX. An op leaves once LLVM has its intrinsic.

    The rules of an instruction (shapes, types, selectors) are those that the
    emulator checks; both ask the same functions
    (`vnm/Emulator/Instructions/Wgmma.h`).
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

class VNMNVVM_Op<string mnemonic, list<Trait> traits = []>
    : Op<VNMNVVM_Dialect, mnemonic, traits>;

def VNMNVVM_WgmmaMmaAsyncSpOp : VNMNVVM_Op<"wgmma.mma_async.sp", [
    AllTypesMatch<["accumulator", "result"]>
  ]> {
  let summary = "multiplies a 2:4 sparse A with B, asynchronously, by a warpgroup";
  let description = [{
    `wgmma.mma_async.sp.sync.aligned.m64nNkK` (PTX ISA 9.7.15.6): issues

    ```
    D[i, j] = (scale_d ? D[i, j] : 0)
              + sum over s < K/2 of scale_a * A[i, s] * scale_b * B[k(i, s), j]
    ```

    for i < 64 and j < N. k(i, s) is the column that the metadata gives for
    stored element s of row i.

    * `accumulator` and `result`: D, a struct of the registers of a lane: N/2 of
      f32 or i32 (`s32`), or for f16 N/4 of i32 with two elements each. The
      result is defined once `nvvm.wgmma.wait.group.sync.aligned` has waited for
      the group. The accumulator's registers are the result's.
    * `a`: four i32, the lane's part of A (64 x K/2), or one i64, a descriptor of
      A in shared memory.
    * `descriptorB`: a descriptor of B (K x N) in shared memory.
    * `metadata`, `selector`: positions of the stored elements, from the lanes
      that the selector names.
    * `scaleD`: whether D counts; without it the accumulator's value is not read.
    * `shape`: m is 64; k is 32 for f16 and bf16, 16 for tf32, 64 for s8 and u8.
    * `layoutA` must be row and `layoutB` col, both K-major, but for f16 and
      bf16 in shared memory, where the other value says MN-major.
    * `scaleA`, `scaleB`: one or, for floating point, neg.
    * `satfinite`: integer sums saturate.

    As with `nvvm.wgmma.mma_async`, `nvvm.wgmma.fence.aligned` comes before and
    `nvvm.wgmma.commit.group.sync.aligned` after a group of them, and no register
    of the op may be touched until the group is done.

    ```mlir
    func.func @multiply(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a0: i32, %a1: i32,
                        %a2: i32, %a3: i32, %b: i64, %meta: i32, %scale: i1)
        -> !llvm.struct<(f32, f32, f32, f32)> {
      nvvm.wgmma.fence.aligned
      %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a0, %a1, %a2, %a3 : i32, i32, i32, i32),
          b(%b), metadata(%meta, 0), scale_d(%scale), shape<m = 64, n = 8, k = 32>,
          D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <row>]
          : !llvm.struct<(f32, f32, f32, f32)>
      nvvm.wgmma.commit.group.sync.aligned
      nvvm.wgmma.wait.group.sync.aligned 0
      return %d : !llvm.struct<(f32, f32, f32, f32)>
    }
    ```
  }];
  let arguments = (ins
    LLVM_AnyStruct:$accumulator,
    Variadic<AnyTypeOf<[I32, I64]>>:$a,
    I64:$descriptorB,
    I32:$metadata,
    I1:$scaleD,
    I32Attr:$selector,
    NVVM_MMAShapeAttr:$shape,
    WGMMATypesAttr:$typeD,
    WGMMATypesAttr:$typeA,
    WGMMAScaleInAttr:$scaleA,
    MMALayoutAttr:$layoutA,
    WGMMATypesAttr:$typeB,
    WGMMAScaleInAttr:$scaleB,
    MMALayoutAttr:$layoutB,
    UnitAttr:$satfinite);
  let results = (outs LLVM_AnyStruct:$result);
  let assemblyFormat = [{
    $accumulator `,` `a` `(` $a `:` type($a) `)` `,` `b` `(` $descriptorB `)` `,`
    `metadata` `(` $metadata `,` $selector `)` `,` `scale_d` `(` $scaleD `)` `,`
    `shape` `` $shape `,` `D` `[` $typeD (`,` `satfinite` $satfinite^)? `]` `,`
    `A` `[` $typeA `,` $scaleA `,` $layoutA `]` `,`
    `B` `[` $typeB `,` $scaleB `,` $layoutB `]`
    attr-dict `:` type($accumulator)
  }];
  let hasVerifier = 1;

  let extraClassDeclaration = [{
    /// Whether A is in registers.
    bool hasRegistersA() { return getA().size() == 4; }

    /// The instruction, or nothing if it has a type that it does not know.
    std::optional<::vnm::emulator::WgmmaInstruction> getInstruction();
  }];
}

#endif // VNM_DIALECT_VNMNVVM_IR_VNMNVVMOPS_TD
