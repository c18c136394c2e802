#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks and times vnm.torch on an NVIDIA GPU: masks, and layers with their kernels.

    scripts/check_torch.py build --dir torch-check --chip sm_90a
    scripts/check_torch.py run --dir torch-check --json results.json

`build` compiles the kernels of layers of DeiT-B and Llama-2-7B; it needs the C library's
compiler and ptxas. `run` needs the GPU, PyTorch, the package vnm and its C library. It exits with
status 1 if a mask is not that of the C library or a layer is not its dense masked one.
"""

import argparse
import itertools
import json
import statistics
import sys
import time

import torch
from torch import nn

import vnm
import vnm.torch as vt
from vnm.torch._transpose import to_feature_major

LAYOUTS = ("token_major", "feature_major")
PATTERNS = ("64:2:5", "64:2:8", "128:2:8")
# R, K, bias, numbers of tokens. 25216 = 128 images of 197 tokens.
LAYERS = [
    *((r, k, True, (25216,)) for r, k in ((2304, 768), (768, 768), (3072, 768), (768, 3072))),
    *((r, k, False, (1, 16, 2048)) for r, k in ((4096, 4096), (11008, 4096), (4096, 11008))),
]
# One rounding of the result, and one truncation of a sum per instruction.
TOLERANCE = 2.0**-10


def make_layer(rows, cols, bias, pattern, device="cpu"):
    """A random f16 layer and the dense one that it must equal."""
    torch.manual_seed(rows + cols)
    dense = nn.Linear(cols, rows, bias=bias, device=device)
    kept = vt.structure(dense.weight, pattern)
    dense.weight.data *= kept.mask()
    dense = dense.half().requires_grad_(False)
    return vt.VNMLinear.from_dense(dense.weight, kept, dense.bias), dense


def build(options):
    """Compiles; the layers' values do not matter."""
    for rows, cols, bias, tokens in LAYERS:
        for pattern in PATTERNS:
            pattern = vnm.Pattern(pattern)
            sizes = pattern.sizes(rows, cols)
            kept = vt.Structure(
                pattern,
                "strict",
                (rows, cols),
                torch.zeros(rows, sizes.metadata_words, dtype=torch.int16),
                torch.zeros(sizes.panels, sizes.column_slots, dtype=torch.int16),
            )
            values = torch.zeros(rows, sizes.row_values, dtype=torch.float16)
            layer = vt.VNMLinear(kept, values, torch.zeros(rows) if bias else None)
            for layout in LAYOUTS:
                layer.y_layout = layout
                vt.compile_kernels(
                    nn.Sequential(layer), options.dir, tokens=tokens, chip=options.chip, cost_table=options.cost_table
                )
    print(f"{vt.use_kernels(options.dir)} kernels in {options.dir}")


def measure(function, repeats=20):
    """Microseconds of a call: the median of five bursts."""
    function()
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(repeats):
            function()
        end.record()
        torch.cuda.synchronize()
        times.append(1000 * start.elapsed_time(end) / repeats)
    return round(statistics.median(times), 1)


def check_masks():
    """Bit for bit the C library's, for shapes and patterns with tails."""
    for rows, cols in ((1000, 1101), (512, 768), (77, 4099)):
        weight = torch.randn(rows, cols, device="cuda")
        norms = torch.rand(cols)
        for criterion in ("magnitude", "wanda", "ria"):
            given = {} if criterion == "magnitude" else {"activation_norms": norms}
            scores = vt.importance(weight, criterion, **given)
            expected = vnm.importance(
                weight.cpu().numpy(), criterion=criterion, **{name: norm.numpy() for name, norm in given.items()}
            )
            same = bool((scores.cpu().numpy() == expected).all())
            for pattern in ("64:2:5", "64:2:8", "128:2:8", "32:2:16", "64:2:40"):
                for choice in ("exact", "l1"):
                    ours = vt.structure(scores=scores, pattern=pattern, column_choice=choice).to_host()
                    theirs = vnm.structure(scores=expected, pattern=pattern, column_choice=choice)
                    same &= (ours.metadata == theirs.metadata).all() and (ours.columns == theirs.columns).all()
            yield {"check": "mask", "rows": rows, "cols": cols, "criterion": criterion, "correct": bool(same)}


def time_masks(rows=4096, cols=11008):
    """Importance, structure and mask of a large f16 weight; also checked."""
    weight = torch.randn(rows, cols, device="cuda").half()
    norms = torch.rand(cols, device="cuda") + 0.1
    for criterion in ("magnitude", "wanda", "ria"):
        given = {} if criterion == "magnitude" else {"activation_norms": norms}
        for pattern in ("64:2:5", "64:2:8", "128:2:8"):
            call = lambda: vt.prune(weight, pattern, criterion=criterion, **given)
            entry = {"check": "mask time", "criterion": criterion, "pattern": pattern, "us": measure(call, 3)}
            host = {name: norm.cpu().numpy() for name, norm in given.items()}
            expected = vnm.prune(weight.cpu().numpy(), pattern, criterion=criterion, **host)
            yield {**entry, "correct": bool((call().cpu().numpy() == expected).all())}


def check_layers():
    """Errors relative to the largest result, against f64; times beside cuBLAS."""
    for rows, cols, bias, counts in LAYERS:
        for pattern in PATTERNS:
            layer, dense = make_layer(rows, cols, bias, pattern, "cuda")
            for tokens, layout in itertools.product(counts, LAYOUTS):
                layer.y_layout = layout
                x = torch.randn(tokens, cols, device="cuda").half()
                same = torch.equal(to_feature_major(x, tokens)[:, :tokens], x.t())
                y, few = layer(x), x[:4096]
                expected = few.double() @ dense.weight.double().t()
                expected += dense.bias.double() if bias else 0
                error = float((y[:4096].double() - expected).abs().max() / expected.abs().max())
                same &= (y if layout == "token_major" else y.t()).is_contiguous()
                entry = {"check": "layer", "rows": rows, "cols": cols, "tokens": tokens, "pattern": pattern}
                entry.update(y_layout=layout, error=error, correct=same and error <= TOLERANCE)
                entry.update(layer_us=measure(lambda: layer(x)))
                entry.update(
                    dense_us=measure(lambda: dense(x)), transpose_us=measure(lambda: to_feature_major(x, tokens))
                )
                yield entry


def check_compile():
    """torch.compile without graph breaks, on the current stream, and what lacks a kernel."""
    layers = [make_layer(3072, 768, True, "64:2:8", "cuda"), make_layer(768, 3072, True, "64:2:8", "cuda")]
    layers[0][0].y_layout = "feature_major"
    sparse = nn.Sequential(layers[0][0], nn.GELU(), layers[1][0])
    dense = nn.Sequential(layers[0][1], nn.GELU(), layers[1][1])
    x = torch.randn(128, 197, 768, device="cuda").half()
    compiled = torch.compile(sparse, fullgraph=True)
    other = torch.cuda.Stream()
    other.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(other):
        y = compiled(x)
    torch.cuda.current_stream().wait_stream(other)
    with torch.no_grad():
        expected = dense(x)
        fast = torch.compile(dense)
        error = float((y.float() - expected.float()).abs().max() / expected.float().abs().max())
        times = {"mlp_us": measure(lambda: compiled(x)), "dense_mlp_us": measure(lambda: fast(x))}
    yield {"check": "compile", "error": error, "correct": error <= 4 * TOLERANCE, **times}
    try:
        layers[0][0](torch.randn(30000, 768, device="cuda").half())
        raised = False
    except vt.MissingKernelError as error:
        raised = "T of at least 30000" in str(error)
    layers[0][0].fallback = "dense"
    z = layers[0][0](torch.randn(30000, 768, device="cuda").half())
    yield {"check": "no kernel", "correct": raised and z.shape == (30000, 3072)}


def check_changes(rows=4096, cols=4096, tokens=2048, device="cuda"):
    """Layers follow their weights: through fused steps, and in a CUDA graph that trains."""
    layer, _ = make_layer(rows, cols, False, "64:2:8", device)
    layer.vnm_values.requires_grad_()
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-3, eps=1e-3, fused=True)
    x = torch.randn(tokens, cols, device=device).half()

    @torch.no_grad()
    def is_right(y):
        expected = x.double() @ layer.to_dense().double().t()
        return bool((y.double() - expected).abs().max() <= TOLERANCE * expected.abs().max())

    @torch.no_grad()
    def evaluate():
        return is_right(layer.eval()(x))

    def train():
        y = layer.train()(x)
        right = is_right(y)
        y.square().mean().backward()
        optimizer.step()
        return right

    right = [step() for step in (evaluate, train, evaluate, train, train, evaluate)]
    yield {"check": "training", "correct": all(right), "changing_us": measure(lambda: layer.train()(x))}
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = layer.train()(x)
    right = []
    for _ in range(3):
        graph.replay()
        right += [is_right(y), evaluate()]
        # As a step within a graph does, which counts no version.
        layer.vnm_values.data.mul_(1.5)
    yield {"check": "graph that trains", "correct": all(right)}


def run(options):
    vt.use_kernels(options.dir)
    facts = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "date": time.strftime("%Y-%m-%d")}
    results = []
    for part in (check_masks, time_masks, check_layers, check_changes, check_compile):
        for entry in part():
            results.append(entry)
            print(json.dumps(entry), flush=True)
            if options.json:
                with open(options.json, "w") as file:
                    json.dump({**facts, "results": results}, file, indent=1)
    wrong = sum(not entry["correct"] for entry in results)
    print(f"{wrong} of {len(results)} results are wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    building, running = commands.add_parser("build"), commands.add_parser("run")
    building.add_argument("--chip", default="sm_90a")
    building.add_argument("--cost-table", help="chooses kernels by measured times (docs/algorithms.md)")
    running.add_argument("--json")
    for command, function in ((building, build), (running, run)):
        command.add_argument("--dir", required=True)
        command.set_defaults(function=function)
    options = parser.parse_args()
    sys.exit(options.function(options))


if __name__ == "__main__":
    main()
