# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests the experiment of docs/training.md in its tiny size: data is found,
# losses fall, merged weights are what was trained and pack, results are reported.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %vnm_src/benchmarks/training/run.py

import json
import pathlib
import subprocess
import sys

SCRIPT = sys.argv[1]


def run(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_text_and_digits():
    assert "1797 images" in run("prepare", "--dir", "data", "--megabytes", "0.5")
    only = "dense|64:2:8 (one-shot|three|fixed masks only)|free three"
    command = ["run", "--dir", "data", "--size", "tiny", "--seeds", "0", "--only", only]
    assert "14 results" in run(*command, "--json", "results.json")
    document = json.loads(pathlib.Path("results.json").read_text())
    tuned = [entry for entry in document["results"] if "merged_is_masked" in entry]
    assert len(tuned) == 6
    for entry in tuned:
        assert entry["merged_is_masked"] and entry["last_loss"] < entry["first_loss"], entry
    losses = {(entry["task"], entry["pattern"], entry["method"]): entry["loss"] for entry in document["results"]}
    for task in ("text", "digits"):
        assert losses[task, "dense", "LoRA"] < losses[task, "dense", "trained"]
        assert losses[task, "64:2:8", "three-stage"] < losses[task, "64:2:8", "one-shot"]
    # The dense model is not trained again, and a later result of a cell counts.
    again = ["--only", "digits 64:2:8 three", "--tuning-steps", "4", "--tasks", "digits", "--json", "other.json"]
    assert "1 results" in run(*command, *again)
    table = run("report", "results.json", "other.json")
    value = json.loads(pathlib.Path("other.json").read_text())["results"][0]["accuracy"]
    assert f"| 64:2:8 | three-stage | {value:.3f} |" in table and "Three-stage LoRA has the lower loss" in table


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
