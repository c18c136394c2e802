# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs fixtures as they are (dense), on the CPU, with upstream tools
# only, and compares the results with their references.
"""Usage: check_fixture.py --llvm-bin DIR NAME...   (needs numpy only)"""

import argparse
import ctypes
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent

PIPELINE = """builtin.module(
  one-shot-bufferize{bufferize-function-boundaries
                     function-boundary-type-conversion=identity-layout-map},
  buffer-results-to-out-params{modify-public-functions=true},
  func.func(convert-linalg-to-loops, llvm-request-c-wrappers),
  expand-strided-metadata, lower-affine,
  convert-scf-to-cf, math-expand-ops{ops=rsqrt}, convert-math-to-libm,
  convert-math-to-llvm, convert-to-llvm, reconcile-unrealized-casts)"""

# Largest |result - reference| over the largest |reference|. The modules round
# to float16 after each linear layer and inside GELU; float32 ones do not.
TOLERANCE = {np.dtype(np.float16): 2e-3, np.dtype(np.float32): 1e-5}


def descriptor(array):
    """The address of a ranked memref descriptor of the array, kept alive."""
    words = [array.ctypes.data, array.ctypes.data, 0, *array.shape]
    words += [stride // array.itemsize for stride in array.strides]
    return (ctypes.c_int64 * len(words))(*words)


def run_dense(path, example, result, llvm_bin):
    """Lowers the module to a shared library and calls its entry function."""
    with tempfile.TemporaryDirectory() as scratch:
        lowered, ir, library = (
            pathlib.Path(scratch) / f"main.{end}" for end in ("mlir", "ll", "so")
        )
        pipeline = f"--pass-pipeline={' '.join(PIPELINE.split())}"
        for command in (
            [llvm_bin / "mlir-opt", pipeline, path, "-o", lowered],
            [llvm_bin / "mlir-translate", "--mlir-to-llvmir", lowered, "-o", ir],
            [llvm_bin / "clang", "-O2", "-shared", "-fPIC", "-w", ir]
            + ["-lm", "-o", library],
        ):
            subprocess.run(command, check=True)
        entry = ctypes.CDLL(str(library))._mlir_ciface_main
        entry(descriptor(example), descriptor(result))


def check(name, llvm_bin):
    example = np.load(FOLDER / f"{name}.input.npy")
    reference = np.load(FOLDER / f"{name}.reference.npy")
    result = np.full(reference.shape, np.nan, example.dtype)
    run_dense(FOLDER / f"{name}.mlir", example, result, llvm_bin)
    scale = np.abs(reference).max()
    error = np.abs(result.astype(np.float64) - reference).max() / scale
    tolerance = TOLERANCE[example.dtype]
    # A NaN, as an element that was never written leaves, is wrong too.
    verdict = "ok" if error <= tolerance else "WRONG"
    print(f"{name}: error {error:.2e}, tolerance {tolerance:.0e}, {verdict}")
    return verdict == "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llvm-bin", type=pathlib.Path, required=True)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    good = [check(name, options.llvm_bin) for name in options.names]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
