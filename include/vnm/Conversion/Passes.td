// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file defines the conversion passes.

#ifndef VNM_CONVERSION_PASSES_TD
#define VNM_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"
include "vnm/Conversion/GPUPasses.td"

def ConvertLaunchesToEmulation
    : Pass<"convert-launches-to-emulation", "::mlir::ModuleOp"> {
  let summary = "turn launches of emulated kernels into calls of the emulator";
  let description = [{
    The second half of `convert-nvvm-to-emulation`, to be run after gpu-to-llvm,
    which gives launches operands of LLVM types. A launch becomes a call of
    `mgpuLaunchKernel` or `mgpuLaunchClusterKernel`, as it does for a GPU, with
    the kernel's record in place of a function of the driver. What is left of
    the kernel modules is erased.

    ```mlir
    module attributes {gpu.container_module} {
      llvm.mlir.global internal constant @kernels_f_record() : !llvm.struct<(ptr, i32)>
      gpu.module @kernels {
        llvm.func @f() attributes {gpu.kernel, vnm.record = @kernels_f_record}
      }
      llvm.func @main(%c1: i64) {
        gpu.launch_func @kernels::@f blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) : i64
        llvm.return
      }
    }
    ```

    becomes

    ```
    llvm.func @main(%c1: i64) {
      %record = llvm.mlir.addressof @kernels_f_record
      llvm.call @mgpuLaunchKernel(%record, %c1, ...)
      llvm.return
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertNVVMToEmulation
    : Pass<"convert-nvvm-to-emulation", "::mlir::ModuleOp"> {
  let summary = "turn GPU kernels into host code that the emulator runs";
  let description = [{
    Takes the kernels where PTX would be made of them: `gpu.module`s of LLVM and
    NVVM ops. Each kernel becomes a function of the module, which one thread of
    a CTA runs, and every NVVM op in it a call of a function `vnm_emu_...` of
    libvnm_emulator. Loads, stores and atomics stay, each after a call that
    checks it; so the compiler optimises the rest as it does for the host. The
    kernel module keeps a declaration, which names a record of the kernel; launches
    are left to `convert-launches-to-emulation`. Run it before gpu-to-llvm, which
    turns some NVVM ops into inline PTX; `vnm-lower-to-emulation` runs both.

    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        llvm.func @clear(%y: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
          %zero = llvm.mlir.constant(0 : i32) : i32
          llvm.store %zero, %y : i32, !llvm.ptr
          nvvm.barrier0
          llvm.return
        }
      }
    }
    ```

    becomes, the record apart,

    ```
    gpu.module @kernels {
      llvm.func @clear(!llvm.ptr) attributes {gpu.kernel, vnm.record = @kernels_clear_record}
    }
    llvm.func internal @kernels_clear(%thread: !llvm.ptr, %y: !llvm.ptr) {
      %zero = llvm.mlir.constant(0 : i32) : i32
      llvm.call @vnm_emu_access(%thread, %op0, %y, %c4, %c4, %generic, %write)
      llvm.store %zero, %y : i32, !llvm.ptr
      llvm.call @vnm_emu_barrier(%thread, %op1, %c0, %c0, %c3, %c0)
      llvm.return
    }
    ```

    An op without an emulation, inline PTX and NVVM intrinsics are errors at the
    op that name it.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Number of kernels converted">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertVNMNVVMToLLVM : Pass<"convert-vnm-nvvm-to-llvm"> {
  let summary = "turn vnm_nvvm ops into inline PTX";
  let description = [{
    Every op of the `vnm_nvvm` dialect becomes one `llvm.inline_asm`; everything
    else stays. An accumulator struct is taken apart into registers, each an
    output and, tied to it, an input, so that the instruction works in place.
    Run it in a `gpu.module` before translation to LLVM IR. The PTX needs the
    target `sm_90a`.

    ```mlir
    func.func @multiply(%acc: !llvm.struct<(f32, f32, f32, f32)>, %a: i64, %b: i64,
                        %meta: i32, %scale: i1) -> !llvm.struct<(f32, f32, f32, f32)> {
      %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%a : i64), b(%b), metadata(%meta, 0),
          scale_d(%scale), shape<m = 64, n = 8, k = 16>, D[<f32>],
          A[<tf32>, <one>, <row>], B[<tf32>, <one>, <col>]
          : !llvm.struct<(f32, f32, f32, f32)>
      return %d : !llvm.struct<(f32, f32, f32, f32)>
    }
    ```

    becomes (the text of the instruction shortened)

    ```
    %0 = llvm.extractvalue %acc[0] : !llvm.struct<(f32, f32, f32, f32)>
    ...
    %4 = llvm.zext %scale : i1 to i32
    %5 = llvm.inline_asm has_side_effects asm_dialect = att
        "{ .reg .pred p; setp.ne.b32 p, $11, 0; wgmma.mma_async.sp ... p, 1, 1; }",
        "=f,=f,=f,=f,0,1,2,3,l,l,r,r" %0, %1, %2, %3, %a, %b, %meta, %4
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertVNMToSCF : Pass<"convert-vnm-to-scf", "::mlir::ModuleOp"> {
  let summary = "lowers storage ops on memrefs to vectorised loops for CPUs";
  let description = [{
    `vnm.spmm` becomes an `scf.parallel` over the batch, tiles of tokens and
    tiles of rows, at most a panel each. A tile gathers the activation rows that
    the panel's columns name, a few groups at a time, into a local buffer, and
    multiplies every row's values with the rows of that buffer that its metadata
    names. The packed storage is read as it is; no dense weight is formed. Tokens
    are the vector dimension. Activations in channels that no column names are
    never part of an operation. Token-major activations are first copied to
    feature-major order. The epilogue, if any, is applied to vectors before they
    are stored.

    `vnm.unpack` becomes loops that write the dense weight, `vnm.pack` a call of
    the runtime library (`libvnm_runtime`), which prunes and packs.

    Runs after bufferization: an op on tensors is an error. The result uses
    `vector.transfer_read` and `vector.transfer_write`, which
    `convert-vector-to-scf` and `convert-vector-to-llvm` lower.

    Before:

    ```mlir
    func.func @f(%values: memref<64x16xf32>, %metadata: memref<64x2xi16>, %columns: memref<1x32xi16>,
                 %x: memref<64x128xf32>, %y: memref<64x128xf32>) {
      vnm.spmm #vnm.encoding<64:2:8>
        ins(%values, %metadata, %columns, %x
            : memref<64x16xf32>, memref<64x2xi16>, memref<1x32xi16>, memref<64x128xf32>)
        outs(%y : memref<64x128xf32>)
      return
    }
    ```

    After, in outline:

    ```
    scf.parallel (%token_tile, %row_tile) {
      %sums = memref.alloca() : memref<64x128xf32>     // set to zero
      %window = memref.alloca() : memref<32x128xf32>
      scf.for %word {                                  // blocks of metadata words
        scf.for %slot { /* window[slot] = x[columns[slot]], or zeros */ }
        scf.for %row {                                 // sums[row] += values * window
          scf.for %w iter_args(...) { /* 8 multiply-adds of vector<128xf32> */ }
        }
      }
      scf.for %row { /* epilogue, vector.transfer_write to y */ }
    }
    ```
  }];
  let options = [
    Option<"tokenTile", "token-tile", "int64_t", "128",
           "Tokens per iteration of the parallel loop, a power of two in [16, 512]">,
    Option<"groupsPerBlock", "groups-per-block", "int64_t", "16",
           "Groups whose activations are gathered at a time, a multiple of 4 in [4, 256]">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

#endif // VNM_CONVERSION_PASSES_TD
