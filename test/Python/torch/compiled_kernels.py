# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests kernels for layers: their sources, how one is chosen.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import itertools
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
from torch import nn

import vnm
import vnm.torch as vt
from vnm import _launcher
from vnm.torch import _fragments, _kernels

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402

FOLDER = pathlib.Path("kernels")
DEVICE = torch.device("cuda", 0)


def make_layers():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 64, bias=False)).half()
    vt.sparsify_(model, "64:2:8", form="free", permute_rows=True)
    return model


def fragments_of(layer):
    return _fragments.to_fragments(layer.vnm_values, layer.vnm_metadata, layer.vnm_columns, layer.in_features)[0]


def emulate(layer, x, layout="canonical", y_layout="feature_major"):
    """What the layer's kernel computes of x, run by the emulator; y starts as NaN."""
    key, tokens = layer.kernel_key(), len(x)
    shape = (tokens, key.rows) if y_layout == "token_major" else (key.rows, tokens)
    y = f"memref<{shape[0]}x{shape[1]}x{key.dtype}>"
    module = _kernels.to_mlir(key, tokens, layout, y_layout)
    module = module.replace(") {\n  vnm.spmm", f") -> {y} {{\n  vnm.spmm").replace("return\n", f"return %y : {y}\n")
    pathlib.Path("product.mlir").write_text(module)
    result = x.new_full(shape, torch.nan)
    weight = [layer.vnm_values, layer.vnm_metadata, layer.vnm_columns]
    if layout == "fragments":
        weight = fragments_of(layer)
    arrays = [*weight, layer.vnm_rows, x.t(), result, layer.bias]
    arrays = [array for array in arrays if array is not None]
    for i, array in enumerate(arrays):
        np.save(f"{i}.npy", np.ascontiguousarray(array.detach().numpy()))
    command = ["vnm-runner", "product.mlir", "--target=emulate", "--entry=linear", "--out=y.npy"]
    command += ["--pipeline=vnm-lower-to-emulation{chip=sm_90a}", *(f"--arg={i}.npy" for i in range(len(arrays)))]
    subprocess.run(command, check=True, capture_output=True)
    y = torch.from_numpy(np.load("y.npy"))
    return y if y_layout == "token_major" else y.t()


def test_kernels_compute_the_layer():
    torch.manual_seed(5)
    for rows, search in ((128, {}), (100, {"form": "free", "permute_rows": True})):
        linear = nn.Linear(72, rows).half()
        kept = vt.structure(linear.weight, "64:2:8", **search)
        layer = vt.VNMLinear.from_dense(linear.weight, kept, linear.bias)
        for tokens in (1, 8, 64):
            x = torch.randn(tokens, 72).half()
            for layouts in itertools.product(("canonical", "fragments"), ("feature_major", "token_major")):
                assert torch.allclose(emulate(layer, x, *layouts), layer(x), rtol=2e-3, atol=2e-3), layouts


def test_layouts():
    assert _kernels.fastest_layout(64, 128, "sm_90a") == "fragments"
    assert _kernels.fastest_layout(64, 8, "sm_80") == "fragments"
    assert _kernels.fastest_layout(32, 128, "sm_90a") == "canonical"
    assert _kernels.fastest_layout(64, 130, "sm_90a") == "canonical"
    assert _kernels.fastest_layout(64, 128, "sm_80") == "canonical"
    linear = nn.Linear(64, 128).half()
    for form in ("strict", "free"):
        model = nn.Sequential(vt.VNMLinear.from_dense(linear.weight, vt.structure(linear.weight, "64:2:4", form=form)))
        (made,) = vt.compile_kernels(model, f"all_{form}", tokens=[128], chip="sm_90a", format="isa")
        # Columns of a layer may be in any order, even all of them.
        entry = json.loads((made / "manifest.json").read_text())["kernels"][0]
        kinds = {argument["name"]: argument["kind"] for argument in entry["arguments"]}
        assert "tensor_map" not in kinds.values(), kinds
        assert entry["arguments"][0]["layout"] == "fragments"
    strict = vnm.compile_linear(128, 64, 128, "64:2:4", chip="sm_90a")
    strict.write("strict")
    assert vt.use_kernels("strict") == 0


def test_compiles_and_finds():
    model = make_layers()
    made = vt.compile_kernels(model, FOLDER, tokens=[5, 8, 100], chip="sm_90a", format="isa")
    assert len(made) == 2 * 3
    entry = json.loads((made[0] / "manifest.json").read_text())["kernels"][0]
    assert entry["pattern"] == "64:2:8" and entry["format"] == "ptx"
    assert vt.use_kernels(FOLDER) == 6
    # A GPU of the kernels' chip, as the choice sees it.
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    keys = [layer.kernel_key() for layer in model]
    assert [key.bias for key in keys] == [layer.vnm_rows is not None and layer.bias is not None for layer in model]
    for tokens, found in ((1, 5), (5, 5), (8, 8), (16, 104), (104, 104)):
        assert _kernels.find_kernel(keys[0], tokens, DEVICE).tokens == found
    # Without a kernel for its bias, a layer takes one without and adds it.
    plain = keys[1]._replace(bias=True)
    assert not _kernels.find_kernel(plain, 8, DEVICE).entry["epilogue"]
    refuses(
        vt.MissingKernelError,
        "T of at least 112 on sm_90a, but there are: T = ",
        _kernels.find_kernel,
        keys[0],
        112,
        DEVICE,
    )
    refuses(vt.MissingKernelError, "vnm-opt product.mlir", _kernels.find_kernel, keys[0]._replace(rows=7), 8, DEVICE)
    torch.cuda.get_device_capability = lambda *_: (8, 0)
    refuses(vt.MissingKernelError, "on sm_80", _kernels.find_kernel, keys[0]._replace(), 1, torch.device("cuda", 1))


def test_layouts_for_training():
    """Of two kernels for one number of tokens, the weight decides which is taken."""
    model = nn.Sequential(nn.Linear(64, 128)).half()
    vt.sparsify_(model, "64:2:8")
    options = {"tokens": [8, 128], "chip": "sm_90a", "format": "isa"}
    made = vt.compile_kernels(model, "both", **options)
    made += vt.compile_kernels(model, "both", weight_layout="canonical", **options)
    assert len(set(made)) == 4 and vt.use_kernels("both") == 4
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    for tokens, changing in ((8, False), (8, True), (128, False), (128, True)):
        kernel = _kernels.find_kernel(model[0].kernel_key(), tokens, DEVICE, changing)
        assert (kernel.tokens, kernel.reads_fragments) == (tokens, not changing)
    # Where there is but one, it is taken.
    vt.use_kernels(made[0])
    assert _kernels.find_kernel(model[0].kernel_key(), 8, DEVICE, True).reads_fragments
    wrong = {**options, "weight_layout": "rows"}
    refuses(vnm.InvalidArgumentError, "weight_layout of", vt.compile_kernels, model, "f", **wrong)
    refuses(
        vnm.CompileError, "1 to 64 tokens", vt.compile_kernels, model, "f", tokens=[72], chip="sm_80", format="isa",
        weight_layout="fragments",
    )  # fmt: skip


def test_compiles_without_weights():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64, bias=False)).half()
    options = {"tokens": [8], "chip": "sm_90a", "format": "isa"}
    assert not vt.compile_kernels(model, "none", **options)
    made = vt.compile_kernels(model, "shapes", pattern="64:2:8", **options)
    real = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64, bias=False)).half()
    vt.sparsify_(real, "64:2:8")
    sparse = vt.compile_kernels(real, "layers", **options)
    assert [path.name for path in made] == [path.name for path in sparse] and len(made) == 2
    for one, other in zip(made, sparse):
        assert (one / "manifest.json").read_text() == (other / "manifest.json").read_text()
    permuted = vt.compile_kernels(model, "permuted", pattern="64:2:8", permute_rows=True, **options)
    assert all("_True_" in path.name for path in permuted)
    assert len(vt.compile_kernels(model, "some", pattern="64:2:8", filter="2", **options)) == 1
    refuses(
        vnm.InvalidArgumentError, "f16 or bf16", vt.compile_kernels, model.float(), "f", pattern="64:2:8", **options
    )
    model[2].weight = model[0].weight
    model[0].weight = nn.Parameter(torch.zeros(128, 64, dtype=torch.float64))
    refuses(vt.LayerError, "layer '0'", vt.compile_kernels, model, "f", pattern="64:2:8", **options)


def test_no_driver():
    def fails(name):
        raise OSError(f"{name}: cannot open shared object file")

    loads, _launcher.ctypes.CDLL = _launcher.ctypes.CDLL, fails
    try:
        refuses(vt.DriverError, "requires the CUDA driver, but libcuda.so.1 does not load", _launcher.call, "cuInit", 0)
    finally:
        _launcher.ctypes.CDLL = loads


def test_refuses():
    refuses(vnm.FileError, "holds none", vt.use_kernels, "nothing")
    folder = pathlib.Path("broken")
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    refuses(vnm.FormatError, "is none", vt.use_kernels, folder)
    (folder / "manifest.json").write_text('{"version": 7, "kernels": []}')
    refuses(vnm.FormatError, "version 7", vt.use_kernels, folder)
    refuses(vnm.Error, "sm_1", vt.compile_kernels, make_layers(), folder, tokens=[8], chip="sm_1")
    refuses(
        vnm.InvalidArgumentError,
        "format",
        vt.compile_kernels,
        make_layers(),
        folder,
        tokens=[8],
        chip="sm_90a",
        format="x",
    )
    refuses(vnm.InvalidArgumentError, "f16 or bf16", make_layers().float()[0].kernel_key)
    assert vt.use_kernels() == 0


sys.stdout.reconfigure(line_buffering=True)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
