# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests weights in fragments: what VNMTensor.fragments() gives against a
# reference in numpy, the way back, kernels that read it, and what is refused. An
# instrumented library needs an instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_python %s %vnm_src/scripts vnm-runner

import itertools
import json
import pathlib
import subprocess
import sys

import numpy as np
import vnm
from vnm._tensor import fragment_sizes

sys.path.insert(0, sys.argv[1])
from fragments import to_fragments  # noqa: E402

RUNNER = sys.argv[2]
RNG = np.random.default_rng(11)
SHAPES = [(64, 128), (128, 64), (1, 1), (15, 3), (17, 129), (100, 333), (200, 1040)]
PATTERNS = [f"{v}:2:{m}" for v, m in itertools.product((64, 128), (4, 5, 8, 16))]


def refuses(kind, text, function, *arguments, **keywords):
    """Checks that a call raises `kind` with a diagnostic that contains `text`."""
    try:
        function(*arguments, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"requires {kind.__name__}: {text}")


def make(rows, cols, pattern, dtype="f16", **search):
    """A packed weight without zeros, so that no value looks like padding."""
    weight = RNG.uniform(0.5, 2, (rows, cols)) * RNG.choice([-1, 1], (rows, cols))
    weight = weight.astype(np.float32)
    bits = (weight.view(np.uint32) >> 16).astype(np.uint16) if dtype == "bf16" else weight.astype(np.float16)
    return vnm.pack(bits, pattern, dtype=dtype, **search)


def from_fragments(values, metadata, columns, rows, groups):
    """The canonical arrays, element by element as docs/gpu.md says where each is."""
    canonical = np.zeros((rows, 2 * groups), values.dtype)
    words = np.zeros((rows, -(-groups // 4)), np.uint16)
    for row, group in np.ndindex(rows, groups):
        block, stage, half = row // 16, group // 16, group // 8 % 2
        lane = 4 * (row % 8) + group % 4
        register = row // 8 % 2 + 2 * (group // 4 % 2)
        canonical[row, 2 * group : 2 * group + 2] = values[block, stage, half, lane, 2 * register : 2 * register + 2]
        word = metadata[block, stage, 4 * (row % 8) + group // 4 % 4]
        words[row, group // 4] = word >> 16 * (row // 8 % 2) & 0xFFFF
    return canonical, words, columns[:, : 4 * groups]


def bits_of(array):
    return array.view(np.uint16)


def test_against_numpy():
    for pattern, (rows, cols), dtype in itertools.product(PATTERNS, SHAPES, ("f16", "bf16")):
        packed = make(rows, cols, pattern, dtype)
        values, metadata, columns = packed.fragments()
        assert (values.dtype, metadata.dtype, columns.dtype) == (packed.dtype, np.uint32, np.int32)
        expected = to_fragments(bits_of(packed.values), packed.metadata, packed.columns, sentinel=cols)
        for found, wanted in zip((bits_of(values), metadata.view(np.int32), columns), expected):
            assert np.array_equal(found, wanted), (pattern, rows, cols, dtype)
        sizes = fragment_sizes(pattern, rows, cols)
        assert values.shape == (sizes.blocks, sizes.stages, 2, 32, 8)
        assert metadata.shape == (sizes.blocks, sizes.stages, 32)
        assert columns.shape == (sizes.panels, sizes.slots)


def test_round_trip():
    for pattern, search in itertools.product(PATTERNS, ({}, {"form": "free"}, {"form": "free", "permute_rows": True})):
        rows, cols = 150, 170
        packed = make(rows, cols, pattern, **search)
        groups = packed.columns.shape[1] // 4
        values, metadata, columns = from_fragments(*packed.fragments(), rows, groups)
        back = vnm.VNMTensor.from_arrays(
            values, metadata, columns, packed.rows, cols=cols, pattern=pattern, form=packed.form
        )
        assert np.array_equal(back.to_dense(), packed.to_dense()), (pattern, search)
        # No value is lost, and none is there twice.
        assert np.count_nonzero(packed.fragments()[0]) == np.count_nonzero(packed.values)


def test_arrays_are_the_callers():
    packed = make(64, 64, "64:2:8")
    values, _, _ = packed.fragments()
    assert values.flags.writeable
    values[:] = 0
    assert np.count_nonzero(packed.fragments()[0]) == 64 * 16


def compute(packed, x):
    """What the kernel that reads fragments computes, run by the emulator; y starts as NaN."""
    (rows, cols), tokens = packed.shape, x.shape[1]
    permuted = packed.rows is not None
    module = vnm.linear_mlir(
        rows, cols, tokens, packed.pattern, form=packed.form, permuted_rows=permuted, weight_layout="fragments"
    )
    y = f"memref<{rows}x{tokens}xf16>"
    module = module.replace(") {\n  vnm.spmm", f") -> {y} {{\n  vnm.spmm").replace("return\n", f"return %y : {y}\n")
    pathlib.Path("product.mlir").write_text(module)
    values, metadata, columns = packed.fragments()
    arrays = [values, metadata, columns.astype(np.uint16), *([packed.rows] if permuted else [])]
    arrays += [x, np.full((rows, tokens), np.nan, np.float16)]
    command = [RUNNER, "product.mlir", "--target=emulate", "--entry=linear", "--out=y.npy"]
    command += ["--pipeline=vnm-lower-to-emulation{chip=sm_90a}"]
    for index, array in enumerate(arrays):
        np.save(f"{index}.npy", np.ascontiguousarray(array))
        command.append(f"--arg={index}.npy")
    subprocess.run(command, check=True)
    return np.load("y.npy")


def test_kernels():
    for pattern, tokens, search in (
        ("64:2:8", 8, {}),
        ("128:2:5", 1, {}),
        ("64:2:16", 64, {"form": "free", "permute_rows": True}),
    ):
        packed = make(90, 203, pattern, **search)
        x = RNG.standard_normal((203, tokens)).astype(np.float16)
        expected = packed.to_dense().astype(np.float64) @ x.astype(np.float64)
        error = np.abs(compute(packed, x) - expected).max()
        assert error < 1e-3 * np.abs(expected).max(), (pattern, tokens, error)


def test_manifest():
    for chip, tokens, family in (("sm_80", 8, "skinny"), ("sm_90a", 128, "wgmma_sp")):
        for layout in ("fragments", "canonical"):
            compiled = vnm.compile_linear(200, 333, tokens, "64:2:5", chip=chip, weight_layout=layout)
            (entry,) = compiled.kernels
            named = {argument["name"]: argument for argument in entry["arguments"]}
            weight = [named[name] for name in ("values", "metadata", "columns")]
            assert [array.get("layout", "canonical") for array in weight] == [layout] * 3, weight
            packed = make(200, 333, "64:2:5")
            arrays = packed.fragments() if layout == "fragments" else (packed.values, packed.metadata, packed.columns)
            assert [array["shape"] for array in weight] == [list(array.shape) for array in arrays]
            if layout == "fragments":
                assert entry["family"] == family and [array["type"] for array in weight] == ["f16", "i32", "i16"]
                compiled.write("kernels")
                text = pathlib.Path("kernels/manifest.json").read_text()
                assert '"layout": "fragments"' in text and json.loads(text) == compiled.manifest


def test_refuses():
    for dtype, bits in ((np.float32, 32), (np.int8, 8)):
        packed = vnm.pack(np.ones((64, 64), dtype))
        refuses(vnm.InvalidArgumentError, f"f16 or bf16 in fragments, but they have {bits} bits", packed.fragments)
    for pattern, text in (
        ("8:2:8", "V to be a power of two"),
        ("48:2:8", "but V is 48"),
        ("64:2:3", "but M is 3"),
        ("64:1:8", "but N is 1"),
    ):
        refuses(vnm.InvalidArgumentError, text, fragment_sizes, pattern, 64, 64)
        refuses(vnm.InvalidArgumentError, text, vnm.linear_mlir, 64, 64, 8, pattern, weight_layout="fragments")
    refuses(vnm.InvalidArgumentError, "R and K", fragment_sizes, "64:2:8", 0, 64)
    for layout in ("rows", "Fragments", "", None):
        text = f"requires weight_layout of canonical, fragments, but it is {layout!r}"
        refuses(vnm.InvalidArgumentError, text, vnm.linear_mlir, 64, 64, 8, weight_layout=layout)
        refuses(vnm.InvalidArgumentError, text, vnm.compile_linear, 64, 64, 8, weight_layout=layout)
    # What no kernel reads in fragments.
    for chip, pattern, tokens, text in (
        ("sm_80", "64:2:8", 65, "1 to 64 tokens, but there are 65"),
        ("sm_80", "64:2:8", None, "static number of tokens"),
        ("sm_90a", "32:2:8", 128, "1 to 64 tokens, but there are 128"),
        ("sm_90a", "64:2:8", 130, "1 to 64 tokens, but there are 130"),
    ):
        fragments = {"chip": chip, "weight_layout": "fragments"}
        refuses(vnm.CompileError, text, vnm.compile_linear, 64, 64, tokens, pattern, **fragments)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
