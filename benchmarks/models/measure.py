# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures a network's forward pass, dense and sparse, and where its time goes."""

import copy
import datetime
import re
import statistics
import subprocess
import sys

import cases
import torch

import vnm.torch

# Kernels by name, the first match counts: products, attention, and what moves x or y
# from one layout to another; the rest is norms, activations, sums.
KINDS = {
    "matmul": re.compile(r"gemm|nvjet|cutlass|xmma|spmm|cublas|splitk|convolution|implicit", re.IGNORECASE),
    "attention": re.compile(r"flash|fmha|attention|softmax|cudnn_generated", re.IGNORECASE),
    "transpose": re.compile(r"copy|transpose|memcpy|CatArray", re.IGNORECASE),
}
# Of the largest output: f16 activations through every layer.
TOLERANCE = 2e-2

HEADER = (
    "| network | weights | ms | x dense | products | attention | transposes | rest | error |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def device_facts():
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "device": torch.cuda.get_device_name(),
        "driver": driver,
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python3", *sys.argv]),
    }


class Forward:
    """A compiled forward pass as a CUDA graph."""

    def __init__(self, network, x):
        torch.compiler.reset()
        compiled = torch.compile(network, fullgraph=True)
        stream = torch.cuda.Stream()
        with torch.no_grad(), torch.cuda.stream(stream):
            for _ in range(3):
                compiled(x)
            torch.cuda.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=stream):
                self.output = compiled(x)
        torch.cuda.synchronize()

    def seconds(self, replays=15):
        """Median of single replays after two to warm up."""
        times = []
        for number in range(replays + 2):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            self.graph.replay()
            end.record()
            end.synchronize()
            if number >= 2:
                times.append(start.elapsed_time(end) * 1e-3)
        return statistics.median(times)

    def split(self):
        """Seconds in every kind of kernel, by the profiler, in one replay."""
        kinds = dict.fromkeys([*KINDS, "rest"], 0.0)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            self.graph.replay()
            torch.cuda.synchronize()
        for event in profile.events():
            if event.device_type == torch.autograd.DeviceType.CUDA:
                kind = next((kind for kind, names in KINDS.items() if names.search(event.name)), "rest")
                kinds[kind] += event.device_time * 1e-6
        return kinds


def masked(network):
    """The same network with the sparse layers' weights in dense layers."""
    dense = copy.deepcopy(network)
    for name, layer in list(dense.named_modules()):
        if isinstance(layer, vnm.torch.VNMLinear):
            plain = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None,
                                    device="cuda", dtype=torch.float16)
            plain.weight, plain.bias = torch.nn.Parameter(layer.to_dense()), layer.bias
            dense.set_submodule(name, plain)
    return dense


def measure_case(case, patterns):
    """Entries: dense first, then every pattern."""
    torch.manual_seed(0)
    network = case.make().half().cuda().eval()
    x = torch.randn(case.shape, dtype=torch.float16, device="cuda")
    forward = Forward(network, x)
    baseline = forward.seconds()
    yield make_entry(case, "dense", baseline, baseline, forward, 0.0)
    for pattern in patterns:
        sparse = copy.deepcopy(network)
        vnm.torch.sparsify_(sparse, pattern, filter=cases.is_measured)
        with torch.no_grad():
            expected = masked(sparse)(x).double()
        forward = Forward(sparse, x)
        seconds = forward.seconds()
        error = ((forward.output.double() - expected).abs().max() / expected.abs().max()).item()
        yield make_entry(case, pattern, seconds, baseline, forward, error)


def make_entry(case, weights, seconds, baseline, forward, error):
    return {
        "network": case.name,
        "weights": weights,
        "seconds": seconds,
        "dense_seconds": baseline,
        "split": forward.split(),
        "error": error,
        "correct": error <= TOLERANCE,
    }


def format_row(entry):
    split = " | ".join(f"{1e3 * seconds:.3f}" for seconds in entry["split"].values())
    return (
        f"| {entry['network']} | {entry['weights']} | {1e3 * entry['seconds']:.3f} | "
        f"{entry['dense_seconds'] / entry['seconds']:.2f} | {split} | {entry['error']:.1e} |"
    )
