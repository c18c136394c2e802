#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times forward passes of networks, dense and sparse, on an NVIDIA GPU.

    benchmarks/models/run.py build --dir model-bench --chip sm_90a
    python3 model-bench/run.py run --dir model-bench --json results.json
    benchmarks/models/run.py table results.json

`build` needs a build of this project, PyTorch for the CPU and ptxas: it compiles the
kernels that the networks' layers launch and copies these scripts and the sources of
the package `vnm` beside them. `run` needs PyTorch, the driver and the library of the
package, an installed wheel's or one that VNM_LIBRARY names. First torch.compile compiles all
forward passes at once, in processes of their own, to fill its caches; then the networks
are measured one after the other. See
docs/performance-networks.md.
"""

import argparse
import concurrent.futures as futures
import glob
import json
import multiprocessing
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


def parse_switches(text):
    """{name: bool} of NAME=0|1,...; None if there are none."""
    pairs = [pair.partition("=") for pair in filter(None, text.split(","))]
    if any(value not in ("0", "1") for _, _, value in pairs):
        raise argparse.ArgumentTypeError(f"requires NAME=0 or NAME=1, separated by commas, but it is {text!r}")
    return {name: value == "1" for name, _, value in pairs} or None


def build(options):
    """Compiles a kernel for every layer, pattern and number of tokens."""
    sys.path.insert(0, os.path.join(ROOT, "python_bindings"))
    import cases

    import vnm.torch

    extra = {"cost_table": options.cost_table} if options.cost_table else {}
    stored = {"layers": [None], "both": [None, "feature_major"], "feature-major": ["feature_major"]}[options.y_layout]
    count = 0
    for name, layer, tokens in cases.layers_to_compile(cases.choose(options.cases)):
        for pattern in options.patterns.split(","):
            folder = os.path.join(options.dir, "kernels", f"{name}_{pattern.replace(':', '_')}")
            made = set()
            for layout in stored:
                made.update(vnm.torch.compile_kernels(layer, folder, tokens=tokens, chip=options.chip, pattern=pattern,
                                                      format=options.format, y_layout=layout, **extra))
            count += len(made)
            print(f"{name} {pattern}: {count} kernels so far", flush=True)
    for script in glob.glob(os.path.join(HERE, "*.py")):
        shutil.copy(script, options.dir)
    package = os.path.join(ROOT, "python_bindings", "vnm")
    shutil.copytree(package, os.path.join(options.dir, "python", "vnm"), dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"))
    print(f"{count} kernels compiled into {options.dir}")
    return 0


def start(options):
    """Makes a process know the package, its kernels and the networks."""
    find_package(options.dir)
    import vnm.torch

    vnm.torch.use_kernels(os.path.join(options.dir, "kernels"))


def compile_one(options, name, weights):
    start(options)
    import cases
    import measure

    measure.compile_forward(cases.choose(name)[0], weights, options)


def measure_one(options, name):
    start(options)
    import cases
    import measure

    case, patterns = cases.choose(name)[0], options.patterns.split(",")
    with gpu:
        entries = measure.measure_case(case, patterns, options)
        return measure.device_facts(), entries


def set_lock(lock):
    """Gives a process the lock of the GPU."""
    global gpu
    gpu = lock


def in_processes(workers, function, calls):
    """Results of function(*call) in fresh processes, in order; None where one failed."""
    spawn = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(workers, spawn, set_lock, (spawn.Lock(),), max_tasks_per_child=1) as pool:
        for call, future in [(call, pool.submit(function, *call)) for call in calls]:
            try:
                yield future.result()
            except Exception as error:
                print(f"{' '.join(map(str, call[1:]))}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                yield None


def run(options):
    """Measures; exit status 1 if a sparse network computes something else."""
    import cases
    import report

    names = [case.name for case in cases.choose(options.cases)]
    if options.jobs:
        calls = [(options, name, weights) for name in names for weights in ("dense", *options.patterns.split(","))]
        list(in_processes(options.jobs, compile_one, calls))
    print(report.HEADER, flush=True)
    results, failed = [], []
    for name, found in zip(names, in_processes(len(names), measure_one, [(options, name) for name in names])):
        if found is None:
            failed.append(name)
            continue
        facts, entries = found
        results += entries
        print("\n".join(map(report.format_row, entries)), flush=True)
        if options.json:
            with open(options.json, "w") as file:
                json.dump({**facts, "results": results}, file, indent=1)
    wrong = sum(not entry["correct"] for entry in results)
    print(f"\n{wrong} of {len(results)} results are wrong; networks that failed: {', '.join(failed) or 'none'}")
    return 1 if wrong or failed else 0


def table(options):
    """Prints the table of results that were written."""
    import report

    with open(options.results) as file:
        results = json.load(file)
    print(f"{results['device']}, driver {results['driver']}, PyTorch {results['torch']}, {results['date']}\n")
    print(report.HEADER)
    print("\n".join(map(report.format_row, results["results"])))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="compile the kernels")
    make.add_argument("--chip", default="sm_90a")
    make.add_argument("--format", default="bin", choices=("bin", "isa"), help="cubins, or PTX, which needs no ptxas")
    make.add_argument("--cost-table", help="measured times to choose kernels by")
    make.add_argument("--y-layout", default="layers", choices=("layers", "feature-major", "both"),
                      help="results as each layer wants them (default), all feature-major, or both kinds of kernels")
    make.set_defaults(function=build)
    time = commands.add_parser("run", help="measure")
    time.add_argument("--rounds", type=int, default=5, help="how often the forward passes take turns (default 5)")
    time.add_argument("--jobs", type=int, default=os.cpu_count(),
                      help="processes that compile first; 0: none does (default: as many as there are CPUs)")
    time.add_argument("--sparse-options", type=parse_switches, metavar="NAME=0|1,...",
                      help="options of torch.compile for sparse networks")
    time.add_argument("--y-layout", default="layers", choices=("layers", "feature-major"),
                      help="results of products as each layer wants them (default), or all feature-major")
    time.add_argument("--json", help="where to write the results, after every network")
    time.set_defaults(function=run)
    for command in (make, time):
        command.add_argument("--dir", default="model-bench", help="folder of kernels")
        command.add_argument("--patterns", default=PATTERNS, help=f"V:N:M, separated by commas (default {PATTERNS})")
        command.add_argument("--cases", default="", help="networks, separated by commas (default: all)")
    show = commands.add_parser("table", help="print the table of results")
    show.add_argument("results")
    show.set_defaults(function=table)
    options = parser.parse_args()
    return options.function(options)


if __name__ == "__main__":
    sys.exit(main())
