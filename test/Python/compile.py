# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests compiling from Python: kernels, remarks, errors, the linear
# layers that it writes against numpy, and the command line. An instrumented
# library needs an instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_python %s vnm-opt vnm-runner "%ptxas"

import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import vnm

VNM_OPT, VNM_RUNNER, PTXAS = sys.argv[1:]
RNG = np.random.default_rng(7)
DENSE = """func.func @f(%x: tensor<64x32xf16>) -> tensor<64x32xf16> {
  %w = arith.constant dense<1.0> : tensor<64x64xf16>
  %zero = arith.constant dense<0.0> : tensor<64x32xf16>
  %y = linalg.matmul ins(%w, %x : tensor<64x64xf16>, tensor<64x32xf16>)
      outs(%zero : tensor<64x32xf16>) -> tensor<64x32xf16>
  return %y : tensor<64x32xf16>
}
"""


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float16)


def refuses(kind, text, function, *arguments, **keywords):
    """Checks that a call raises `kind` with a diagnostic that contains `text`; returns it."""
    try:
        function(*arguments, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return error
    raise AssertionError(f"requires {kind.__name__}: {text}")


def test_same_as_vnm_opt():
    """The library and vnm-opt make the same files."""
    pathlib.Path("dense.mlir").write_text(DENSE)
    options = "chip=sm_90a pattern=64:2:8"
    command = [VNM_OPT, "dense.mlir", f"--vnm-lower-to-nvvm={options}", "--vnm-write-kernels=dir=opt", "-o", "opt.mlir"]
    subprocess.run(command, check=True)
    compiled = vnm.compile(DENSE, chip="sm_90a", pattern="64:2:8")
    compiled.write("python/kernels")
    assert compiled.ptx == pathlib.Path("opt/vnm_kernels.ptx").read_text()
    assert compiled.manifest == json.loads(pathlib.Path("opt/manifest.json").read_text())
    assert sorted(os.listdir("python/kernels")) == sorted(os.listdir("opt"))
    assert compiled.manifest == json.loads(pathlib.Path("python/kernels/manifest.json").read_text())
    assert compiled.code["vnm_kernels.ptx"] == pathlib.Path("python/kernels/vnm_kernels.ptx").read_bytes()
    assert compiled.ir.startswith("module") and "gpu.binary" in compiled.ir


def test_pipelines():
    sparse = vnm.compile(DENSE, pipeline="builtin.module(vnm-sparsify-model{pattern=64:2:8})", ir="bytecode")
    assert isinstance(sparse.ir, bytes) and not sparse.kernels and not sparse.code
    refuses(vnm.InvalidArgumentError, "compiled to one ptx, but it has 0", lambda: sparse.ptx)
    refuses(vnm.InvalidArgumentError, "kernels to write", sparse.write, "nowhere")
    compiled = vnm.compile(sparse.ir, ir=None)
    assert compiled.ir == "" and compiled.kernels[0]["chip"] == "sm_80"
    (remark,) = [remark for remark in sparse.remarks if remark.category == "vnm-annotate"]
    assert (remark.kind, remark.function) == ("Passed", "f") and "64 x 64" in remark.message
    assert remark.location == '"source":4:8', remark
    assert vnm.compile(DENSE, pattern="64:2:8", remarks="").remarks == []
    # Threads change nothing but the time.
    texts = {vnm.compile(DENSE, pattern="64:2:8", chip="sm_90a", threads=threads).ptx for threads in (0, 1, 3)}
    assert len(texts) == 1
    # A filter with a blank, a list, and a flag are spelled as MLIR reads them.
    vnm.compile(DENSE, pattern="64:2:8", filter="f 0", permute=False, select="diversity", candidates=["64:2:4", "64:2:8"])


def test_cubin():
    compiled = vnm.compile_linear(64, 64, 32, chip="sm_90a")
    if PTXAS:
        assert compiled.cubin.startswith(b"\x7fELF")
        toolkit = str(pathlib.Path(PTXAS).resolve().parent.parent)
        if os.access(f"{toolkit}/bin/ptxas", os.X_OK):
            os.environ["CUDA_HOME"] = toolkit
        both = vnm.compile_linear(64, 64, 32, chip="sm_90a", format="bin")
        assert list(both.code) == ["vnm_kernels.cubin"] and both.ptx == compiled.ptx
        assert both.kernels[0]["format"] == "cubin" and compiled.kernels[0]["format"] == "ptx"
    os.environ.pop("CUDA_HOME", None)
    text = "requires NVIDIA's assembler in the toolkit to make a cubin, but /nowhere/bin/ptxas cannot be run"
    refuses(vnm.CompileError, text, vnm.compile_linear, 64, 64, format="bin", toolkit="/nowhere")
    without = vnm.compile_linear(64, 64, toolkit="/nowhere")
    assert ".target sm_80" in without.ptx
    refuses(vnm.CompileError, text, lambda: without.cubin)


def test_cost_table():
    """A table whose one entry is a family that the heuristic does not take decides."""
    kernel = {"dtype": "f16", "rows": 64, "cols": 64, "tokens": 64, "pattern": "64:2:8"}
    entries = [
        {**kernel, "family": "mma_sp", "microseconds": 1.0},
        {**kernel, "family": "wgmma_sp", "microseconds": 9.0},
    ]
    pathlib.Path("costs of this.json").write_text(json.dumps({"version": 1, "device": "invented", "entries": entries}))
    arguments = {"chip": "sm_90a"}
    families = [
        vnm.compile_linear(64, 64, 64, cost_table=table, **arguments).kernels[0]["family"]
        for table in (None, "costs of this.json")
    ]
    assert families == ["wgmma_sp", "mma_sp"], families
    refuses(vnm.CompileError, "none.json", vnm.compile_linear, 64, 64, 64, cost_table="none.json", **arguments)


def test_errors():
    error = refuses(vnm.CompileError, "error:", vnm.compile, "func.func @f() {", source_name="a.mlir")
    assert error.diagnostics[0].severity == "error" and error.diagnostics[0].location.startswith('"a.mlir":1')
    assert isinstance(error, vnm.InvalidArgumentError) and isinstance(error, ValueError)
    refuses(vnm.CompileError, "but it is 'sm_70'", vnm.compile, DENSE, chip="sm_70", pattern="64:2:8")
    refuses(vnm.InvalidArgumentError, "known passes", vnm.compile, DENSE, pipeline="builtin.module(no-such-pass)")
    refuses(vnm.InvalidArgumentError, "no such option chap", vnm.compile, DENSE, chap="sm_80")
    refuses(vnm.InvalidArgumentError, "no chip beside a pipeline", vnm.compile, DENSE, pipeline="cse", chip="sm_80")
    refuses(vnm.InvalidArgumentError, "no format beside", vnm.compile, DENSE, pipeline="cse", format="bin")
    refuses(vnm.InvalidArgumentError, "format of isa or bin", vnm.compile, DENSE, format="ptx")
    refuses(vnm.InvalidArgumentError, "requires ir to be", vnm.compile, DENSE, ir="llvm")
    refuses(vnm.InvalidArgumentError, "braces and quotes", vnm.compile, DENSE, filter="a{2}")
    refuses(vnm.InvalidArgumentError, "threads", vnm.compile, DENSE, threads=-1)
    linear = vnm.linear_mlir
    refuses(vnm.InvalidArgumentError, "R to be a positive integer, but it is 0", linear, 0, 64)
    refuses(vnm.InvalidArgumentError, "T to be a positive integer or None, but it is -1", linear, 64, 64, -1)
    refuses(vnm.InvalidArgumentError, "dtype of f16, bf16, i8, but it is 'f32'", linear, 64, 64, dtype="f32")
    refuses(vnm.InvalidArgumentError, "a bias or an activation", linear, 64, 64, dtype="i8", activation="relu")
    refuses(vnm.InvalidArgumentError, "activation of", linear, 64, 64, activation="tanh")
    refuses(vnm.InvalidArgumentError, "a layout of", linear, 64, 64, x_layout="row")
    refuses(vnm.InvalidArgumentError, "form='free'", linear, 64, 64, permuted_rows=True)
    refuses(vnm.InvalidArgumentError, "V is 63", linear, 64, 64, pattern="63:2:8")
    pathlib.Path("file").touch()
    refuses(vnm.FileError, "can be written", vnm.compile_linear(64, 64).write, "file/kernels")


ACTIVATIONS = {
    None: lambda s: s,
    "relu": lambda s: np.maximum(s, 0),
    "gelu": lambda s: s * 0.5 * (1 + np.vectorize(math.erf)(s / math.sqrt(2))),
    "gelu_tanh": lambda s: s * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (s + 0.044715 * s**3))),
    "silu": lambda s: s / (1 + np.exp(-s)),
}


def add_main(source, has_rows):
    """Adds a function that returns y: the runner gives results, not what is stored to arguments."""
    signature = source[source.index("(") + 1 : source.index(") {")]
    names, types = zip(*(argument.split(": ") for argument in signature.split(", ")))
    result = types[5 if has_rows else 4]
    call = f"call @linear({', '.join(names)}) : ({', '.join(types)}) -> ()"
    return f"{source}func.func @main({signature}) -> {result} {{\n  {call}\n  return %y : {result}\n}}\n"


def run_linear(rows, cols, tokens, activation, bias, permuted, layout, dtype="f16"):
    """Runs a linear layer emulated; compares it with numpy in float64."""
    form = "free" if permuted else "strict"
    quantized = dtype == "i8"
    draw = (lambda *shape: (40 * normal(*shape)).astype(np.int8)) if quantized else normal
    packed = vnm.pack(draw(rows, cols), "16:2:8", form=form, permute_rows=permuted)
    x, b = draw(cols, tokens), normal(rows).astype(np.float32 if quantized else np.float16)
    scale = np.linspace(1e-4, 1e-3, rows, dtype=np.float32) if quantized else np.float32(1)
    source = vnm.linear_mlir(
        rows, cols, tokens, "16:2:8", dtype=dtype, result_dtype="f32", bias=bias, activation=activation,
        x_layout=layout, y_layout=layout, form=form, permuted_rows=permuted,
    )  # fmt: skip
    pathlib.Path("linear.mlir").write_text(add_main(source, permuted))
    turn = np.transpose if layout == "token_major" else np.asarray
    # Ids are 32 bits wide in the library's memory, 16 in a kernel's where they fit.
    arrays = [packed.values, packed.metadata, packed.columns.astype(np.uint16), *([packed.rows] if permuted else [])]
    arrays += [turn(x), turn(np.zeros((rows, tokens), np.float32))]
    arrays += [*([scale] if quantized else []), *([b] if bias else [])]
    command = [VNM_RUNNER, "linear.mlir", "--entry=main", "--target=emulate", "--out=y.npy"]
    for index, array in enumerate(arrays):
        np.save(f"{index}.npy", np.ascontiguousarray(array))
        command.append(f"--arg={index}.npy")
    subprocess.run(command, check=True)
    sums = packed.to_dense().astype(np.float64) @ x.astype(np.float64) * np.reshape(scale, (-1, 1))
    expected = ACTIVATIONS[activation](sums + bias * b.astype(np.float64)[:, None])
    error = np.abs(turn(np.load("y.npy")) - expected).max()
    assert error < 1e-3 * np.abs(expected).max(), (activation, bias, permuted, layout, error)


def test_linear():
    for index, activation in enumerate(ACTIVATIONS):
        run_linear(40, 72, 9, activation, index % 2 == 0, False, "feature_major")
    run_linear(48, 64, 8, "relu", True, True, "token_major")
    run_linear(40, 72, 16, None, False, False, "feature_major", "i8")
    run_linear(48, 64, 9, "gelu", True, True, "token_major", "i8")
    for dtype in ("f16", "bf16"):
        for result in ("f16", "bf16", "f32"):
            vnm.compile(
                vnm.linear_mlir(64, 64, dtype=dtype, result_dtype=result, bias="f32", activation="gelu", batch=[None, 2]),
                pipeline="builtin.module()",
            )
    assert "memref<1x28xi32>" in vnm.linear_mlir(16, 70000, 1, "16:2:10000")


for test in (test_same_as_vnm_opt, test_pipelines, test_cubin, test_cost_table, test_errors, test_linear):
    test()
    print("passed", test.__name__)
