#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws a report on layers (docs/reports.md): retained importance step by step,
and the predicted speed-up where there is one.

    scripts/plot_report.py report.json -o report.svg

Needs matplotlib (Debian: python3-matplotlib).
"""

import argparse
import json
import sys


def read_layers(path):
    with open(path) as file:
        report = json.load(file)
    if report.get("version") != 1:
        sys.exit(f"error: requires a report of version 1, but {path} has {report.get('version')}")
    layers = [layer for layer in report["layers"] if "retained_importance" in layer]
    if not layers:
        sys.exit(f"error: requires a packed layer to draw, but {path} has none")
    return layers


def stages(layer):
    """(label, retained) of a layer: in strict form as it was, and what each step made
    of that."""
    points = {}
    for step in layer.get("steps", []):
        if step["step"].startswith("free"):
            points["strict form"] = step["retained_before"]
        else:
            points.setdefault(f"{layer['form']}, given order", step["retained_before"])
    points["as packed"] = layer["retained_importance"]
    return sorted(points.items(), key=lambda point: point[1])


def draw(layers, output):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    timed = [layer for layer in layers if "predicted" in layer]
    figure, axes = pyplot.subplots(
        1, 2 if timed else 1, figsize=(11 if timed else 7, 1.5 + 0.4 * len(layers)), squeeze=False
    )
    names = [f"{layer['layer']}  {layer['pattern']}" for layer in layers]
    axis = axes[0][0]
    labels = {}
    for position, layer in enumerate(layers):
        for label, retained in stages(layer):
            color = labels.setdefault(label, f"C{len(labels)}")
            axis.plot(retained, position, "o", color=color)
        low, high = (pick(value for _, value in stages(layer)) for pick in (min, max))
        axis.plot([low, high], [position, position], color="0.8", zorder=0)
    for label, color in labels.items():
        axis.plot([], [], "o", color=color, label=label)
    axis.set_yticks(range(len(layers)), names)
    axis.invert_yaxis()
    axis.set_xlabel("retained importance")
    axis.legend(fontsize="small")
    if timed:
        axis = axes[0][1]
        axis.barh(range(len(timed)), [layer["predicted"]["speedup"] for layer in timed])
        axis.axvline(1, color="0.3", linewidth=1)
        axis.set_yticks(range(len(timed)), [layer["layer"] for layer in timed])
        axis.invert_yaxis()
        axis.set_xlabel("predicted speed-up over dense")
    figure.tight_layout()
    figure.savefig(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("report", help="JSON file that vnm-opt --vnm-report wrote")
    parser.add_argument("-o", "--output", default="report.svg", help="SVG, PNG or PDF file")
    arguments = parser.parse_args()
    draw(read_layers(arguments.report), arguments.output)


if __name__ == "__main__":
    main()
