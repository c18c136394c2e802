# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file measures time and memory of `vnm compress` on a checkpoint with the
# shapes of Llama-2-7B, made shard by shard, through kills at random moments:
#   PYTHONPATH=python_bindings benchmarks/compress_checkpoint.py FOLDER [--layers 32] [--kills 10]
# FOLDER gets the checkpoint, unless it is there, and the output; 20 GB for 32 layers.

"""Time, peak memory and result of compressing a large checkpoint."""

import argparse
import json
import pathlib
import random
import resource
import subprocess
import sys
import time

import numpy as np

import vnm

PATTERN = "64:2:8"
SHAPES = {f"self_attn.{name}_proj.weight": (4096, 4096) for name in "qkvo"}
SHAPES.update({"mlp.gate_proj.weight": (11008, 4096), "mlp.up_proj.weight": (11008, 4096)})
SHAPES.update({"mlp.down_proj.weight": (4096, 11008), "input_layernorm.weight": (4096,)})


def draw(name):
    """The weights of one kind, the same in every layer."""
    generator = np.random.default_rng(sum(name.encode()))
    return (generator.standard_normal(SHAPES[name], dtype=np.float32) * 0.02).astype(np.float16)


def make(folder, layers):
    """Writes a shard per layer and the index."""
    folder.mkdir(parents=True)
    weights, weight_map = {name: draw(name) for name in SHAPES}, {}
    embedding = {"model.embed_tokens.weight": np.zeros((32000, 4096), np.float16)}
    for number in range(layers + 1):
        file = f"model-{number + 1:05}-of-{layers + 1:05}.safetensors"
        layer = {f"model.layers.{number}.{name}": weight for name, weight in weights.items()}
        tensors = layer if number < layers else embedding
        vnm.save(folder / file, tensors)
        weight_map.update((name, file) for name in tensors)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def check(folder, layers):
    """Compares every weight with what pack() gives."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    for name in SHAPES:
        expected = draw(name)
        packed = vnm.pack(expected, PATTERN) if expected.ndim == 2 else None
        for number in range(layers):
            full = f"model.layers.{number}.{name}"
            key = f"{full}.vnm_values" if packed else full
            with vnm.SafetensorsFile(folder / index[key]) as file:
                found = file.read_packed(full) if packed else file.read(full)
            same = np.array_equal(found.values, packed.values) if packed else np.array_equal(found, expected)
            assert same and (packed is None or np.array_equal(found.columns, packed.columns)), full


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    source, target = arguments.folder / "model", arguments.folder / "compressed"
    if not source.exists():
        make(source, arguments.layers)
    command = [sys.executable, "-m", "vnm", "compress", source, "-o", target, "--pattern", PATTERN, "--quiet"]
    moments, spent, kills = random.Random(0), 0.0, 0
    while True:
        started = time.monotonic()
        process = subprocess.Popen(command)
        try:
            process.wait(moments.uniform(1, 2 * arguments.layers) if kills < arguments.kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        spent += time.monotonic() - started
        if process.returncode != -9:
            break
    assert process.returncode == 0, process.returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    check(target, arguments.layers)
    print(f"{arguments.layers} layers, {kills} kills: {spent:.0f} s, peak {peak:.0f} MiB, every weight as expected")


main()
