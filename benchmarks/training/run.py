#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains small models on real data, makes them sparse in several ways, and compares.

    benchmarks/training/run.py prepare --dir training
    benchmarks/training/run.py run --dir training --json results.json
    benchmarks/training/run.py report results.json --plot training.png

`prepare` collects text and digits that are on the machine (docs/training.md). `run`
needs PyTorch and the package vnm; it takes a GPU if there is one. Seeds run beside each
other, and results are written as they come. Trained dense models stay in the folder.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import time


def prepare(options):
    """Writes the data that `run` reads."""
    import corpus

    pathlib.Path(options.dir).mkdir(parents=True, exist_ok=True)
    sizes = corpus.make_corpus(options.dir, options.megabytes)
    print(f"text: {sizes['train']} bytes to train, {sizes['validation']} to validate")
    print(f"digits: {corpus.make_digits(options.dir)} images")


def run(options):
    """A process per seed; exit status 1 if one fails or a merged weight is not what was trained."""
    target = pathlib.Path(options.json)
    parts = [target.with_name(f"{target.stem}.seed{seed}.jsonl") for seed in options.seeds]
    processes = []
    for seed, part in zip(options.seeds, parts):
        part.unlink(missing_ok=True)
        command = [sys.executable, __file__, "one", "--dir", options.dir, "--json", str(part), "--seeds", str(seed)]
        command += ["--size", options.size, "--budget", str(options.budget), "--tasks", *options.tasks]
        command += [
            "--only",
            options.only,
            *(["--tuning-steps", str(options.tuning_steps)] if options.tuning_steps else []),
        ]
        processes.append(subprocess.Popen(command))
    failed = sum(process.wait() != 0 for process in processes)
    results = [json.loads(line) for part in parts if part.exists() for line in part.read_text().splitlines()]
    # A line per result: differences of files read.
    head = json.dumps({"version": 1, **facts(options), "results": []})[:-2]
    lines = ",".join("\n  " + json.dumps(result) for result in results)
    target.write_text(f"{head}{lines}\n]}}\n")
    for part in parts:
        part.unlink(missing_ok=True)
    wrong = sum(result.get("merged_is_masked") is False for result in results)
    print(f"{len(results)} results in {target}; {wrong} merged models are wrong; {failed} seeds failed")
    return 1 if wrong or failed else 0


def facts(options):
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    steps = {"tuning_steps": options.tuning_steps} if options.tuning_steps else {}
    return {
        "size": options.size,
        **steps,
        "device": device,
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def run_one(options):
    """All tasks and methods of one seed, until the budget is spent."""
    import methods
    import tasks
    import torch

    seed, start = options.seeds[0], time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // len(options.seeds)))
    for name in options.tasks:
        task = tasks.TASKS[name](options.dir, options.size, device)
        if options.tuning_steps:
            task.size = dataclasses.replace(task.size, tuning_steps=options.tuning_steps)
        base, losses = train_base(task, seed, options)
        norms = methods.calibrate(task, base)
        print(
            f"{name} seed {seed}: trained in {time.time() - start:.0f} s, loss {losses[0]:.3f} to {losses[-1]:.3f}",
            flush=True,
        )
        for method in methods.all_methods():
            if not re.search(options.only, f"{name} {method.pattern} {method.name}"):
                continue
            if time.time() - start > options.budget:
                print(f"{name} seed {seed}: the budget is spent before {method}", flush=True)
                break
            result = methods.run_method(task, base, norms, method, seed)
            line = {"task": name, "seed": seed, "pattern": method.pattern, "method": method.name, **result}
            with open(options.json, "a") as file:
                file.write(json.dumps(line) + "\n")
            print(
                f"{name} seed {seed} {method.pattern} {method.name}: {task.figure} {result[task.figure]:.3f}",
                flush=True,
            )


def train_base(task, seed, options):
    """The dense model, trained from scratch, and its losses; kept in the folder of data."""
    import torch
    from loop import Loop

    torch.manual_seed(seed)
    model = task.make_model()
    path = pathlib.Path(options.dir) / f"{task.name}.{options.size}.{task.device.type}.seed{seed}.pt"
    if path.exists():
        kept = torch.load(path, map_location=task.device, weights_only=True)
        model.load_state_dict(kept["model"])
        return model.eval(), kept["losses"]
    loop = Loop(task, model, model.parameters(), task.size.base_steps, task.size.base_rate, seed)
    losses = loop.run()
    torch.save({"model": model.state_dict(), "losses": losses}, path)
    return model.eval(), losses


def report(options):
    import report as reporting

    return reporting.write(options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("--dir", required=True)
    preparing.add_argument("--megabytes", type=float, default=16, help="at most this much text to train")
    preparing.set_defaults(function=prepare)
    for name, function in (("run", run), ("one", run_one)):
        running = commands.add_parser(name)
        running.add_argument("--dir", required=True)
        running.add_argument("--json", required=True)
        running.add_argument("--size", choices=("full", "tiny"), default="full")
        running.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
        running.add_argument("--tasks", nargs="+", choices=("digits", "text"), default=["digits", "text"])
        running.add_argument("--only", default="", help="a regular expression for 'task pattern method'")
        running.add_argument("--tuning-steps", type=int, help="instead of those of the size")
        running.add_argument("--budget", type=float, default=3600, help="seconds after which a seed starts no method")
        running.set_defaults(function=function)
    reporting = commands.add_parser("report")
    reporting.add_argument("json", nargs="+", help="results; of one cell, the last counts")
    reporting.add_argument("--docs", help="writes the tables here")
    reporting.add_argument("--plot", help="draws a figure here; needs matplotlib")
    reporting.set_defaults(function=report)
    options = parser.parse_args()
    sys.exit(options.function(options))


if __name__ == "__main__":
    main()
