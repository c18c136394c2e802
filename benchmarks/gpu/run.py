#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times sparse products on an NVIDIA GPU beside cuBLAS and cuSPARSELt.

    benchmarks/gpu/run.py build --dir gpu-bench --chip sm_90a
    python3 gpu-bench/run.py run --dir gpu-bench --json results.json
    python3 gpu-bench/run.py chain --dir gpu-bench --shapes 4096x4096x1
    benchmarks/gpu/run.py plot results.json --dir plots
    benchmarks/gpu/run.py make-cost-table results.json -o h200.json

`build` needs a build of this project and ptxas. It compiles one kernel per shape and
pattern to a cubin with a manifest and copies these scripts beside them. `run` needs
Python, PyTorch and the driver, but no MLIR; it may be another machine. See
docs/performance.md for what is measured and how.
"""

import argparse
import glob
import json
import os
import shutil
import sys

import cases
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def build(options):
    """Compiles the kernels; exit status 1 if one of them does not compile."""
    variants = dict(text.partition("=")[::2] for text in options.variant)
    shapes = cases.parse_shapes(options.shapes)
    work = [
        cases.Case(*shape, v, m, options.dtype, options.token_major, variant)
        for shape in shapes for v, m in cases.parse_patterns(options.patterns) for variant in variants
    ]
    os.makedirs(options.dir, exist_ok=True)
    vnm_opt = os.path.join(options.build, "bin", "vnm-opt")
    failures = cases.compile_cases(work, options.dir, vnm_opt, options.chip, variants, options.jobs)
    for script in glob.glob(os.path.join(HERE, "*.py")):
        shutil.copy(script, options.dir)
    for case, message in failures:
        print(f"{case.name}: {message.strip().splitlines()[0] if message.strip() else 'failed'}", file=sys.stderr)
    print(f"{len(work) - len(failures)} of {len(work)} kernels compiled into {options.dir}")
    return 1 if failures and not options.keep_going else 0


def run(options):
    """Measures; exit status 1 if a result is wrong."""
    import torch

    import cusparselt
    import manifest
    import measure

    torch.cuda.init()
    torch.zeros(1, device="cuda")
    kernels = measure.find_kernels(manifest.Driver(), options.dir, options.dtype)
    shapes = cases.parse_shapes(options.shapes) if options.shapes else list(kernels)
    facts = measure.device_facts()
    algorithms = cusparselt.find_algorithms(shapes, options.dtype) if options.cusparselt else {}
    results = []
    print(f"{facts['device']}, driver {facts['driver']}, PyTorch {facts['torch']}, {facts['date']}\n\n{report.HEADER}")
    for shape in shapes:
        chosen = [
            (kernel, variant) for kernel, variant in measure.kernels_of(kernels, shape)
            if not options.patterns or kernel.pattern in options.patterns
        ]
        entries = measure.ShapeRun(shape, options.dtype, chosen, algorithms.get(shape, {}), options).run()
        results += entries
        print("\n".join(map(report.format_row, entries)), flush=True)
        torch.cuda.empty_cache()
        if options.json:
            with open(options.json, "w") as file:
                json.dump({"version": report.VERSION, "dtype": options.dtype, **facts, "results": results}, file, indent=1)
    wrong = sum(not entry["correct"] for entry in results)
    print(f"\n{wrong} of {len(results)} results are wrong")
    return 1 if wrong else 0


def chain(options):
    """Measures chains of dependent layers; exit status 1 if a result is wrong."""
    import torch

    import chain as chains
    import manifest
    import measure

    torch.cuda.init()
    torch.zeros(1, device="cuda")
    kernels = measure.find_kernels(manifest.Driver(), options.dir, options.dtype)
    facts = measure.device_facts()
    print(f"{facts['device']}, driver {facts['driver']}, PyTorch {facts['torch']}, {facts['date']}\n\n{report.HEADER}")
    generator = torch.Generator("cuda").manual_seed(options.seed)
    results = []
    for shape in cases.parse_shapes(options.shapes):
        chosen = [pair for pair in measure.kernels_of(kernels, shape)
                  if not options.patterns or pair[0].pattern in options.patterns]
        entries = chains.run_shape(shape, chosen, options, generator)
        results += entries
        print("\n".join(map(report.format_row, entries)), flush=True)
        torch.cuda.empty_cache()
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"version": report.VERSION, "dtype": options.dtype, **facts, "results": results}, file, indent=1)
    wrong = sum(not entry["correct"] for entry in results)
    print(f"\n{wrong} of {len(results)} results are wrong")
    return 1 if wrong else 0


def show(options):
    facts = report.load(options.results)
    print(f"{facts['device']}, driver {facts['driver']}, PyTorch {facts['torch']}, {facts['date']}\n\n{report.HEADER}")
    for entry in facts["results"]:
        print(report.format_row(entry))
    return 0


def plot(options):
    for path in report.plot(report.load(options.results), options.dir, options.suffix):
        print(path)
    return 0


def make_cost_table(options):
    text = report.make_cost_table(report.load(options.results))
    with open(options.output, "w") as file:
        file.write(text)
    return 0


def add_build(commands):
    parser = commands.add_parser("build", help="compile the kernels")
    parser.set_defaults(action=build)
    parser.add_argument("--dir", required=True, help="folder to write")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help="this project's build folder")
    parser.add_argument("--chip", default="sm_90a")
    parser.add_argument("--shapes", nargs="+", default=["quick"],
                        help=f"RxKxT or sets: {', '.join(cases.SETS)} (default quick)")
    parser.add_argument("--patterns", nargs="+", default=[f"{v}:2:{m}" for v, m in cases.PATTERNS])
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16"))
    parser.add_argument("--token-major", action="store_true", help="kernels with token-major x and y")
    parser.add_argument("--variant", nargs="+", default=["default="], metavar="NAME=OPTIONS",
                        help="options of vnm-lower-to-nvvm to build each kernel with, by a name without '_'")
    parser.add_argument("--keep-going", action="store_true", help="exit status 0 though a kernel does not compile")
    parser.add_argument("--jobs", type=int, default=1)


def add_run(commands):
    parser = commands.add_parser("run", help="measure on this machine's GPU")
    parser.set_defaults(action=run)
    parser.add_argument("--dir", default=HERE, help="folder that build wrote (default: this script's)")
    parser.add_argument("--shapes", nargs="+", help="as for build; default: every shape with a kernel")
    parser.add_argument("--patterns", nargs="+", help="only these")
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16"))
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contestant")
    parser.add_argument("--sustained", type=float, default=2.0, metavar="SECONDS",
                        help="load before a time counts as sustained; 0: bursts only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-cusparselt", dest="cusparselt", action="store_false")
    parser.add_argument("--dependent-launch", action="store_true",
                        help="time kernels that allow it also with launches that overlap the one before")


def add_chain(commands):
    parser = commands.add_parser("chain", help="measure layers that depend on each other, in one graph")
    parser.set_defaults(action=chain)
    parser.add_argument("--dir", default=HERE, help="folder that build wrote (default: this script's)")
    parser.add_argument("--shapes", nargs="+", default=["4096x4096x1"], help="as for build, with R = K")
    parser.add_argument("--patterns", nargs="+", help="only these")
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16"))
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contestant")
    parser.add_argument("--seed", type=int, default=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="command")
    add_build(commands)
    add_run(commands)
    add_chain(commands)
    drawing = commands.add_parser("plot", help="draw speed against T and M (needs matplotlib)")
    drawing.set_defaults(action=plot)
    drawing.add_argument("results", help="JSON of run")
    drawing.add_argument("--dir", required=True, help="folder for the pictures")
    drawing.add_argument("--suffix", default="svg", choices=("svg", "png"))
    table = commands.add_parser("show", help="print the table of results again")
    table.set_defaults(action=show)
    table.add_argument("results", help="JSON of run")
    table = commands.add_parser("make-cost-table", help="turn results into a cost table for vnm-select-pattern")
    table.set_defaults(action=make_cost_table)
    table.add_argument("results", help="JSON of run")
    table.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    return options.action(options)


if __name__ == "__main__":
    sys.exit(main())
