# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures a network's forward pass, dense and sparse, and where its time goes."""

import copy
import datetime
import statistics
import subprocess
import sys

import cases
import torch

import vnm.torch

# Of the largest output: f16 activations through every layer.
TOLERANCE = 2e-2
# Replays of a window follow one another for so long, and at least so often.
WINDOW_SECONDS = 20e-3
MIN_REPLAYS = 3
WINDOWS = 5


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


# Which of a kernel's variants torch.compile takes, it measures; what others measured while
# the GPU was shared must not count.
torch._inductor.config.autotune_local_cache = False


class Forward:
    """A compiled forward pass as a CUDA graph, which reads x; `options` are
    torch.compile's."""

    def __init__(self, network, x, options=None):
        torch.compiler.reset()
        if any(isinstance(module, vnm.torch.VNMLinear) for module in network.modules()):
            options = {**vnm.torch.compile_options(), **(options or {})}
        # The graph launches on what the network and the compiled code hold.
        self.network, self.x = network, x
        self.compiled = torch.compile(network, fullgraph=True, dynamic=False, options=options)
        stream = torch.cuda.Stream()
        with torch.no_grad(), torch.cuda.stream(stream):
            for _ in range(3):
                self.compiled(x)
            torch.cuda.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=stream):
                self.output = self.compiled(x)
        torch.cuda.synchronize()
        self.graph.replay()
        self.replays = max(MIN_REPLAYS, round(WINDOW_SECONDS / self.window(MIN_REPLAYS)))

    def window(self, replays):
        """Seconds of a replay, of `replays` without a pause."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(replays):
            self.graph.replay()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) * 1e-3 / replays

    def seconds(self):
        """Median of some windows, after one to warm up."""
        return statistics.median([self.window(self.replays) for _ in range(WINDOWS + 1)][1:])

    def kernels(self):
        """{name of a kernel: [launches, seconds]} of a replay, by the profiler, the mean
        over those of a window as the others."""
        found = {}
        self.seconds()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            self.window(self.replays)
        for event in profile.events():
            if event.device_type == torch.autograd.DeviceType.CUDA:
                entry = found.setdefault(event.name, [0, 0.0])
                entry[0] += 1 / self.replays
                entry[1] += event.time_range.elapsed_us() * 1e-6 / self.replays
        return {name: [round(launches), seconds] for name, (launches, seconds) in found.items()}


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


def make_network(case, weights, y_layout):
    """The network on the GPU, the same at every call, dense or made sparse; results of
    its products lie as `y_layout` says, layers or feature-major."""
    torch.manual_seed(0)
    with torch.device("cuda"):
        network = case.make().half().eval()
    if weights != "dense":
        chosen = {} if y_layout == "layers" else {"feature_major": ""}
        vnm.torch.sparsify_(network, weights, filter=cases.is_measured, **chosen)
    return network


def make_input(case):
    generator = torch.Generator("cuda").manual_seed(1)
    return torch.randn(case.shape, dtype=torch.float16, device="cuda", generator=generator)


def compile_forward(case, weights, options):
    """Compiles a forward pass for the sake of torch.compile's caches."""
    network = make_network(case, weights, options.y_layout)
    Forward(network, make_input(case), None if weights == "dense" else options.sparse_options)


def measure_case(case, patterns, options):
    """The entries of a network: dense, then every pattern. They take turns in every round.
    `options` are those of the command line."""
    x = make_input(case)
    forwards, errors = {}, {"dense": 0.0}
    for weights in ("dense", *patterns):
        network = make_network(case, weights, options.y_layout)
        forwards[weights] = Forward(network, x, None if weights == "dense" else options.sparse_options)
        if weights != "dense":
            with torch.no_grad():
                expected = masked(network)(x).double()
            error = (forwards[weights].output.double() - expected).abs().max() / expected.abs().max()
            errors[weights] = error.item()
    times = {weights: [] for weights in forwards}
    for _ in range(options.rounds):
        for weights, forward in forwards.items():
            times[weights].append(forward.seconds())
    seconds = {weights: statistics.median(found) for weights, found in times.items()}
    return [
        {
            "network": case.name,
            "weights": weights,
            "seconds": seconds[weights],
            "dense_seconds": seconds["dense"],
            "kernels": forward.kernels(),
            "error": errors[weights],
            "correct": errors[weights] <= TOLERANCE,
        }
        for weights, forward in forwards.items()
    ]
