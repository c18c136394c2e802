#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures every schedule that products admit, and writes a cost table of them.

    vnm-tune compile --dir tuning --chip sm_90a --shapes 4096x4096x512 --patterns 64:2:8
    python3 tuning/tune.py measure --dir tuning
    vnm-tune write --dir tuning -o costs.json

`compile` needs a build of this project and ptxas, `measure` the GPU, PyTorch and the
driver, `write` nothing but Python: they may run on different machines, between which
the folder is copied. `run` does all three. An interrupted step goes on where it was
when it is started again. See docs/performance.md.
"""

import argparse
import collections
import json
import os
import sys

import cases
import progress
import report
import run
import schedules

LOG = "measurements.jsonl"
# Starts of a shape's measurement after which it is left out.
MAX_STARTS = 2


#===- Compiling ---------------------------------------------------------------------===#


def products_of_model(options):
    """Cases for the vnm.spmm of a module, each feature-major."""
    with open(options.model) as file:
        text = file.read()
    passes = [f"--vnm-sparsify-model={options.sparsify}"] if options.sparsify else []
    passes.append("--vnm-expand-storage")
    work = []
    for product in schedules.list_products(run.vnm_opt_of(options), text, options.chip, *passes):
        tokens = product["tokens"] or options.tokens
        if not tokens:
            raise SystemExit(f"error: requires --tokens, as the number of tokens of a product of {options.model} is "
                             "dynamic")
        if product["dtype"] not in ("f16", "bf16", "i8"):
            print(f"a weight of {product['dtype']} is left out: kernels have f16, bf16 or i8", file=sys.stderr)
            continue
        v, _, m = map(int, product["pattern"].split(":"))
        work.append(cases.Case(product["rows"], product["cols"], tokens, v, m, product["dtype"]))
    return list(dict.fromkeys(work))


def compile_all(options):
    if options.model:
        work = products_of_model(options)
    else:
        work = [cases.Case(*shape, v, m, options.dtype) for shape in cases.parse_shapes(options.shapes)
                for v, m in cases.parse_patterns(options.patterns)]
    work = [cases.with_layout(case, options.chip, "fragments") for case in work]
    work = schedules.with_schedules(run.vnm_opt_of(options), options.chip, schedules.with_canonical(work, "all"), "all")
    families = sorted({schedules.family_of(case.schedule) for case in work})
    if options.families:
        for family in set(options.families).difference(families):
            raise SystemExit(f"error: requires families of {', '.join(families)}, but one is '{family}'")
        work = [case for case in work if schedules.family_of(case.schedule) in options.families]
    if not work:
        raise SystemExit(f"error: requires products that {options.chip} can compute, but there are none")
    return 1 if run.compile_into(options, work, {"default": ""}) else 0


#===- Measuring ---------------------------------------------------------------------===#


def read_log(folder):
    """The lines of a folder's log; an unfinished last one, of an interrupted run, is
    left out."""
    try:
        with open(os.path.join(folder, LOG)) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise SystemExit(f"error: requires JSON in line {number} of {os.path.join(folder, LOG)}") from None
    return entries


def append_log(folder, entry):
    path = os.path.join(folder, LOG)
    # An interrupted run may have left half a line.
    torn = os.path.exists(path) and os.path.getsize(path) > 0
    if torn:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
    if torn:
        with open(path, "rb+") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    with open(path, "a") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def plan(kernels, log):
    """(shapes to measure, shapes left out) of {shape: names of kernels}: those that
    the log has are done, unless there are more kernels now; those that it has only
    seen the start of, MAX_STARTS times, are left out."""
    done, starts = {}, collections.Counter()
    for entry in log:
        shape = tuple(entry["shape"])
        if "results" in entry:
            done[shape] = set(entry["kernels"])
            starts[shape] = 0
        else:
            starts[shape] += 1
    missing = [shape for shape, names in kernels.items() if not set(names) <= done.get(shape, set())]
    left_out = [shape for shape in missing if starts[shape] >= MAX_STARTS]
    return [shape for shape in missing if shape not in left_out], left_out


def measure_all(options):
    import torch

    import measure

    torch.zeros(1, device="cuda")
    options.sustained, options.dependent_launch = 0.0, False
    built = {dtype: measure.find_kernels(options.dir, dtype) for dtype in measure.DTYPES}
    facts = measure.device_facts()
    failures = 0
    for dtype, kernels in built.items():
        log = [entry for entry in read_log(options.dir) if entry["dtype"] == dtype]
        names = {shape: sorted(b.name for b in items) for shape, items in kernels.items()}
        todo, left_out = plan(names, log)
        for shape in left_out:
            print(f"{'x'.join(map(str, shape))} is left out: measuring it ended the process {MAX_STARTS} times",
                  file=sys.stderr)
        failures += len(left_out)
        bar = progress.Bar(len(todo), f"shapes, {dtype}")
        for shape in todo:
            bar.show("x".join(map(str, shape)))
            append_log(options.dir, {"dtype": dtype, "shape": shape})
            results = measure.ShapeRun(shape, dtype, kernels[shape], [], options).run()
            append_log(options.dir, {"dtype": dtype, "shape": shape, "kernels": names[shape], "facts": facts,
                                     "results": results})
            failures += sum(not entry["correct"] for entry in results)
            torch.cuda.empty_cache()
            bar.advance()
        bar.end()
    if failures:
        print(f"{failures} shapes or kernels failed", file=sys.stderr)
    return 1 if failures else 0


#===- Writing -----------------------------------------------------------------------===#


def read_table(path):
    """(device, entries) of a cost table."""
    with open(path) as file:
        table = json.load(file)
    if table.get("version") != 1 or not isinstance(table.get("entries"), list):
        raise SystemExit(f"error: requires a cost table of version 1, but {path} is none")
    return table["device"], table["entries"]


def write_table(options):
    measured = [entry for entry in read_log(options.dir) if "results" in entry]
    if not measured:
        raise SystemExit(f"error: requires measurements in {os.path.join(options.dir, LOG)}, but there are none")
    devices = {report.device_of(entry["facts"]).split(",")[0] for entry in measured}
    device, entries = report.device_of(measured[-1]["facts"]), []
    if options.into:
        other, entries = read_table(options.into)
        devices.add(other.split(",")[0])
    if len(devices) > 1:
        raise SystemExit(f"error: requires measurements of one device, but they are of {', '.join(sorted(devices))}")
    new = [new for entry in measured for new in report.cost_entries(entry)]
    product_of = lambda entry: [entry[key] for key in ("dtype", "rows", "cols", "tokens", "pattern")]
    products = [product_of(entry) for entry in new]
    entries = [entry for entry in entries if product_of(entry) not in products] + new
    with open(options.output + ".new", "w") as file:
        file.write(report.format_cost_table(device, entries))
    os.replace(options.output + ".new", options.output)
    print(f"{options.output}: {len(measured)} shapes of {device}")
    return 0


def run_all(options):
    """All steps; a wrong result or a kernel that did not compile still gives a table."""
    steps = [compile_all(options), measure_all(options), write_table(options)]
    return max(steps)


#===- Command line ------------------------------------------------------------------===#


def add_compiling(parser):
    run.add_compiler(parser)
    run.add_products(parser)
    parser.add_argument("--from", dest="model", metavar="MODEL.mlir",
                        help="measure the products of this module instead of --shapes and --patterns")
    parser.add_argument("--sparsify", metavar="OPTIONS", default="",
                        help="with --from: options of vnm-sparsify-model, to run it first, e.g. pattern=64:2:8")
    parser.add_argument("--families", nargs="+", metavar="FAMILY",
                        help="measure schedules of these only, e.g. wgmma_sp skinny (default: all that can compute)")
    parser.add_argument("--tokens", type=int, default=0, help="with --from: T where the module leaves it open")


def add_measuring(parser):
    parser.add_argument("--rounds", type=int, default=5, help="turns of every kernel (default 5)")
    parser.add_argument("--seed", type=int, default=1)


def add_writing(parser):
    parser.add_argument("-o", "--output", required=True, help="cost table to write")
    parser.add_argument("--into", metavar="TABLE", help="cost table whose entries of other products are kept")


def main():
    parser = argparse.ArgumentParser(prog="vnm-tune", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, action, adders, text in (
        ("compile", compile_all, [add_compiling], "compile every admissible schedule"),
        ("measure", measure_all, [add_measuring], "measure what was compiled on this machine's GPU"),
        ("write", write_table, [add_writing], "write the cost table of what was measured"),
        ("run", run_all, [add_compiling, add_measuring, add_writing], "all of these"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(action=action)
        command.add_argument("--dir", required=True, help="folder for kernels and measurements")
        for add in adders:
            add(command)
    options = parser.parse_args()
    try:
        return options.action(options)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
