# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file compares the rules of vnm-select-pattern on the encoder layer: at the
# same predicted time, a pattern per layer retains more than one for all.
#
# REQUIRES: numpy
# RUN: %python %s %vnm_src %t

import json
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1])
WORK = pathlib.Path(sys.argv[2])
LAYER = SOURCE / "examples" / "encoder_layer.mlir"
PATTERNS = ["16:2:4", "16:2:5", "32:2:5", "16:2:8", "32:2:8", "64:2:8", "16:2:16", "64:2:16"]


def write_costs(path):
    """Times in proportion to the work but never below 6 us, so that sparsity does
    less for the small products of attention; wide panels are faster."""
    entries = []
    for rows, cols in [(256, 256), (512, 256), (256, 512)]:
        dense = rows * cols / 4096
        shape = {"dtype": "f16", "rows": rows, "cols": cols, "tokens": 128, "family": "model"}
        entries.append({**shape, "pattern": "dense", "microseconds": dense})
        for pattern in PATTERNS:
            v, _, m = (int(part) for part in pattern.split(":"))
            time = max(6, dense * (2 / m) * (1.5 if v == 16 else 1.2 if v == 32 else 1))
            entries.append({**shape, "pattern": pattern, "microseconds": time})
    path.write_text(json.dumps({"version": 1, "device": "invented", "entries": entries}))


def select(rule, costs, **options):
    report = WORK / f"{rule}.json"
    words = [f"{key}={value}" for key, value in options.items()]
    candidates = ",".join(PATTERNS)
    subprocess.run(
        [
            "vnm-opt",
            LAYER,
            "--vnm-annotate-matmuls",
            f"--vnm-select-pattern=rule={rule} cost-table={costs} candidates={candidates} "
            + " ".join(words),
            "--vnm-sparsify",
            "--vnm-fold-weights",
            f"--vnm-report={report}",
            "-o",
            WORK / f"{rule}.mlir",
        ],
        check=True,
    )
    layers = [layer for layer in json.loads(report.read_text())["layers"] if "predicted" in layer]
    assert len(layers) == 6, layers
    elements = [layer["rows"] * layer["cols"] for layer in layers]
    retained = [layer.get("retained_importance", 1.0) for layer in layers]
    mean = sum(r * e for r, e in zip(retained, elements)) / sum(elements)
    time = sum(layer["predicted"]["microseconds"] for layer in layers)
    patterns = [layer.get("pattern", "dense") for layer in layers]
    print(f"{rule}: {time:.2f} us, retained {mean:.4f}, {' '.join(patterns)}")
    return time, mean, set(patterns)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    costs = WORK / "costs.json"
    write_costs(costs)
    for speedup in (2.8, 3):
        time, uniform, patterns = select("retained", costs, speedup=speedup)
        assert len(patterns) == 1, patterns
        own_time, per_layer, patterns = select("per-layer", costs, budget=time)
        assert own_time <= time * (1 + 1e-9)
        assert per_layer > uniform, (per_layer, uniform)
        assert len(patterns) > 1, patterns
        paper_time, paper, _ = select("diversity", costs, speedup=speedup)
        assert paper <= uniform and paper_time <= 128 / speedup


main()
