#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times sparse products on an NVIDIA GPU beside cuBLAS and cuSPARSELt.

    benchmarks/gpu/run.py build --dir gpu-bench --chip sm_90a
    python3 gpu-bench/run.py run --dir gpu-bench --json results.json
    python3 gpu-bench/run.py chain --dir gpu-bench --shapes 4096x4096x1
    benchmarks/gpu/run.py build-transposes --dir gpu-bench
    python3 gpu-bench/run.py transpose --dir gpu-bench
    benchmarks/gpu/run.py plot results.json --dir plots
    benchmarks/gpu/run.py make-cost-table results.json -o h200.json
    benchmarks/gpu/run.py check-choice results.json --cost-table h200.json

`build` needs a build of this project and ptxas. It compiles one kernel per shape and
pattern to a cubin with a manifest and copies these scripts beside them. `run` needs
Python, PyTorch and the driver, but no MLIR; it may be another machine. See
docs/performance.md for what is measured and how.
"""

import argparse
import glob
import itertools
import os
import shutil
import sys

import cases
import choice
import manifest
import report
import schedules
import transposes

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Where bin/vnm-opt is: in the source tree's build, or where these scripts are
# installed, as share/vnm/gpu.
BUILD = os.path.join(ROOT, "build", "release")
if os.path.basename(os.path.dirname(HERE)) == "vnm" and not os.path.isdir(BUILD):
    BUILD = os.path.dirname(ROOT)


def get_cases(options, variants):
    """The cases that the options of build name."""
    work = [
        cases.with_layout(cases.Case(*shape, v, m, options.dtype, options.token_major, variant, epilogue=epilogue,
                                     y_token_major=options.y_layout == "token-major" and not options.token_major),
                          options.chip, options.weight_layout)
        for shape in cases.parse_shapes(options.shapes) for v, m in cases.parse_patterns(options.patterns)
        for variant, epilogue in itertools.product(variants, options.epilogue)
    ]
    if options.schedule:
        return schedules.with_texts(work, options.schedule)
    work = schedules.with_canonical(work, options.schedules)
    return schedules.with_schedules(vnm_opt_of(options), options.chip, work, options.schedules)


def vnm_opt_of(options):
    return os.path.join(options.build, "bin", "vnm-opt")


def compile_into(options, work, variants):
    """Compiles cases and copies the scripts beside them; returns the number that
    failed."""
    os.makedirs(options.dir, exist_ok=True)
    failures = cases.compile_cases(work, options.dir, vnm_opt_of(options), options.chip, variants, options.jobs)
    copy_scripts(options.dir)
    report_failures([(case.name, message) for case, message in failures])
    print(f"{len(work) - len(failures)} of {len(work)} kernels compiled into {options.dir}")
    return len(failures)


def copy_scripts(folder):
    launcher = os.path.join(manifest.find_launcher(), manifest.LAUNCHER)
    for script in {*glob.glob(os.path.join(HERE, "*.py")), launcher}:
        if os.path.abspath(folder) != os.path.dirname(script):
            shutil.copy(script, folder)


def report_failures(failures):
    for name, message in failures:
        print(f"{name}: {message.strip().splitlines()[0] if message.strip() else 'failed'}", file=sys.stderr)


def build_transposes(options):
    """Compiles transposing kernels; exit status 1 if one of them does not compile."""
    os.makedirs(options.dir, exist_ok=True)
    failures = transposes.compile_into(options.dir, options.shapes, options.dtype, vnm_opt_of(options), options.chip)
    copy_scripts(options.dir)
    report_failures(failures)
    count = len(transposes.LAYOUTS) * len(options.shapes)
    print(f"{count - len(failures)} of {count} kernels compiled into {options.dir}")
    return 1 if failures else 0


def build(options):
    """Compiles the kernels; exit status 1 if one of them does not compile."""
    variants = dict(text.partition("=")[::2] for text in options.variant)
    failures = compile_into(options, get_cases(options, variants), variants)
    return 1 if failures and not options.keep_going else 0


def select_kernels(options):
    """(facts of the machine, {shape: [measure.Built]}) of what run's options name."""
    import torch

    import measure

    # The current context, which kernels are loaded into.
    torch.zeros(1, device="cuda")
    kernels = measure.find_kernels(options.dir, options.dtype)
    shapes = cases.parse_shapes(options.shapes) if options.shapes else list(kernels)
    chosen = {
        shape: [
            built for built in measure.kernels_of(kernels, shape)
            if not options.patterns or built.kernel.pattern in options.patterns
        ] for shape in shapes
    }
    return measure.device_facts(), chosen


def save(path, dtype, facts, results):
    if path:
        with open(path, "w") as file:
            file.write(report.format_results({"version": report.VERSION, "dtype": dtype, **facts}, results))


def title(facts):
    return f"{facts['device']}, driver {facts['driver']}, PyTorch {facts['torch']}, {facts['date']}"


def check_results(options):
    """Checks every kernel once, without timing; exit status 1 if a result is wrong."""
    import check

    facts, chosen = select_kernels(options)
    checker = check.Checker(options.dtype, options.seed)
    print(f"{title(facts)}\n\n{report.CHECK_HEADER}")
    # Kernels of one weight and pattern follow one another.
    work = sorted(((shape, built) for shape, kernels in chosen.items() for built in kernels),
                  key=lambda item: (item[0][:2], item[1].kernel.pattern, item[0][2]))
    results = []
    for shape, built in work:
        results.append(checker.check(shape, built))
        if options.verbose or not results[-1]["correct"]:
            print(report.format_check(results[-1]), flush=True)
    save(options.json, options.dtype, facts, results)
    return count_wrong(results)


def count_wrong(results):
    """Prints how many results are wrong; the exit status."""
    wrong = sum(not entry["correct"] for entry in results)
    print(f"\n{wrong} of {len(results)} results are wrong")
    return 1 if wrong or not results else 0


def run(options):
    """Measures; exit status 1 if a result is wrong."""
    if options.check_only:
        return check_results(options)
    import torch

    import cusparselt
    import measure

    facts, chosen = select_kernels(options)
    print(f"{title(facts)}\n")
    found = cusparselt.Found()
    if options.cusparselt and options.dtype != "i8":
        limits = cusparselt.Limits(total=options.cusparselt_seconds)
        found = cusparselt.find_algorithms(list(chosen), options.dtype, limits=limits)
        facts["cusparselt_search"] = {"summary": found.summary(), "failures": found.failures}
        print(f"cuSPARSELt: {found.summary()}\n")
    results = []
    print(report.HEADER)
    for shape, kernels in chosen.items():
        entries = measure.ShapeRun(shape, options.dtype, kernels, found.fastest(shape), options).run()
        results += entries
        print("\n".join(map(report.format_row, entries)), flush=True)
        torch.cuda.empty_cache()
        save(options.json, options.dtype, facts, results)
    return count_wrong(results)


def chain(options):
    """Measures chains of dependent layers; exit status 1 if a result is wrong."""
    import torch

    import chain as chains

    facts, chosen = select_kernels(options)
    print(f"{title(facts)}\n\n{report.HEADER}")
    generator = torch.Generator("cuda").manual_seed(options.seed)
    results = []
    for shape, kernels in chosen.items():
        entries = chains.run_shape(shape, kernels, options, generator)
        results += entries
        print("\n".join(map(report.format_row, entries)), flush=True)
        torch.cuda.empty_cache()
    save(options.json, options.dtype, facts, results)
    return count_wrong(results)


def transpose(options):
    """Measures transposing kernels; exit status 1 if a result is wrong."""
    import torch

    import measure

    torch.zeros(1, device="cuda")
    print(f"{title(measure.device_facts())}\n\n{transposes.HEADER}")
    correct = []
    for one, folder in transposes.find(options.dir, options.dtype):
        times = transposes.time_all(one, folder, options.rounds)
        correct += [{"correct": right} for _, _, right in times]
        print("\n".join(transposes.format_rows(one, times)), flush=True)
    return count_wrong(correct)


def show(options):
    facts = report.load(options.results)
    print(f"{title(facts)}\n\n{report.HEADER}")
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


def check_choice(options):
    """Exit status 1 if a choice is slower than the best by more than allowed."""
    facts = report.load(options.results)
    bad = choice.check(facts, vnm_opt_of(options), options.chip, options.cost_table, options.within)
    return 1 if bad else 0


def add_compiler(parser):
    parser.add_argument("--build", default=BUILD, help="this project's build or installation folder")
    parser.add_argument("--chip", default="sm_90a")


def add_products(parser):
    """Options that name products to compile."""
    parser.add_argument("--shapes", nargs="+", default=["quick"],
                        help=f"RxKxT or sets: {', '.join(cases.SETS)} (default quick)")
    parser.add_argument("--patterns", nargs="+", default=[f"{v}:2:{m}" for v, m in cases.PATTERNS])
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16", "i8"))
    parser.add_argument("--jobs", type=int, default=1)


def add_build(commands):
    parser = commands.add_parser("build", help="compile the kernels")
    parser.set_defaults(action=build)
    parser.add_argument("--dir", required=True, help="folder to write")
    add_compiler(parser)
    add_products(parser)
    parser.add_argument("--token-major", action="store_true", help="kernels with token-major x and y")
    parser.add_argument("--y-layout", default="feature-major", choices=("feature-major", "token-major"),
                        help="layout of y, if x is feature-major (default feature-major)")
    parser.add_argument("--weight-layout", default="fragments", choices=("canonical", "fragments"),
                        help="order of packed weights for kernels that can read either (default fragments)")
    parser.add_argument("--epilogue", nargs="+", default=["none"], choices=list(cases.EPILOGUES),
                        help="what is computed on the sums; several may follow (default none)")
    parser.add_argument("--schedules", default="default", choices=("default", "families", "all"),
                        help="the compiler's choice (default), one schedule of each family that can compute the "
                        "product, or all that vnm-list-schedules names")
    parser.add_argument("--schedule", nargs="+", metavar="TEXT",
                        help="instead: these, as in #vnm.schedule, e.g. 'family = mma_sp, window = 4'")
    parser.add_argument("--variant", nargs="+", default=["default="], metavar="NAME=OPTIONS",
                        help="options of vnm-lower-to-nvvm to build each kernel with, by a name")
    parser.add_argument("--keep-going", action="store_true", help="exit status 0 though a kernel does not compile")


def add_run(commands):
    parser = commands.add_parser("run", help="measure on this machine's GPU")
    parser.set_defaults(action=run)
    parser.add_argument("--dir", default=HERE, help="folder that build wrote (default: this script's)")
    parser.add_argument("--shapes", nargs="+", help="as for build; default: every shape with a kernel")
    parser.add_argument("--patterns", nargs="+", help="only these")
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16", "i8"))
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--check-only", action="store_true", help="compare every result with float64 once; no timing")
    parser.add_argument("--verbose", action="store_true", help="with --check-only: print right results, too")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contestant")
    parser.add_argument("--sustained", type=float, default=2.0, metavar="SECONDS",
                        help="load before a time counts as sustained; 0: bursts only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-cusparselt", dest="cusparselt", action="store_false")
    parser.add_argument("--cusparselt-seconds", type=float, default=300.0,
                        help="limit of the search for cuSPARSELt's algorithms (default 300)")
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


def add_transposes(commands):
    parser = commands.add_parser("build-transposes", help="compile kernels that transpose")
    parser.set_defaults(action=build_transposes)
    parser.add_argument("--dir", required=True, help="folder to write")
    add_compiler(parser)
    parser.add_argument("--shapes", nargs="+", default=transposes.SHAPES,
                        help=f"CHANNELSxTOKENS (default {' '.join(transposes.SHAPES)})")
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16"))
    parser = commands.add_parser("transpose", help="measure kernels that transpose beside a copy of the same bytes")
    parser.set_defaults(action=transpose)
    parser.add_argument("--dir", default=HERE, help="folder that build-transposes wrote (default: this script's)")
    parser.add_argument("--dtype", default="f16", choices=("f16", "bf16"))
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contestant")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="command")
    add_build(commands)
    add_run(commands)
    add_chain(commands)
    add_transposes(commands)
    drawing = commands.add_parser("plot", help="draw speed against T and M (needs matplotlib)")
    drawing.set_defaults(action=plot)
    drawing.add_argument("results", help="JSON of run")
    drawing.add_argument("--dir", required=True, help="folder for the pictures")
    drawing.add_argument("--suffix", default="svg", choices=("svg", "png"))
    table = commands.add_parser("show", help="print the table of results again")
    table.set_defaults(action=show)
    table.add_argument("results", help="JSON of run")
    table = commands.add_parser("make-cost-table", help="turn results into a cost table")
    table.set_defaults(action=make_cost_table)
    table.add_argument("results", help="JSON of run")
    table.add_argument("-o", "--output", required=True)
    comparing = commands.add_parser("check-choice", help="compare the compiler's choice of schedules with results")
    comparing.set_defaults(action=check_choice)
    comparing.add_argument("results", help="JSON of run, of kernels built with --schedules all")
    add_compiler(comparing)
    comparing.add_argument("--cost-table", default=os.path.join(HERE, "h200-costs.json"),
                           help="table to choose by (default: h200-costs.json; '' for the built-in rule)")
    comparing.add_argument("--within", type=float, default=3.0, metavar="PERCENT", help="allowed loss (default 3)")
    options = parser.parse_args()
    return options.action(options)


if __name__ == "__main__":
    sys.exit(main())
