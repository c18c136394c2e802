# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs the example MLPs on the CPU at every pattern and compares them
# with the float64 product of the masked weights, decoded independently.
#
# REQUIRES: numpy
# RUN: %python %s %vnm_src/examples %t vnm-opt vnm-runner

import math
import os
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import storage_oracle as oracle  # noqa: E402

# Largest difference over largest reference: f16 rounds between layers, f32 sums
# in another order.
TOLERANCES = {"mlp": 2e-3, "mlp_ragged": 1e-5, "mlp_dynamic": 2e-3}


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def reference(model_text, sparse_text, x, pattern):
    """The MLP in float64 on the decoded weights, which must conform to the
    pattern and hold the original's bits where they keep an element."""
    v, m, form = pattern
    originals = oracle.read_constants(model_text).values()
    matrices = [c for c in originals if c.ndim == 2]
    vectors = [c for c in originals if c.ndim == 1]
    packed = oracle.read_packed_weights(sparse_text)
    assert len(packed) == 2, f"{len(packed)} packed weights instead of 2"
    result = x.astype(np.float64)
    for layer, weight in enumerate(packed):
        assert (weight["v"], weight["m"]) == (v, m)
        dense, mask = oracle.decode(weight)
        if form == "strict":
            oracle.check_pattern(mask, v, m)
        kept = 2 * -(-weight["shape"][1] // m)
        assert (mask.sum(axis=1) <= kept).all(), f"a row keeps more than {kept}"
        source = next(c for c in matrices if c.shape == weight["shape"])
        assert (dense[mask] == source[mask]).all(), "a kept weight was changed"
        bias = next(c for c in vectors if c.size == weight["shape"][0])
        result = result @ dense.T + bias.astype(np.float64)
        if layer == 0:
            result = gelu(result)
    return result


def check(examples, scratch, opt, runner, model, pattern):
    v, m, form = pattern
    text = f"{v}:2:{m} form={form}"
    source = os.path.join(examples, f"{model}.mlir")
    stem = os.path.join(scratch, f"{model}-{v}-{m}-{form}")
    x_file = os.path.join(examples, f"{model}.input.npy")
    sparse = run(opt, source, f"--vnm-sparsify-model=pattern={text}")
    run(opt, source, f"--vnm-lower-to-cpu=pattern={text}", "-o", f"{stem}.mlir")
    run(runner, f"{stem}.mlir", "--entry=main", f"--arg={x_file}", f"--out={stem}.npy")
    with open(source) as file:
        expected = reference(file.read(), sparse, np.load(x_file), pattern)
    actual = np.load(f"{stem}.npy").astype(np.float64)
    assert actual.shape == expected.shape, f"{actual.shape} instead of {expected.shape}"
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    print(f"{model} {text}: error {error:.2e}")
    # Written so that NaN fails.
    if not error <= TOLERANCES[model]:
        sys.exit(f"{model} at {text}: error {error} is above {TOLERANCES[model]}")


def main():
    examples, scratch, opt, runner = sys.argv[1:]
    os.makedirs(scratch, exist_ok=True)
    patterns = [(v, m, "strict") for v in (16, 32, 64, 128) for m in (4, 5, 6, 8, 16)]
    patterns += [(32, 5, "free"), (64, 8, "free")]
    for pattern in patterns:
        for model in TOLERANCES:
            check(examples, scratch, opt, runner, model, pattern)


main()
