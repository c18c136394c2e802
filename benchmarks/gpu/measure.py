# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures every contestant of every shape, and checks every result."""

import collections
import dataclasses
import datetime
import json
import os
import subprocess
import sys

import torch

import cases
import contestants
import manifest
import timing
import weights

# R K T from which on bursts and sustained load are told apart: the GPU then runs at
# its power limit.
SUSTAINED_MULTIPLICATIONS = 10**10
DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "i8": torch.int8}


def device_facts():
    """What a reader needs to know of the machine."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(query, capture_output=True, text=True).stdout.strip().splitlines()
    properties = torch.cuda.get_device_properties(0)
    try:
        cusparselt = torch.backends.cusparselt.version()
    except (AttributeError, RuntimeError):
        cusparselt = None
    return {
        "device": properties.name,
        "multiprocessors": properties.multi_processor_count,
        "driver": driver[0] if driver else "unknown",
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "cusparselt": cusparselt,
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python3", *sys.argv]),
    }


@dataclasses.dataclass
class Built:
    """A kernel, and what it was built as (cases.Case)."""

    name: str  # The folder it is in.
    kernel: manifest.Kernel
    variant: str
    epilogue: str


def find_kernels(folder, dtype):
    """{shape: [Built]} of all kernels that `build` left in a folder."""
    kernels = collections.defaultdict(list)
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.exists(os.path.join(path, cases.DESCRIPTION)):
            continue
        with open(os.path.join(path, cases.DESCRIPTION)) as file:
            case = json.load(file)
        try:
            found = manifest.read_manifest(path)
        except (OSError, ValueError) as error:
            raise SystemExit(f"error: {error}") from None
        for kernel in found:
            # Transposes around a product are measured by themselves.
            if case["dtype"] == dtype and kernel.family != "transpose":
                variant = case["schedule"] or case["variant"]
                kernels[(kernel.rows, kernel.cols, kernel.tokens)].append(Built(name, kernel, variant, case["epilogue"]))
    return kernels


def kernels_of(kernels, shape):
    rows, cols, _ = shape
    return kernels.get(shape, []) + kernels.get((rows, cols, "tokens"), [])


def try_once(contestant, expected):
    """(error, rough seconds) of a contestant with one set of buffers: one launch, as
    it may be dear on the host, captured and replayed with the L2 cache cleared."""
    graph = timing.capture(contestant.run, 1, 1, warm=0)
    graph.replay()
    torch.cuda.synchronize()
    error = contestant.errors(expected)
    scratch = torch.empty(contestants.ROTATED_BYTES, dtype=torch.uint8, device="cuda")
    times = []
    for _ in range(5):
        scratch.zero_()
        times.append(timing.replay_seconds(graph))
    return error, min(times)


def logical_depth(cols, pattern):
    """K', the columns that are multiplied, skipped halves counted."""
    if ":" not in pattern or pattern == "2:4":
        return cols
    m = int(pattern.split(":")[2])
    return 4 * -(-cols // m)


class ShapeRun:
    """All contestants of one shape, timed in turns."""

    def __init__(self, shape, dtype, kernels, algorithms, options):
        """`kernels`: a list of Built; `algorithms`: cuSPARSELt's, as a search's
        fastest() returns them for the shape; `options`: `seed`, `rounds`, and
        `sustained`, seconds."""
        self.shape, self.kernels, self.algorithms, self.options = shape, kernels, algorithms, options
        self.generator = torch.Generator("cuda").manual_seed(options.seed)
        self.dtype = DTYPES[dtype]
        rows, cols, tokens = shape
        self.x = self.random(cols, tokens)
        # (contestant, its graph, the float64 result)
        self.entrants = []

    def random(self, *size):
        return weights.random(*size, dtype=self.dtype, generator=self.generator)

    def enter(self, contestant, expected):
        self.entrants.append((contestant, timing.Timed(contestant.run, contestant.copies, **contestant.timing), expected))

    def enter_libraries(self):
        rows, cols, _ = self.shape
        weight = self.random(rows, cols)
        expected = weight.double() @ self.x.double()
        for token_major in (False, True):
            if not contestants.CuBLAS.can_compute(self.shape, self.dtype, token_major):
                continue
            self.enter(contestants.CuBLAS(self.shape, weight, self.x, token_major), expected)
        if not self.algorithms:
            return
        pruned = weights.prune_2_of_4(weight)
        packed = torch._cslt_compress(pruned)
        expected = pruned.double() @ self.x.double()
        for seconds, (token_major, transpose), algorithm in self.algorithms:
            self.enter(contestants.CuSparseLt(self.shape, packed, self.x, token_major, transpose, algorithm, seconds),
                       expected)

    def enter_kernels(self):
        rows, cols, _ = self.shape
        by_pattern = collections.defaultdict(list)
        for built in self.kernels:
            by_pattern[built.kernel.pattern].append(built)
        for pattern, kernels in by_pattern.items():
            v, _, m = map(int, pattern.split(":"))
            parts, dense = weights.make_weight(rows, cols, v, m, self.dtype, self.generator)
            expected = dense @ self.x.double()
            del dense
            for built in kernels:
                can_depend = built.kernel.entry.get("dependent_launch", False)
                for dependent in (False, True) if self.options.dependent_launch and can_depend else (False,):
                    ours = contestants.Ours(self.shape, built, parts, self.x, dependent=dependent)
                    self.enter(ours, ours.finish(expected))

    def run(self):
        """The entries of the shape, one per contestant and layout."""
        self.enter_libraries()
        self.enter_kernels()
        times = timing.take_turns([timed for _, timed, _ in self.entrants], self.options.rounds)
        results = []
        for (contestant, _, expected), seconds in zip(self.entrants, times):
            error = contestant.errors(expected)
            depth = logical_depth(self.shape[1], contestant.labels["pattern"])
            rows, _, tokens = self.shape
            results.append({
                "rows": rows, "cols": self.shape[1], "tokens": tokens, **contestant.labels,
                "microseconds": seconds * 1e6, "logical_tflops": 2e-12 * rows * depth * tokens / seconds,
                "error": error, "tolerance": contestant.tolerance, "correct": error <= contestant.tolerance,
            })
        results = self.keep_best(results)
        self.add_ratios(results)
        self.add_epilogue_costs(results)
        return results

    def keep_best(self, results):
        """The better layout of each library; wrong results stay. Times what remains
        under sustained load, if the shape is large enough for that to differ."""
        rows, cols, tokens = self.shape
        sustain = self.options.sustained > 0 and rows * cols * tokens >= SUSTAINED_MULTIPLICATIONS
        kept = []
        for index, entry in enumerate(results):
            rivals = [e for e in results if e["contestant"] == entry["contestant"] != "vnm" and e["correct"]]
            if entry["correct"] and any(e["microseconds"] < entry["microseconds"] for e in rivals):
                continue
            if sustain:
                seconds = self.entrants[index][1].sustained(self.options.sustained)
                entry["sustained_microseconds"] = seconds * 1e6
            kept.append(entry)
        return kept

    @staticmethod
    def add_epilogue_costs(results):
        """Time over that of the same kernel without an epilogue."""
        names = ("pattern", "family", "schedule", "variant", "layout", "y_layout")
        key = lambda e: tuple(str(e.get(name)) for name in names)
        plain = {key(e): e["microseconds"] for e in results if e.get("epilogue") == "none"}
        for entry in results:
            if entry.get("epilogue", "none") != "none" and key(entry) in plain:
                entry["over_plain"] = entry["microseconds"] / plain[key(entry)]

    @staticmethod
    def add_ratios(results):
        """Speed over cuBLAS, in bursts and sustained."""
        for key, ratio in (("microseconds", "ratio"), ("sustained_microseconds", "sustained_ratio")):
            base = min((e[key] for e in results if e["contestant"] == "cublas" and key in e), default=None)
            for entry in results:
                if base and key in entry:
                    entry[ratio] = base / entry[key]
