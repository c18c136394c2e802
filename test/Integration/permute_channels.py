# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs networks before and after vnm-permute-channels, densely: every
# function of the pass's own test and the encoder layer give the same results but
# for the order of sums. Then the sparse encoder layer: it is its own dense-masked
# model, and retains strictly more than without permutation.
#
# REQUIRES: numpy
# RUN: %python %s %vnm_src %t

import json
import pathlib
import re
import subprocess
import sys

import numpy as np

SOURCE = pathlib.Path(sys.argv[1])
WORK = pathlib.Path(sys.argv[2])
LAYER = SOURCE / "examples" / "encoder_layer.mlir"
INPUT = SOURCE / "examples" / "encoder_layer.input.npy"
FORMS = ("free", "strict")
# Of the largest result: rounding of f32 sums, of f16 results.
F32, F16 = 1e-5, 2e-3


def opt(source, target, *passes):
    subprocess.run(["vnm-opt", source, *passes, "-o", target], check=True)
    return target


def run(module, entry, arguments, count=1):
    """The results of a function on arrays in files."""
    outs = [WORK / f"out.{i}.npy" for i in range(count)]
    command = ["vnm-runner", module, f"--entry={entry}"]
    command += [f"--arg={path}" for path in arguments]
    command += [f"--out={path}" for path in outs]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [np.load(path).astype(np.float64) for path in outs]


def difference(got, expected):
    return max(
        np.abs(a - b).max() / np.abs(b).max() for a, b in zip(got, expected, strict=True)
    )


def check_functions(work):
    """Every function of the lit test, on random arguments."""
    source = SOURCE / "test" / "Dialect" / "VNM" / "vnm-permute-channels.mlir"
    permuted = opt(source, work / "permuted.mlir", "--vnm-permute-channels")
    # Without annotations the products are dense.
    changed = 0
    rng = np.random.default_rng(0)
    for match in re.finditer(r"func\.func @(\w+)\((.*)\) -> (.*) \{", source.read_text()):
        name, parameters, results = match.groups()
        arguments = []
        for i, shape in enumerate(re.findall(r"tensor<([0-9x]+)xf32>", parameters)):
            array = rng.standard_normal([int(size) for size in shape.split("x")])
            arguments.append(work / f"arg.{i}.npy")
            np.save(arguments[-1], array.astype(np.float32))
        count = results.count("tensor<")
        before = run(source, name, arguments, count)
        after = run(permuted, name, arguments, count)
        error = difference(after, before)
        assert error < F32, f"@{name}: {error}"
        changed += error > 0
    # A comparison of equal programs would show nothing.
    assert changed > 3, changed


def retained(report):
    return json.loads(report.read_text())["model"]["retained_importance"]


def check_encoder(work, form):
    options = f"pattern=16:2:8 form={form}"
    expected = run(LAYER, "main", [INPUT])
    permuted = opt(
        LAYER, work / "permuted.mlir", f"--vnm-annotate-matmuls={options}", "--vnm-permute-channels"
    )
    assert "main.6.permuted" in permuted.read_text()
    error = difference(run(permuted, "main", [INPUT]), expected)
    print(f"{form}: dense model, permuted: {error:.1e}")
    assert error < F16, error

    plain, better = work / "plain.json", work / "better.json"
    opt(LAYER, work / "plain.mlir", f"--vnm-sparsify-model={options} report={plain}")
    sparse = opt(
        LAYER,
        work / "sparse.mlir",
        f"--vnm-sparsify-model={options} permute=true scatter=always report={better}",
    )
    print(f"{form}: retained {retained(plain):.4f}, permuted {retained(better):.4f}")
    assert retained(better) > retained(plain)
    assert (form == "free") == ("rows = permuted" in sparse.read_text())
    masked = opt(sparse, work / "masked.mlir", "--vnm-densify", "--vnm-fold-weights")
    error = difference(run(sparse, "main", [INPUT]), run(masked, "main", [INPUT]))
    print(f"{form}: sparse against dense-masked: {error:.1e}")
    assert error < F16, error


RUN_TIME = """
#enc = #vnm.encoding<16:2:8, form = free, rows = permuted>
func.func @main(%w: tensor<50x20xf32>, %x: tensor<20x7xf32>) -> (tensor<50x7xf32>, tensor<50x20xf32>, tensor<50xi32>) {
  %0 = vnm.compress %w : tensor<50x20xf32> to tensor<50x20xf32, #enc>
  %e = tensor.empty() : tensor<50x7xf32>
  %y = vnm.matmul ins(%0, %x : tensor<50x20xf32, #enc>, tensor<20x7xf32>)
                  outs(%e : tensor<50x7xf32>) -> tensor<50x7xf32>
  %d = vnm.decompress %0 : tensor<50x20xf32, #enc> to tensor<50x20xf32>
  %v, %m, %c, %r = vnm.disassemble %0 : (tensor<50x20xf32, #enc>)
    -> (tensor<50x6xf32>, tensor<50x1xi16>, tensor<4x12xi16>, tensor<50xi32>)
  return %y, %d, %r : tensor<50x7xf32>, tensor<50x20xf32>, tensor<50xi32>
}
"""


def check_run_time(work):
    rng = np.random.default_rng(1)
    module, arguments = work / "run_time.mlir", [work / "w.npy", work / "x.npy"]
    module.write_text(RUN_TIME)
    weight = rng.standard_normal((50, 20)).astype(np.float32)
    x = rng.standard_normal((20, 7)).astype(np.float32)
    for path, array in zip(arguments, (weight, x)):
        np.save(path, array)
    product, dense, rows = run(module, "main", arguments, 3)
    assert sorted(rows) == list(range(50)) and list(rows) != list(range(50)), rows
    kept = dense != 0
    assert (dense[kept] == weight[kept]).all() and (kept.sum(axis=1) == 6).all()
    assert difference([product], [dense @ x.astype(np.float64)]) < F32


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    check_functions(WORK)
    for form in FORMS:
        check_encoder(WORK, form)
    check_run_time(WORK)


main()
