#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times sparse products on the CPU beside upstream's dense path and NumPy's BLAS.

    python3 benchmarks/cpu/run.py --bin build/release/bin --threads 2

Needs NumPy. Contestants take turns, so that a busy machine slows all of them
alike; the table shows the best and the median time of every one. With --cpu-time
it is the processor time of a call on one thread instead, which other programs
disturb less.
"""
import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
R = K = 4096
T = 256
V = 64
LEGAL_NIBBLES = [4, 8, 9, 12, 13, 14]

# Upstream's passes around the transform script of dense_matmul.mlir.
DENSE_TILE = (
    "func.func(vnm-record-signature),transform-interpreter,canonicalize,cse,"
    "one-shot-bufferize{bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map},canonicalize,cse"
)
DENSE_LOWER = (
    "buffer-deallocation-pipeline,fold-memref-alias-ops,canonicalize,cse,"
    "scf-forall-to-parallel,convert-linalg-to-loops,symbol-dce,"
    "convert-vector-to-scf,convert-scf-to-openmp,canonicalize,cse,"
    "expand-strided-metadata,lower-affine,convert-scf-to-cf,"
    "func.func(llvm-request-c-wrappers),"
    "convert-vector-to-llvm{vector-contract-lowering=outerproduct},"
    "finalize-memref-to-llvm,convert-func-to-llvm,convert-arith-to-llvm,"
    "convert-index-to-llvm,convert-cf-to-llvm,convert-openmp-to-llvm,"
    "convert-ub-to-llvm,reconcile-unrealized-casts"
)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default="build/release/bin", help="folder of vnm-opt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contestant")
    parser.add_argument("--repeat", type=int, default=10, help="calls per turn")
    parser.add_argument("--cpu-time", action="store_true", help="processor time, one thread")
    parser.add_argument("--m", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--types", nargs="+", default=["f32", "f16"])
    return parser.parse_args()


def optimize(tools, source, target, pipeline):
    command = [f"{tools}/vnm-opt", source, f"--pass-pipeline=builtin.module({pipeline})"]
    subprocess.run([*map(str, command), "-o", str(target)], check=True)


def build_dense(tools, folder, element):
    """Lowers the dense baseline; returns the module's path."""
    source, tiled, plain, lowered = (folder / f"dense_{element}_{i}.mlir" for i in range(4))
    text = (HERE / "dense_matmul.mlir").read_text()
    source.write_text(text.replace("ELEMENT", element))
    optimize(tools, source, tiled, DENSE_TILE)
    # The transform script has done its work; LLVM knows nothing of it.
    text = tiled.read_text().replace(" attributes {transform.with_named_sequence}", "", 1)
    plain.write_text(text[: text.index("  transform.named_sequence")] + "}\n")
    optimize(tools, plain, lowered, DENSE_LOWER)
    return lowered


def build_sparse(tools, folder, element, m):
    """Lowers a product with a packed weight at 64:2:m."""
    groups = K // m
    types = [
        f"tensor<{R}x{2 * groups}x{element}>",
        f"tensor<{R}x{groups // 4}xi16>",
        f"tensor<{R // V}x{4 * groups}xi16>",
        f"tensor<{K}x{T}x{element}>",
    ]
    result = f"tensor<{R}x{T}xf32>"
    source, lowered = folder / f"sparse_{element}_{m}.mlir", folder / f"sparse_{element}_{m}_llvm.mlir"
    arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
    source.write_text(f"""
func.func @main({arguments}) -> {result} {{
  %init = tensor.empty() : {result}
  %y = vnm.spmm #vnm.encoding<{V}:2:{m}>
         ins(%a0, %a1, %a2, %a3 : {", ".join(types)})
         outs(%init : {result}) -> {result}
  return %y : {result}
}}
""")
    optimize(tools, source, lowered, "vnm-lower-to-cpu")
    return lowered


def random_storage(np, rng, element, m):
    """Values, metadata and columns of a random weight (docs/storage-format.md)."""
    groups = K // m
    values = rng.standard_normal((R, 2 * groups)).astype(element)
    nibbles = rng.choice(LEGAL_NIBBLES, (R, groups // 4, 4)).astype(np.uint16)
    metadata = (nibbles << np.array([0, 4, 8, 12], np.uint16)).sum(-1).astype(np.uint16)
    order = rng.random((R // V, groups, m)).argsort(-1)[..., :4]
    columns = np.sort(order, -1) + m * np.arange(groups)[None, :, None]
    return values, metadata.view(np.int16), columns.reshape(R // V, -1).astype(np.int16)


def densify(np, values, metadata, columns):
    """The dense weight, in double."""
    dense = np.zeros((R, K))
    groups = values.shape[1] // 2
    words = metadata.view(np.uint16)
    rows = np.arange(R)
    for group in range(groups):
        for i in range(2):
            position = words[:, group // 4] >> (4 * (group % 4) + 2 * i) & 3
            column = columns[rows // V, 4 * group + position]
            dense[rows, column] = values[:, 2 * group + i]
    return dense


def processor_time(command):
    """Seconds of processor time that a command takes in user mode."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


class Contestant:
    """A compiled module and its arrays."""

    def __init__(self, tools, name, module, folder, arrays, np):
        self.name, self.times = name, []
        files = [folder / f"{module.stem}_arg{i}.npy" for i in range(len(arrays))]
        for path, array in zip(files, arrays):
            np.save(path, array)
        self.output = folder / f"{module.stem}_out.npy"
        self.command = [f"{tools}/vnm-runner", str(module), f"--out={self.output}"]
        self.command += [f"--arg={path}" for path in files]

    def run(self, repeat, cpu_time):
        command = [*self.command, f"--repeat={repeat}"]
        if cpu_time:
            once = processor_time([*self.command, "--repeat=1"])
            milliseconds = 1e3 * (processor_time(command) - once) / (repeat - 1)
            self.times.append((milliseconds, milliseconds))
            return
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        median, best = re.search(r"([\d.]+) ms median, ([\d.]+) min", text).groups()
        self.times.append((float(best), float(median)))


class NumPyProduct:
    """NumPy's BLAS, in this process."""

    def __init__(self, np, name, w, x):
        self.np, self.name, self.times, self.w, self.x = np, name, [], w, x

    def run(self, repeat, cpu_time):
        clock = time.process_time if cpu_time else time.perf_counter
        times = []
        self.w @ self.x
        for _ in range(repeat):
            start = clock()
            self.w @ self.x
            times.append(1e3 * (clock() - start))
        self.times.append((min(times), statistics.median(times)))


def report(contestants, cpu_time):
    """Prints the table; the first contestant is the baseline. Speeds are by the
    best time, or by the median of processor times, which are differences."""
    flops = 2 * R * K * T
    print("| product | best ms | median ms | dense-equivalent GFLOP/s | speed vs upstream dense |")
    print("| --- | ---: | ---: | ---: | ---: |")
    reference = None
    for contestant in contestants:
        best = min(best for best, _ in contestant.times)
        median = statistics.median(median for _, median in contestant.times)
        chosen = median if cpu_time else best
        reference = reference or chosen
        print(
            f"| {contestant.name} | {best:.2f} | {median:.2f} | {flops / chosen / 1e6:.0f} "
            f"| {reference / chosen:.2f} |"
        )


def main():
    options = parse_arguments()
    if options.cpu_time:
        options.threads = 1
    # Before NumPy is loaded: it reads these once. A forced kernel is unfair.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    os.environ.pop("OPENBLAS_CORETYPE", None)
    import numpy as np

    rng = np.random.default_rng(0)
    print(f"W {R} x {K}, X {K} x {T}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for element in options.types:
            dtype = {"f32": np.float32, "f16": np.float16}[element]
            w = rng.standard_normal((R, K)).astype(dtype)
            x = rng.standard_normal((K, T)).astype(dtype)
            dense = Contestant(
                options.bin, f"upstream dense, {element}", build_dense(options.bin, folder, element), folder, [w, x], np
            )
            contestants, expected = [dense], [w.astype(float) @ x.astype(float)]
            for m in options.m:
                storage = random_storage(np, rng, dtype, m)
                module = build_sparse(options.bin, folder, element, m)
                contestants.append(
                    Contestant(options.bin, f"{V}:2:{m}, {element}", module, folder, [*storage, x], np)
                )
                expected.append(densify(np, *storage) @ x.astype(float))
            timed = list(contestants)
            if element == "f32":
                timed.append(NumPyProduct(np, "NumPy's BLAS, f32", w, x))
            for _ in range(options.rounds):
                for contestant in timed:
                    contestant.run(options.repeat, options.cpu_time)
            for contestant, y in zip(contestants, expected):
                error = np.abs(np.load(contestant.output) - y).max() / np.abs(y).max()
                if not error < 1e-4:
                    sys.exit(f"{contestant.name}: wrong result, relative error {error}")
            report(timed, options.cpu_time)


if __name__ == "__main__":
    main()
