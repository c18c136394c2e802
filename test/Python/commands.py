# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests the commands compile, bench and plot, as far as a machine without
# a GPU goes. An instrumented library needs an instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan, cuda
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_python %s

import json
import pathlib
import subprocess
import sys

import numpy as np
import vnm
from vnm import __main__, _bench

RNG = np.random.default_rng(5)
MODULE = """func.func @f(%x: tensor<64x32xf16>) -> tensor<64x32xf16> {
  %w = arith.constant dense<1.0> : tensor<64x64xf16>
  %zero = arith.constant dense<0.0> : tensor<64x32xf16>
  %y = linalg.matmul ins(%w, %x : tensor<64x64xf16>, tensor<64x32xf16>)
      outs(%zero : tensor<64x32xf16>) -> tensor<64x32xf16>
  return %y : tensor<64x32xf16>
}
"""


def run(*arguments, status=0, text=True, **keywords):
    command = [sys.executable, "-m", "vnm", *arguments]
    result = subprocess.run(command, capture_output=True, text=text, check=False, **keywords)
    assert result.returncode == status, result
    return result


def fails(text, *arguments):
    result = run(*arguments, status=1)
    assert result.stderr.startswith("error: ") and text in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def test_compile():
    pathlib.Path("m.mlir").write_text(MODULE)
    shown = run("compile", "m.mlir", "--pattern", "64:2:8", "--chip", "sm_90a", "--remarks", "--kernels", "kernels")
    assert shown.stdout == "" and '"m.mlir":4:8: remark: vnm-annotate: layer f.0' in shown.stderr, shown
    manifest = json.loads(pathlib.Path("kernels/manifest.json").read_text())
    assert manifest["kernels"][0]["chip"] == "sm_90a" and pathlib.Path("kernels/vnm_kernels.ptx").exists()
    sparsify = ["--pipeline", "vnm-sparsify-model{pattern=64:2:8}"]
    assert "vnm.matmul" in run("compile", "-", *sparsify, input=MODULE).stdout
    run("compile", "m.mlir", *sparsify, "--bytecode", "-o", "m.mlirbc")
    assert pathlib.Path("m.mlirbc").read_bytes().startswith(b"ML\xefR")
    lowered = run("compile", "m.mlirbc", "--option", "kernel-token-tile=64", "--chip", "sm_90a").stdout
    assert "gpu.binary" in lowered
    layer = ["compile", "--linear", "64x128x32", "--bias", "--activation", "silu", "--token-major"]
    assert ".entry spmm_0" in run(*layer, "--chip", "sm_90a").stdout
    assert ".entry spmm_0" in run("compile", "--linear", "64x128", "--permuted", "--pattern", "16:2:16").stdout
    for options, expected in (
        (["--y-layout", "token-major"], ["feature_major", "token_major"]),
        (["--token-major", "--y-layout", "feature-major"], ["token_major", "feature_major"]),
    ):
        run("compile", "--linear", "64x128x32", *options, "--kernels", "_".join(options).strip("-"))
        entry = json.loads(pathlib.Path("_".join(options).strip("-"), "manifest.json").read_text())["kernels"][0]
        assert [entry["arguments"][i]["layout"] for i in (3, 4)] == expected, entry
    fails('"m.mlir"', "compile", "m.mlir", "--chip", "sm_70", "--pattern", "64:2:8")
    # What no layer is, and what only a layer is.
    fails("requires --bias with --linear", "compile", "m.mlir", "--bias")
    fails("requires --y-layout with --linear", "compile", "m.mlir", "--y-layout", "token-major")
    fails("requires --weight-layout with --linear", "compile", "m.mlir", "--weight-layout", "fragments")
    fails("requires a module with --bytecode", "compile", "--linear", "64x64", "--bytecode")
    fails("both or none", "compile")
    fails("both or none", "compile", "m.mlir", "--linear", "64x64")
    fails("RxK or RxKxT, but it is '64'", "compile", "--linear", "64")
    fails("R to be a positive integer, but it is 0", "compile", "--linear", "0x64")
    fails("no pipeline and no options beside a layer", "compile", "--linear", "64x64", "--option", "ptx=86")
    fails("options NAME=VALUE, but found 'ptx'", "compile", "m.mlir", "--option", "ptx")
    fails("requires --chip VALUE instead of --option chip=sm_90a", "compile", "m.mlir", "--option", "chip=sm_90a")
    fails("requires options of vnm-lower-to-nvvm, but 'threads' is none", "compile", "m.mlir", "--option", "threads=3")
    fails("'none.mlir' cannot be read", "compile", "none.mlir")
    fails("cannot be written", "compile", "m.mlir", "-o", "none/m.mlir")
    fails("kernels to write", "compile", "m.mlir", *sparsify, "--kernels", "none")
    fails("/nowhere/bin/ptxas", "compile", "--linear", "64x64", "--format", "bin", "--toolkit", "/nowhere")


def layouts_of(folder):
    """The layout of the values of every kernel below a folder."""
    paths = sorted(pathlib.Path(folder).rglob("manifest.json"))
    entries = [entry for path in paths for entry in json.loads(path.read_text())["kernels"]]
    return [entry["arguments"][0].get("layout", "canonical") for entry in entries]


def test_weight_layouts():
    """A layer's kernel reads what the option says, by default what a file holds."""
    layer = ["compile", "--linear", "64x128x32", "--chip", "sm_90a"]
    for option, found in (([], "canonical"), (["canonical"], "canonical"), (["fragments"], "fragments")):
        folder = f"layout_{len(option)}_{found}"
        run(*layer, *(["--weight-layout"] if option else []), *option, "--kernels", folder)
        assert layouts_of(folder) == [found], option
    assert json.loads(pathlib.Path("layout_1_fragments/manifest.json").read_text()) == (
        vnm.compile_linear(64, 128, 32, chip="sm_90a", weight_layout="fragments").manifest
    )
    # Products that no kernel computes with fragments.
    fails("static number of tokens", "compile", "--linear", "64x128", "--weight-layout", "fragments")
    fails("1 to 64 tokens", "compile", "--linear", "64x128x128", "--weight-layout", "fragments")
    assert "invalid choice: 'rows'" in run(*layer, "--weight-layout", "rows", status=2).stderr
    # The benchmark takes fragments where a kernel reads them.
    for layout, found in (("canonical", ["canonical"] * 2), ("fragments", ["canonical", "fragments"])):
        shapes = ["64x64x136", "64x64x8"]
        assert _bench.build(f"bench_{layout}", "sm_80", shapes, ["64:2:8"], weight_layout=layout) == 0
        assert layouts_of(f"bench_{layout}") == found


def test_bench():
    """The benchmark's scripts compile with the package in place of vnm-opt."""
    fails("requires an NVIDIA GPU", "bench", "--shapes", "64x64x64")
    assert _bench.build("built", "sm_90a", ["64x64x64", "80x48x8"], ["64:2:8"], jobs=2) == 0
    manifests = sorted(pathlib.Path("built").glob("*/manifest.json"))
    assert len(manifests) == 2, manifests
    entry = json.loads(manifests[0].read_text())["kernels"][0]
    assert (entry["chip"], entry["format"]) == ("sm_90a", "cubin" if _bench.has_ptxas() else "ptx")
    assert pathlib.Path("built/run.py").exists()
    assert "positive integer, but it is '0'" in run("bench", "--jobs", "0", status=2).stderr
    pathlib.Path("file").touch()
    try:
        _bench.build("file/kernels", "sm_90a", ["64x64x64"], ["64:2:8"])
    except vnm.FileError as error:
        assert "'file/kernels' cannot" in str(error), error
    else:
        raise AssertionError("requires a FileError")
    assert _bench.build("bad", "sm_70", ["64x64x64"], ["64:2:8"]) == 1


def test_help():
    """Every command says what it does, and every option what it is."""
    listed = run("--help").stdout
    assert "COMMAND --help" in listed and run(status=2).stderr == listed
    for command in ("compress", "inspect", "verify", "compile", "bench", "plot"):
        assert f"    {command} " in listed
        text = run(command, "--help").stdout
        # A paragraph between the usage and the arguments.
        assert len(text.split("\n\n")[1].split()) > 8 and "arguments:" not in text.split("\n\n")[1], text
    parser = __main__._parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    for name, command in commands.choices.items():
        bare = [action.dest for action in command._actions if not action.help]
        assert not bare, (name, bare)


def test_plot():
    weight = RNG.standard_normal((100, 64), dtype=np.float32)
    for form, permuted in (("strict", False), ("free", True)):
        packed = vnm.pack(weight, "32:2:8", form=form, permute_rows=permuted)
        shares, scores = vnm.plot.panel_retained(packed, abs(weight)), abs(weight)
        rows = np.arange(100) if packed.rows is None else packed.rows
        for panel in range(4):
            of_panel = rows[panel * 32 : panel * 32 + 32]
            kept = scores[of_panel][packed.mask()[of_panel]].sum() / scores[of_panel].sum()
            assert abs(shares[panel] - kept) < 1e-5, (form, panel)
    assert vnm.plot.panel_retained(packed, np.zeros((100, 64))).tolist() == [1.0] * 4
    vnm.save("packed.safetensors", {"a.weight": packed})
    vnm.save("dense.safetensors", {"a.weight": weight})
    kernel = {"rows": 64, "cols": 64, "tokens": 64, "contestant": "vnm", "correct": True}
    results = [{**kernel, "pattern": f"64:2:{m}", "ratio": m / 4} for m in (4, 8)]
    pathlib.Path("results.json").write_text(json.dumps({"results": results}))
    pathlib.Path("none.json").write_text(json.dumps({"results": []}))
    pathlib.Path("bad.json").write_text("{}")
    fails("KeyError", "plot", "bad.json", "-o", "x.svg")
    fails("there are none", "plot", "none.json", "-o", "x.svg")
    fails("cannot be read", "plot", "no.json", "-o", "x.svg")
    fails("requires --layer", "plot", "packed.safetensors", "-o", "x.svg")
    layer = ["plot", "packed.safetensors", "--layer", "a.weight", "-o"]
    if not vnm.plot.is_available():
        fails("requires matplotlib to draw, but it is not installed", *layer, "x.svg")
        return
    fails("ends in .png, .svg, .pdf", *layer, "x.gif")
    fails("at least 0", *layer, "x.png", "--rows", "-1")
    run(*layer, "mask.png", "--rows", "40")
    run(*layer, "retained.svg", "--dense", "dense.safetensors")
    run("plot", "results.json", "-o", "speed.svg")
    assert pathlib.Path("mask.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in pathlib.Path("retained.svg").read_text() and "<svg" in pathlib.Path("speed.svg").read_text()


for test in (test_compile, test_weight_layouts, test_bench, test_help, test_plot):
    test()
    print("passed", test.__name__)
