// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file describes the passes from products to compiled GPU kernels.

#ifndef VNM_CONVERSION_GPUPASSES_TD
#define VNM_CONVERSION_GPUPASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseSchedule : Pass<"vnm-choose-schedule", "::mlir::ModuleOp"> {
  let summary = "choose how the kernel of every vnm.spmm is built";
  let description = [{
    Gives every `vnm.spmm` that has none a `schedule` that `chip` can run: a
    kernel family, with all of its fields. Run it before `convert-vnm-to-gpu`,
    which obeys; `vnm-lower-to-nvvm` runs it.

    With `cost-table` (docs/algorithms.md, "Cost tables") the fastest of the
    table's schedules that the product admits is taken: by its measured time where
    the table has this shape and pattern, else interpolated between the nearest
    shapes. Without a table, with none of its schedules admitted, for a shape
    outside of all measured ones, or with a dynamic T or batch, a built-in rule
    chooses: skinny for a static T of at most 16, wgmma_sp on sm_90a for V of 64 or more
    (any V if M is 4, the form strict and K a multiple of 64),
    feature-major activations and results of f16, bf16 or f32, and T a multiple of
    8 and at least 64, else mma_sp, with the tiles that the family itself takes
    and, where panels are small and tiles many, a window that they share.
    `family` and `token-tile` narrow either choice.

    Remarks of category `vnm-gpu` give for each product the choice, the times of
    the others and of the dense product, and say whether they were measured,
    interpolated or come from the model. Where dense is predicted to be faster, a
    missed remark says so; the product stays sparse (`vnm-select-pattern` with
    `rule=annotated` leaves such layers dense). An op that no family can compute
    is left for `convert-vnm-to-gpu` to refuse.

    ```mlir
    func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                 %x: memref<256x512xf16>, %y: memref<128x512xf16>) {
      vnm.spmm #vnm.encoding<64:2:8>
          ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>,
                               memref<2x128xi16>, memref<256x512xf16>)
          outs(%y : memref<128x512xf16>)
      return
    }
    ```

    becomes, with `chip=sm_90a`,

    ```mlir
    func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                 %x: memref<256x512xf16>, %y: memref<128x512xf16>) {
      vnm.spmm #vnm.encoding<64:2:8>
          ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>,
                               memref<2x128xi16>, memref<256x512xf16>)
          outs(%y : memref<128x512xf16>)
          {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>}
      return
    }
    ```
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "NVIDIA chip to choose for, e.g. sm_90a">,
    Option<"costTable", "cost-table", "std::string", /*default=*/"",
           "File (JSON) with measured times of schedules; empty (default) for "
           "the built-in rule">,
    Option<"family", "family", "std::string", /*default=*/"\"auto\"",
           "Kernel family to choose from: auto (default) for all, mma_sp, "
           "wgmma_sp or skinny">,
    Option<"tokenTile", "token-tile", "int64_t", /*default=*/"0",
           "Tokens of a tile of wgmma_sp: 64, 128, 192 or 256; 0 (default) for any">
  ];
  let statistics = [
    Statistic<"numMeasured", "num-measured",
              "Number of products whose schedule measured times decided">,
    Statistic<"numByRule", "num-by-rule",
              "Number of products whose schedule the rule decided">
  ];
  let dependentDialects = ["::vnm::VNMDialect"];
}

def StageLayouts : Pass<"vnm-stage-layouts", "::mlir::ModuleOp"> {
  let summary = "transpose activations and results that a faster kernel wants";
  let description = [{
    `wgmma_sp` takes feature-major activations only, and gives feature-major
    results only where rows are permuted; `skinny` takes token-major activations
    only where shared memory holds them. Where the built-in rule (see
    `vnm-choose-schedule`) would take such a family for a `vnm.spmm` on memrefs
    if only its operands were feature-major, token-major x is transposed to a
    buffer of its own before the op, and token-major y, if the family cannot
    store it, from one after it. Products for which it would take `mma_sp`,
    which reads and writes either layout, stay but for a window, and so do ops that have a
    schedule: whoever gave it knew their layouts. Products of one x in a block share its
    transpose as long as nothing that may write x lies between them.
    `convert-vnm-to-gpu` makes kernels of the transposes, which are marked
    `vnm.staged`.

    T must be static. A token-major y that would have to be transposed stays if
    the op reads it or an operand of its shape (`accumulate`, broadcast full),
    and then so does x.

    ```mlir
    vnm.spmm #vnm.encoding<64:2:8>
        ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>,
                             memref<2x128xi16>, memref<64x256xf16>)
        outs(%y : memref<128x64xf16>)
        {x_layout = #vnm.activation_layout<token_major>}
    ```

    becomes with `chip=sm_90a`

    ```
    %staged = memref.alloc() : memref<256x64xf16>
    linalg.transpose ins(%x : memref<64x256xf16>) outs(%staged : memref<256x64xf16>)
        permutation = [1, 0] {vnm.staged}
    vnm.spmm #vnm.encoding<64:2:8>
        ins(%v, %m, %c, %staged : ..., memref<256x64xf16>)
        outs(%y : memref<128x64xf16>)
    memref.dealloc %staged : memref<256x64xf16>
    ```
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_80\"", "Target chip">,
    Option<"family", "family", "std::string", "\"auto\"",
           "Kernel family: auto, mma_sp, wgmma_sp or skinny">,
    Option<"tokenTile", "token-tile", "int64_t", "0",
           "Tokens of a tile, for families that let one choose; 0 for any">
  ];
  let statistics = [
    Statistic<"numTransposes", "num-transposes", "Number of transposes added">,
    Statistic<"numShared", "num-shared",
              "Number of ops that took another's transpose">
  ];
  let dependentDialects = [
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"
  ];
}

def ConvertVNMToGPU : Pass<"convert-vnm-to-gpu", "::mlir::ModuleOp"> {
  let summary = "turn vnm.spmm on memrefs into GPU kernels and launches";
  let description = [{
    Every `vnm.spmm` becomes a `gpu.func` in the module's `gpu.module
    @vnm_kernels`, which gets an `#nvvm.target` for `chip` and `ptx`, and a
    launch. Run it after one-shot-bufferize; `vnm-lower-to-nvvm` runs it.

    A kernel belongs to a family and is built by a schedule: the op's `schedule`,
    or, without one, `family` and `token-tile`; `auto` takes skinny for a static T
    of at most 16, wgmma_sp on sm_90a for V of 64 or more (any for tensor copies,
    see below), feature-major
    activations and results of f16, bf16
    or f32, a static T that is a multiple of 8 and at least 64, and static batch
    dimensions, else mma_sp, with a remark (category vnm-gpu) that says why if the
    chip has wgmma_sp. Fields that a schedule leaves out the family chooses. A
    schedule that cannot compute an op on the chip is an error at the op.

    Family mma_sp, sm_80 and later: a CTA computes a tile of up to 128 rows of one
    panel by up to 256 tokens. It copies the panel's channels of x and the rows'
    values to shared memory, 64 channels at a time and up to three stages ahead,
    where ldmatrix finds operands in the instruction's order, and multiplies with
    `nvvm.mma.sp.sync` (ordered metadata, sums in f32). Sums then pass through
    shared memory, so that the epilogue runs in the destination's order. Nothing
    is read of x for a slot without a column.

    Family skinny, sm_80 and later, for a static T of 1 to 64: a CTA takes 16, 32
    or 64 rows, all tokens and all of K. Its warps split K; each brings values,
    metadata, ids and channels of its steps through rings of its own in shared
    memory, many steps ahead. The warps' sums are added in the order of the warps.
    From sm_90 on the kernel waits (`nvvm.griddepcontrol`) for the kernel before it
    only when it has asked for its first weights. Token-major activations must fit
    in shared memory.

    Family wgmma_sp, sm_90a: one persistent CTA per SM takes tiles of 128 rows (64
    if V is 64) by 64, 128, 192 or 256 tokens (`token-tile`). Its warps have roles: two
    warpgroups multiply with `vnm_nvvm.wgmma.mma_async.sp`, three warps gather
    channels into a ring of stages in shared memory, one thread orders the gather's
    writes before the multiplications' reads. Where M is 4, the form strict and K a
    multiple of 64, one thread has tensor copies bring channels instead, for any V,
    from a tensor map of x that the host encodes. Values and metadata go from the
    canonical storage to registers.

    Operands are in host memory. The launch is surrounded by `gpu.alloc`,
    `gpu.memcpy` and `gpu.dealloc` on every execution, weights included. A buffer
    whose layout is not the identity is copied to one that has it. If the result
    is empty at run time, nothing is launched. The kernel's attribute
    `vnm.kernel` describes it to a host without this code (docs/aot.md).

    ```mlir
    vnm.spmm #vnm.encoding<64:2:8>
        ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>,
                             memref<2x128xi16>, memref<256x32xf16>)
        outs(%y : memref<128x32xf32>)
    ```

    becomes

    ```
    %x_gpu, %t3 = gpu.alloc async [%t2] (%size) : memref<?xf16>
    ...
    %t9 = gpu.launch_func async [%t8] @vnm_kernels::@spmm_0 blocks in (%blocks, %c1, %c1)
        threads in (%c256, %c1, %c1)
        args(%v_gpu : memref<?xf16>, ..., %tokens : index)
    %t10 = gpu.memcpy async [%t9] %y_host, %y_gpu : memref<?xf32>, memref<?xf32>
    ```

    Requires weights of f16, bf16 or i8, a destination of f16, bf16, f32 or f64
    (or i32 for weights of i8, which only the family mma_sp multiplies),
    operands without memory space, and an epilogue of scalar arith and math ops;
    anything else is an error at the op. An unknown chip, and a PTX version that
    the chip or LLVM does not have, is an error that lists the alternatives.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "NVIDIA chip to build for, e.g. sm_90a">,
    Option<"ptx", "ptx", "unsigned", /*default=*/"0",
           "PTX ISA version times ten, e.g. 85; 0 for the chip's oldest">,
    Option<"family", "family", "std::string", /*default=*/"\"auto\"",
           "Kernel family: auto, mma_sp, wgmma_sp or skinny">,
    Option<"tokenTile", "token-tile", "int64_t", /*default=*/"0",
           "Tokens of a tile of wgmma_sp: 64, 128, 192 or 256; 0 chooses">
  ];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Number of kernels emitted">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::nvgpu::NVGPUDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::vnm::nvvm::VNMNVVMDialect"
  ];
}

def ExpandKernelMath
    : Pass<"vnm-expand-kernel-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "rewrite a kernel's math ops so that no library call remains";
  let description = [{
    Upstream's convert-gpu-to-nvvm turns math ops into calls of NVIDIA's
    libdevice, which then must be installed. This pass, run before it, expands
    elementary functions (tanh, erf, exp, ...) into polynomials, f16 and bf16 by
    way of f32, and turns what PTX has (fabs, floor, sqrt, fma, ...) into
    intrinsics. A math op that remains, e.g. tanh of f64, is an error.

    Where all that is computed of a tanh, erf, exp or quotient of f32 is rounded
    to f16 or bf16, one approximate instruction takes its place; erf(z) is then
    tanh(z p(z^2)), p of degree 2. Results of f32, and sums of tanh or erf with
    what depends on their argument, as in x - tanh(x), keep their accuracy.

    ```mlir
    %0 = math.floor %x : f32
    // becomes
    %0 = llvm.call_intrinsic "llvm.floor.f32"(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"
  ];
}

def ListSchedules : Pass<"vnm-list-schedules", "::mlir::ModuleOp"> {
  let summary = "write the schedules that every vnm.spmm admits";
  let description = [{
    Writes to `file`, as JSON, every distinct `vnm.spmm` of the module, on tensors
    or on memrefs, and the schedules with which `chip` can compute it: of all
    families, every combination of field values that is worth measuring. The
    module stays as it is. A tuner reads it (docs/performance.md).

    ```mlir
    func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                 %x: memref<256x64xf16>, %y: memref<128x64xf16>) {
      vnm.spmm #vnm.encoding<64:2:8>
          ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>,
                               memref<2x128xi16>, memref<256x64xf16>)
          outs(%y : memref<128x64xf16>)
      return
    }
    ```

    gives, with `chip=sm_90a`,

    ```json
    {"version": 1, "chip": "sm_90a", "products": [
      {"dtype": "f16", "rows": 128, "cols": 256, "tokens": 64, "pattern": "64:2:8",
       "x_layout": "feature_major", "y_layout": "feature_major",
       "weight_layout": "canonical",
       "schedules": [
         {"family": "mma_sp", "fields": {"row_tile": 32, "token_tile": 16}},
         ...
         {"family": "wgmma_sp", "fields": {"token_tile": 64}}
       ]}
    ]}
    ```

    `tokens` counts all batch entries, and is null if T or the batch is dynamic.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "NVIDIA chip to list for, e.g. sm_90a">,
    Option<"file", "file", "std::string", /*default=*/"\"-\"",
           "File to write; - (default) for the standard output">
  ];
}

def PlaceTensorMaps
    : Pass<"vnm-place-tensor-maps", "::mlir::gpu::GPUModuleOp"> {
  let summary = "give kernels the addresses of the tensor maps that they are passed";
  let description = [{
    A tensor map is an argument of 128 bytes by value, `!llvm.array<16 x i64>`, of
    a kernel and of its launch; a kernel converts it to the map's address. This
    pass makes it a pointer to a parameter that is constant for the grid
    (`llvm.byval`, `nvvm.grid_constant`, aligned to 64 bytes), which is where tensor
    copies want it. Run it after convert-gpu-to-nvvm; `vnm-lower-to-nvvm` runs it. A
    map that is used otherwise is an error.

    ```mlir
    gpu.module @kernels {
      llvm.func @f(%map: !llvm.array<16 x i64>) attributes {gpu.kernel, nvvm.kernel} {
        %address = builtin.unrealized_conversion_cast %map : !llvm.array<16 x i64> to !llvm.ptr
        nvvm.prefetch tensormap, %address : !llvm.ptr
        llvm.return
      }
    }
    ```

    becomes

    ```mlir
    gpu.module @kernels {
      llvm.func @f(%map: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>,
                                    nvvm.grid_constant}) attributes {gpu.kernel, nvvm.kernel} {
        nvvm.prefetch tensormap, %map : !llvm.ptr
        llvm.return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

def SerializeKernels : Pass<"vnm-serialize-kernels", "::mlir::ModuleOp"> {
  let summary = "compile the module's kernels to PTX or to a cubin";
  let description = [{
    Upstream's gpu-module-to-binary with one check before it: `format=bin` needs
    NVIDIA's assembler, `ptxas`. It is taken from `toolkit` if given, else from
    PATH, else from /usr/local/cuda or /opt/cuda; if it is not there, the error
    says where it was looked for. `format=isa` writes PTX, with no toolkit. The
    descriptions of kernels, their attributes `vnm.kernel`, go to the object's
    table of kernels.

    ```mlir
    gpu.module @vnm_kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85">] {
      llvm.func @noop() attributes {gpu.kernel, nvvm.kernel} {
        llvm.return
      }
    }
    ```

    becomes, with the text of the PTX shortened

    ```mlir
    gpu.binary @vnm_kernels [#gpu.object<#nvvm.target<chip = "sm_90a", features = "+ptx85">,
                                         assembly = ".entry noop">]
    ```
  }];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"isa\"",
           "isa (PTX) or bin (cubin)">,
    Option<"toolkit", "toolkit", "std::string", /*default=*/"",
           "Folder of the CUDA toolkit, e.g. /usr/local/cuda">
  ];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

def WriteKernels : Pass<"vnm-write-kernels", "::mlir::ModuleOp"> {
  let summary = "write compiled kernels and a manifest to a folder";
  let description = [{
    For a host that launches kernels without this compiler: the code of every
    `gpu.binary` goes to `dir`, as `<name>.ptx` or `<name>.cubin`, and one
    `manifest.json` says of each kernel what it computes, the order of its
    arguments, its grid, its threads and its shared memory (docs/aot.md). Run it
    after `vnm-lower-to-nvvm` with `format=isa` or `format=bin`. The module stays
    as it is.

    ```mlir
    gpu.binary @vnm_kernels [#gpu.object<
        #nvvm.target<chip = "sm_90a", features = "+ptx85">,
        kernels = <[<"spmm_0", (memref<?xf16>, index) -> (), metadata = {
          vnm.kernel = {family = "mma_sp", pattern = "64:2:8"}}>]>,
        assembly = ".entry spmm_0">]
    ```

    gives, with two of many fields,

    ```json
    {"version": 1, "kernels": [
      {"name": "spmm_0", "code": "vnm_kernels.ptx", "chip": "sm_90a",
       "format": "ptx", "family": "mma_sp", "pattern": "64:2:8"}
    ]}
    ```

    A module without a `gpu.binary`, a binary without a table of kernels, which
    `vnm-serialize-kernels` makes, and a folder that cannot be written are errors.
  }];
  let options = [
    Option<"dir", "dir", "std::string", /*default=*/"\"\"",
           "Folder to write; made if it is not there">
  ];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

#endif // VNM_CONVERSION_GPUPASSES_TD
