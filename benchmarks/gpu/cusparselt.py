# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search for cuSPARSELt's fastest algorithm, in a process of its own.

Trying can cost a process its context on the GPU: on an H200 one trial ended in an
illegal instruction, and the library's own search in an internal error. So a child
tries candidates one by one and prints what it is at; when it dies, the parent bars
the candidate that it was trying and starts another child behind it.

    python3 cusparselt.py f16 '[[[4096, 4096, 64], 0]]' '[]'

is a child: element type, [shape, number of its first work item]s, barred candidates.
"""

import json
import os
import subprocess
import sys

# R, K and T that cuSPARSELt takes are multiples of these.
UNITS = (32, 64, 8)
LAYOUTS = [(token_major, transpose) for token_major in (False, True) for transpose in (False, True)]
# The default, the library's search, and every id by hand.
CANDIDATES = ["default", "search"] + [f"id{number}" for number in range(1, 12)]
ITEMS = [(layout, candidate) for layout in LAYOUTS for candidate in CANDIDATES]


def accepts(shape):
    return all(size % unit == 0 for size, unit in zip(shape, UNITS))


def find_algorithms(shapes, dtype, command=None):
    """{shape: {(token-major x, transposed result): (id, split K, mode)}}, the fastest;
    layouts and shapes without a working algorithm are missing."""
    command = command or [sys.executable, os.path.abspath(__file__)]
    work = [[list(shape), 0] for shape in shapes if accepts(shape)]
    barred, best = [], {}
    while work:
        try:
            done = subprocess.run([*command, dtype, json.dumps(work), json.dumps(barred)], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=60 + 20 * len(work))
            output = done.stdout
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
        at = None
        for line in output.splitlines():
            event = json.loads(line)
            shape, item = tuple(event["shape"]), event["item"]
            if "seconds" not in event:
                at = (shape, item)
                continue
            at = None
            if event["seconds"] is not None:
                layouts = best.setdefault(shape, {})
                key = ITEMS[item][0]
                layouts[key] = min(layouts.get(key, (float("inf"), ())),
                                   (event["seconds"], tuple(event["algorithm"])))
        if at is None:
            break
        # The child died at an item: go on behind it, without its candidate.
        shape, item = at
        barred.append(ITEMS[item][1])
        while tuple(work[0][0]) != shape:
            work.pop(0)
        work[0][1] = item + 1
    return {shape: {key: algorithm for key, (_, algorithm) in layouts.items()} for shape, layouts in best.items()}


def run_child(dtype, work, barred):
    import torch

    import contestants
    import measure
    import weights

    def algorithm_of(candidate, packed, x, transpose):
        if candidate == "default":
            return (0, 1, -1)
        if candidate == "search":
            return tuple(int(v) for v in torch._C._cusparselt.mm_search(packed, x, None, None, None, transpose)[:3])
        return (int(candidate[2:]), 1, -1)

    def report(shape, item, **fields):
        print(json.dumps({"shape": shape, "item": item, **fields}), flush=True)

    for shape, first in work:
        rows, cols, tokens = shape
        element = measure.DTYPES[dtype]
        x = torch.randn(cols, tokens, device="cuda").to(element)
        packed = torch._cslt_compress(weights.prune_2_of_4(torch.randn(rows, cols, device="cuda").to(element)))
        for item in range(first, len(ITEMS)):
            (token_major, transpose), candidate = ITEMS[item]
            if candidate in barred:
                continue
            report(shape, item)
            seconds = algorithm = None
            try:
                operand = x.t().contiguous().t() if token_major else x
                algorithm = algorithm_of(candidate, packed, operand, transpose)
                contestant = contestants.CuSparseLt(tuple(shape), packed, x, token_major, transpose, algorithm)
                contestant.run(0)
                torch.cuda.synchronize()
                seconds = measure.quick_time(contestant)
            except (AttributeError, RuntimeError, TypeError):
                # Raises again if the GPU's context is lost; the parent starts over.
                torch.cuda.synchronize()
            report(shape, item, seconds=seconds, algorithm=algorithm)


if __name__ == "__main__":
    run_child(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]))
