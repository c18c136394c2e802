# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the kernels that transpose activations and results beside a copy of the same
bytes and PyTorch's transposing copy."""

import dataclasses
import json
import os
import re

import cases

# Channels x tokens.
SHAPES = ["768x25216", "4096x4096", "11008x4096"]
DESCRIPTION = "transpose.json"
LAYOUTS = ("feature_major", "token_major")
HEADER = "| channels x tokens | to | contestant | us | GB/s | x copy |\n|---|---|---|---:|---:|---:|"


@dataclasses.dataclass(frozen=True)
class Transpose:
    """Channels x tokens to the layout `to`, from the other."""

    channels: int
    tokens: int
    dtype: str
    to: str

    @property
    def name(self):
        return f"transpose_{self.channels}x{self.tokens}_{self.dtype}_{self.to}"

    def size(self, layout):
        return (self.channels, self.tokens) if layout == "feature_major" else (self.tokens, self.channels)

    @property
    def sizes(self):
        """Of the source and of the destination."""
        destination = self.size(self.to)
        return destination[::-1], destination

    def to_mlir(self):
        source, destination = (f"memref<{a}x{b}x{self.dtype}>" for a, b in self.sizes)
        return f"""func.func @transpose(%x: {source}, %y: {destination}) {{
  linalg.transpose ins(%x : {source}) outs(%y : {destination}) permutation = [1, 0]
      {{vnm.staged = #vnm.activation_layout<{self.to}>}}
  return
}}
"""


def parse_shapes(texts):
    """[(channels, tokens)] of texts like 768x25216."""
    shapes = []
    for text in texts:
        match = re.fullmatch(r"(\d+)x(\d+)", text)
        if not match:
            raise SystemExit(f"error: requires CHANNELSxTOKENS, but the shape is '{text}'")
        shapes.append((int(match[1]), int(match[2])))
    return shapes


def compile_into(folder, shapes, dtype, vnm_opt, chip):
    """Compiles both directions of all shapes; returns [(name, message)] of failures."""
    failures = []
    for transpose in (Transpose(*shape, dtype, to) for shape in parse_shapes(shapes) for to in LAYOUTS):
        message = cases.compile_module(transpose.to_mlir(), dataclasses.asdict(transpose),
                                       os.path.join(folder, transpose.name, DESCRIPTION), vnm_opt, chip)
        if message is not None:
            failures.append((transpose.name, message))
    return failures


def find(folder, dtype):
    """[(Transpose, its folder)] of what compile_into left in a folder."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name, DESCRIPTION)
        if not os.path.exists(path):
            continue
        with open(path) as file:
            transpose = Transpose(**json.load(file))
        if transpose.dtype == dtype:
            found.append((transpose, os.path.dirname(path)))
    return found


def time_all(transpose, folder, rounds):
    """[(contestant, seconds, whether it is right)] of one transpose; the copy, which
    is right by definition, comes first."""
    import torch

    import contestants
    import manifest
    import measure
    import timing

    source, destination = transpose.sizes
    x = torch.randn(*source, device="cuda").to(measure.DTYPES[transpose.dtype])
    copies = contestants.num_copies(x, x)
    xs = contestants.clones(x, copies)
    kernel, = manifest.read_manifest(folder)
    launch = kernel.prepare({"tokens": transpose.tokens})

    def transpose_by_kernel(x, y):
        launch({"x": x.data_ptr(), "y": y.data_ptr()}, torch.cuda.current_stream().cuda_stream)

    ways = [
        ("copy", source, lambda x, y: y.copy_(x)),
        ("transpose", destination, transpose_by_kernel),
        ("PyTorch", destination, lambda x, y: y.copy_(x.t())),
    ]
    timed, results = [], []
    for _, size, move in ways:
        ys = [torch.full(size, float("nan"), dtype=x.dtype, device="cuda") for _ in range(copies)]
        timed.append(timing.Timed(lambda index, move=move, ys=ys: move(xs[index], ys[index]), copies))
        results.append(ys)
    seconds = timing.take_turns(timed, rounds)
    wanted = [x, x.t(), x.t()]
    right = [all(torch.equal(y, expected) for y in ys) for ys, expected in zip(results, wanted)]
    kernel.unload()
    return list(zip((name for name, _, _ in ways), seconds, right))


def format_rows(transpose, times):
    """Lines of the table. "x copy" is the speed over that of the copy."""
    size = 2 * 2 * transpose.channels * transpose.tokens
    rows = []
    for name, seconds, right in times:
        wrong = "" if right else " WRONG"
        rows.append(f"| {transpose.channels} x {transpose.tokens} | {transpose.to.replace('_', '-')} | {name}{wrong} "
                    f"| {seconds * 1e6:.1f} | {size / seconds * 1e-9:.0f} | {times[0][1] / seconds:.2f} |")
    return rows
