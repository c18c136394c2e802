#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times forward passes of networks, dense and sparse, on an NVIDIA GPU.

    benchmarks/models/run.py build --dir model-bench --chip sm_90a
    python3 model-bench/run.py run --dir model-bench --json results.json

`build` needs a build of this project, PyTorch for the CPU and ptxas: it compiles the
kernels that the networks' layers launch and copies these scripts and the sources of
the package `vnm` beside them. `run` needs PyTorch, the driver and the library of the
package, an installed wheel's or one that VNM_LIBRARY names. Dense and sparse networks
are both compiled by `torch.compile` and replayed as CUDA graphs; see
docs/performance.md.
"""

import argparse
import glob
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATTERNS = "64:2:5,64:2:8,128:2:8"


def find_package(folder):
    """Makes the package `vnm` importable: beside the kernels, or in the source tree."""
    beside = os.path.join(folder, "python")
    if not os.path.isdir(beside):
        beside = os.path.join(ROOT, "python_bindings")
    sys.path.insert(0, beside)


def build(options):
    """Compiles a kernel for every layer, pattern and number of tokens."""
    find_package(options.dir)
    import cases

    import vnm.torch

    extra = {"cost_table": options.cost_table} if options.cost_table else {}
    count = 0
    for pattern in options.patterns.split(","):
        for name, layer, tokens in cases.layers_to_compile():
            vnm.torch.sparsify_(layer, pattern, filter=cases.is_measured)
            folder = os.path.join(options.dir, "kernels", f"{name}_{pattern.replace(':', '_')}")
            count += len(vnm.torch.compile_kernels(layer, folder, tokens=tokens, chip=options.chip, **extra))
            print(f"{name} {pattern}: {count} kernels so far", flush=True)
    for script in glob.glob(os.path.join(HERE, "*.py")):
        shutil.copy(script, options.dir)
    package = os.path.join(ROOT, "python_bindings", "vnm")
    shutil.copytree(package, os.path.join(options.dir, "python", "vnm"), dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"))
    print(f"{count} kernels compiled into {options.dir}")
    return 0


def run(options):
    """Measures; exit status 1 if a sparse network computes something else."""
    find_package(options.dir)
    import torch

    import cases
    import measure
    import vnm.torch

    vnm.torch.use_kernels(os.path.join(options.dir, "kernels"))
    facts = measure.device_facts()
    print(f"{facts['device']}, driver {facts['driver']}, PyTorch {facts['torch']}, {facts['date']}\n")
    print(measure.HEADER)
    results = []
    for case in cases.CASES:
        if options.cases and case.name not in options.cases.split(","):
            continue
        for entry in measure.measure_case(case, options.patterns.split(",")):
            results.append(entry)
            print(measure.format_row(entry), flush=True)
            if options.json:
                with open(options.json, "w") as file:
                    json.dump({**facts, "results": results}, file, indent=1)
    wrong = sum(not entry["correct"] for entry in results)
    print(f"\n{wrong} of {len(results)} results are wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="compile the kernels")
    make.add_argument("--chip", default="sm_90a")
    make.add_argument("--cost-table", help="measured times to choose kernels by")
    make.set_defaults(function=build)
    time = commands.add_parser("run", help="measure")
    time.add_argument("--cases", default="", help="names, separated by commas (default: all)")
    time.add_argument("--json", help="where to write the results")
    time.set_defaults(function=run)
    for command in (make, time):
        command.add_argument("--dir", default="model-bench", help="folder of kernels")
        command.add_argument("--patterns", default=PATTERNS, help=f"V:N:M, separated by commas (default {PATTERNS})")
    options = parser.parse_args()
    return options.function(options)


if __name__ == "__main__":
    sys.exit(main())
