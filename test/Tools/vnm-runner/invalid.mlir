// Every bad input is a message and a failure, never a crash.
// DEFINE: %{npy} = %python %S/../Inputs/npy.py
// DEFINE: %{run} = not vnm-runner %s --pipeline='func.func(vnm-record-signature),one-shot-bufferize{bufferize-function-boundaries},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-to-llvm,reconcile-unrealized-casts'
// RUN: %{npy} write %t.x.npy '<f4' 2,2 1 2 3 4

// RUN: %{run} --arg=%t.missing.npy 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: cannot read '{{.*}}.missing.npy': No such file or directory

// RUN: head -c 100 %t.x.npy > %t.short.npy
// RUN: %{run} --arg=%t.short.npy 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: error: '{{.*}}.short.npy' requires a header of {{[0-9]+}} bytes, but 90 are left

// RUN: %{run} --arg=%s 2>&1 | FileCheck %s --check-prefix=MAGIC
// MAGIC: error: '{{.*}}invalid.mlir' requires an .npy file, but the magic number is missing

// RUN: sed 's/False/True /' %t.x.npy > %t.fortran.npy
// RUN: %{run} --arg=%t.fortran.npy 2>&1 | FileCheck %s --check-prefix=FORTRAN
// FORTRAN: error: '{{.*}}.fortran.npy' requires C order

// RUN: sed 's/<f4/>f4/' %t.x.npy > %t.big.npy
// RUN: %{run} --arg=%t.big.npy 2>&1 | FileCheck %s --check-prefix=ENDIAN
// ENDIAN: error: '{{.*}}.big.npy' requires little-endian elements, but they are '>f4'

// RUN: %{npy} write %t.type.npy '<f8' 2,2 1 2 3 4
// RUN: %{run} --arg=%t.type.npy 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: error: requires argument 0 to be 'tensor<2x?xf32>', but '{{.*}}.type.npy' holds elements of type <f8 (expected <f4)

// RUN: %{npy} write %t.rank.npy '<f4' 4 1 2 3 4
// RUN: %{run} --arg=%t.rank.npy 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: error: requires argument 0 to be 'tensor<2x?xf32>', but '{{.*}}.rank.npy' holds rank 1, shape (4,)

// RUN: %{npy} write %t.shape.npy '<f4' 4,1 1 2 3 4
// RUN: %{run} --arg=%t.shape.npy 2>&1 | FileCheck %s --check-prefix=SHAPE
// SHAPE: error: requires argument 0 to be 'tensor<2x?xf32>', but '{{.*}}.shape.npy' holds shape (4, 1)

// RUN: %{run} 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: error: requires --arg for each of the 1 arguments of @main, but there are 0

// RUN: %{run} --arg=%t.x.npy --out=%t.y.npy --out=%t.z.npy 2>&1 | FileCheck %s --check-prefix=OUTS
// RUN: not ls %t.y.npy
// OUTS: error: requires --out for at most the 1 results of @main, but there are 2

// RUN: %{run} --arg=%t.x.npy --out=%t.nodir/y.npy 2>&1 | FileCheck %s --check-prefix=UNWRITABLE
// UNWRITABLE: error: cannot open output file '{{.*}}.nodir/y.npy': No such file or directory
// UNWRITABLE-NOT: entry

// RUN: %{run} --emit-object=%t.nodir/y.o 2>&1 | FileCheck %s --check-prefix=OBJECT
// OBJECT: error: cannot open output file '{{.*}}.nodir/y.o': No such file or directory

// RUN: %{run} --entry=other --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: error: requires a function @other with a body, but there is none
// ENTRY: note: candidate: @main

// RUN: %{run} --entry=vectors --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=NOTYPE
// NOTYPE: error: requires argument 0 to be a scalar, a ranked tensor or a memref of f16, {{.*}}, but it is 'vector<2xf32>'

// RUN: %{run} --entry=calls --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=SYMBOL
// SYMBOL: JIT session error: Symbols not found: [ _mlir_ciface_not_defined_anywhere ]
// SYMBOL: error: cannot link the compiled code

// RUN: not vnm-runner %s --pipeline=no-such-pass --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=NOPASS
// NOPASS: error: cannot parse the pipeline 'no-such-pass': {{.*}}'no-such-pass' does not refer to a registered pass or pass pipeline

// RUN: not vnm-runner %s --pipeline='one-shot-bufferize{bufferize-function-boundaries},convert-to-llvm' --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=SIGNATURE
// SIGNATURE: error: requires @main to carry vnm.signature, which vnm-record-signature writes before bufferization

// RUN: not vnm-runner %s --pipeline='func.func(vnm-record-signature)' --arg=%t.x.npy 2>&1 | FileCheck %s --check-prefix=NOTLOWERED
// NOTLOWERED: error: requires the pipeline to lower everything to the LLVM dialect, but func.func is left

// RUN: not vnm-runner %t.missing.mlir 2>&1 | FileCheck %s --check-prefix=NOMODULE
// NOMODULE: error: cannot open input file '{{.*}}.missing.mlir': No such file or directory

// RUN: echo 'func.func' | not vnm-runner 2>&1 | FileCheck %s --check-prefix=SYNTAX
// SYNTAX: error:

// RUN: not vnm-runner %s --target=tpu 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: for the --target option: Cannot find option named 'tpu'!

func.func @main(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
  return %x : tensor<2x?xf32>
}

func.func @vectors(%x: vector<2xf32>) {
  return
}

func.func private @not_defined_anywhere(tensor<2x2xf32>) attributes {llvm.emit_c_interface}

func.func @calls(%x: tensor<2x2xf32>) {
  call @not_defined_anywhere(%x) : (tensor<2x2xf32>) -> ()
  return
}
