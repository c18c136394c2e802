# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the example models sparse, runs them beside their dense-masked
# forms, prints a table per model and writes PTX. scripts/demo.sh calls it.

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = ("mlp", "encoder_layer")
CHIP = "sm_90a"
NUMPY_TYPES = {"f16": np.float16, "f32": np.float32, "i32": np.int32}
COLUMNS = (
    ("layer", "<"),
    ("R x K", ">"),
    ("pattern", ">"),
    ("density", ">"),
    ("retained", ">"),
    ("dense bytes", ">"),
    ("sparse bytes", ">"),
    ("max rel. error", ">"),
    ("dense ms", ">"),
    ("sparse ms", ">"),
    ("speed-up", ">"),
)


class Tools:
    """The built tools, called as processes."""

    def __init__(self, build, repeat):
        self.bin = os.path.join(build, "bin")
        self.repeat = repeat

    def _run(self, *command):
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            sys.exit(f"failed: no end after 300 s: {' '.join(command)}")
        if result.returncode != 0:
            sys.exit(f"failed: {' '.join(command)}\n{result.stderr}{result.stdout}")
        return result.stdout

    def opt(self, source, target, *passes):
        self._run(os.path.join(self.bin, "vnm-opt"), source, *passes, "-o", target)

    def runner(self, module, entry, arguments, target="cpu"):
        """Runs `entry`; returns the result and the median time in ms."""
        out = module + "." + entry + ".out.npy"
        text = self._run(
            os.path.join(self.bin, "vnm-runner"),
            module,
            f"--entry={entry}",
            f"--target={target}",
            *(f"--arg={path}" for path in arguments),
            f"--out={out}",
            f"--repeat={self.repeat}",
        )
        median = re.search(r"([\d.]+) ms median", text)
        return np.load(out), float(median[1])


def relative_error(actual, expected):
    """Largest difference over the largest reference value."""
    actual, expected = (a.astype(np.float64) for a in (actual, expected))
    return np.abs(actual - expected).max() / np.abs(expected).max()


def layer_signatures(text):
    """(entry, [(shape, dtype)]) of each function of an outlined module; dynamic
    sizes become 64."""
    for entry, arguments in re.findall(r"func\.func @(layer_\d+)\((.*?)\) ->", text):
        types = re.findall(r"tensor<((?:[\d?]+x)+)(\w+)>", arguments)
        yield (
            entry,
            [
                ([int(n.replace("?", "64")) for n in dims[:-1].split("x")], dtype)
                for dims, dtype in types
            ],
        )


def measure_layers(tools, sparse, stem):
    """Error and times of each sparse product alone, on random activations."""
    layers = f"{stem}.layers.mlir"
    tools.opt(sparse, layers, "--vnm-outline-layers")
    tools.opt(layers, f"{stem}.layers.dense.mlir", "--vnm-densify", "--vnm-fold-weights")
    generator = np.random.default_rng(0)
    with open(layers) as file:
        signatures = list(layer_signatures(file.read()))
    for entry, types in signatures:
        arguments = []
        for index, (shape, dtype) in enumerate(types):
            path = f"{stem}.{entry}.{index}.npy"
            np.save(path, generator.standard_normal(shape).astype(NUMPY_TYPES[dtype]))
            arguments.append(path)
        actual, sparse_ms = tools.runner(layers, entry, arguments)
        expected, dense_ms = tools.runner(f"{stem}.layers.dense.mlir", entry, arguments)
        yield relative_error(actual, expected), dense_ms, sparse_ms


def print_table(rows):
    """Prints rows of strings under COLUMNS."""
    widths = [
        max(len(name), *(len(row[i]) for row in rows)) for i, (name, _) in enumerate(COLUMNS)
    ]
    print("  ".join(f"{n:{a}{w}}" for (n, a), w in zip(COLUMNS, widths)))
    for row in rows:
        print("  ".join(f"{c:{a}{w}}" for c, (_, a), w in zip(row, COLUMNS, widths)))


def timing_cells(error, dense_ms, sparse_ms):
    return (
        f"{error:.1e}",
        f"{dense_ms:.3f}",
        f"{sparse_ms:.3f}",
        f"{dense_ms / sparse_ms:.2f}x",
    )


def run_on_cpu(tools, model, pattern, scratch):
    """Prints the table of one model."""
    source = os.path.join(ROOT, "examples", f"{model}.mlir")
    x = os.path.join(ROOT, "examples", f"{model}.input.npy")
    stem = os.path.join(scratch, model)
    sparse, report = f"{stem}.sparse.mlir", f"{stem}.report.json"
    tools.opt(source, sparse, f"--vnm-sparsify-model=pattern={pattern} report={report}")
    tools.opt(sparse, f"{stem}.dense.mlir", "--vnm-densify", "--vnm-fold-weights")
    with open(report) as file:
        layers = [layer for layer in json.load(file)["layers"] if layer["decision"] == "sparse"]
    rows = []
    for layer, timing in zip(layers, measure_layers(tools, sparse, stem)):
        rows.append(
            (
                layer["layer"],
                f"{layer['rows']} x {layer['cols']}",
                layer["pattern"],
                f"{layer['density']:.3f}",
                f"{layer['retained_importance']:.3f}",
                str(layer["bytes_dense"]),
                str(layer["bytes_sparse"]),
                *timing_cells(*timing),
            )
        )
    actual, sparse_ms = tools.runner(sparse, "main", [x])
    expected, dense_ms = tools.runner(f"{stem}.dense.mlir", "main", [x])
    dense_bytes, sparse_bytes = (
        str(sum(layer[key] for layer in layers)) for key in ("bytes_dense", "bytes_sparse")
    )
    rows.append(
        ("whole model", "", pattern, "", "", dense_bytes, sparse_bytes)
        + timing_cells(relative_error(actual, expected), dense_ms, sparse_ms)
    )
    print(f"\n{model}, {pattern}")
    print_table(rows)
    original = np.load(os.path.join(ROOT, "examples", f"{model}.reference.npy"))
    print(f"pruning alone moves the output by {relative_error(expected, original):.2f} of its largest value")


def write_ptx(tools, model, pattern, scratch):
    """Lowers a model for the GPU and writes the PTX of its kernels."""
    source = os.path.join(ROOT, "examples", f"{model}.mlir")
    lowered = os.path.join(scratch, f"{model}.nvvm.mlir")
    tools.opt(source, lowered, f"--vnm-lower-to-nvvm=pattern={pattern} chip={CHIP} format=isa")
    with open(lowered) as file:
        kernels = re.findall(r'assembly = "((?:[^"\\]|\\.)*)"', file.read())
    # MLIR escapes what is not printable as a backslash and two hex digits.
    text = "\n".join(
        re.sub(r"\\([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), kernel).rstrip("\0")
        for kernel in kernels
    )
    path = os.path.join(scratch, f"{model}.{CHIP}.ptx")
    with open(path, "w") as file:
        file.write(text)
    entries, products = text.count(".entry"), text.count("mma.sp::ordered_metadata")
    print(f"wrote {os.path.relpath(path)}: {entries} kernels, {products} mma.sp::ordered_metadata")
    return lowered


def has_gpu():
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description="Sparsify and run the example models.")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--pattern", default="64:2:8", help="V:N:M (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=20, help="timed calls (default: %(default)s)")
    options = parser.parse_args()
    tools = Tools(options.build, options.repeat)
    scratch = os.path.join(options.build, "demo")
    os.makedirs(scratch, exist_ok=True)
    gpu = has_gpu()
    print(
        "error: sparse against the same weights dense and masked; retained: share of\n"
        "the weight's importance that the pattern keeps; times: medians on this CPU"
    )
    for model in MODELS:
        run_on_cpu(tools, model, options.pattern, scratch)
        lowered = write_ptx(tools, model, options.pattern, scratch)
        if gpu:
            x = os.path.join(ROOT, "examples", f"{model}.input.npy")
            expected, _ = tools.runner(os.path.join(scratch, f"{model}.dense.mlir"), "main", [x])
            actual, ms = tools.runner(lowered, "main", [x], target="cuda")
            print(f"on the GPU: error {relative_error(actual, expected):.1e}, {ms:.3f} ms with copies")
    if not gpu:
        print("\nno NVIDIA driver or GPU here: the kernels were written, not run")


main()
