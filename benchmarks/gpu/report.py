# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What becomes of measurements: a table, pictures, a cost table."""

import json
import os
import sys

VERSION = 1


def load(path):
    with open(path) as file:
        report = json.load(file)
    if report.get("version") != VERSION:
        sys.exit(f"error: requires results of version {VERSION}, but {path} has {report.get('version')}")
    return report


def shape_of(entry):
    return entry["rows"], entry["cols"], entry["tokens"]


def shapes_of(results):
    return list(dict.fromkeys(map(shape_of, results)))


def contestant_name(entry):
    if entry["contestant"] == "vnm":
        return entry["family"] + ("" if entry["variant"] == "default" else f" ({entry['variant']})")
    return {"cublas": "cuBLAS", "cusparselt": "cuSPARSELt"}[entry["contestant"]]


def cell(entry, key, form):
    return format(entry[key], form) if entry.get(key) is not None else ""


def format_row(entry):
    r, k, t = shape_of(entry)
    wrong = "" if entry["correct"] else " WRONG"
    return (f"| {r} x {k} x {t} | {entry['pattern']} | {contestant_name(entry)} "
            f"| {cell(entry, 'microseconds', '.1f')} | {cell(entry, 'ratio', '.2f')} "
            f"| {cell(entry, 'sustained_microseconds', '.1f')} | {cell(entry, 'sustained_ratio', '.2f')} "
            f"| {cell(entry, 'logical_tflops', '.0f')} | {entry['error']:.1e}{wrong} |")


HEADER = ("| R x K x T | pattern | contestant | us | x cuBLAS | sustained us | x cuBLAS | L | error |\n"
          "|---|---|---|---:|---:|---:|---:|---:|---:|")


def make_cost_table(report):
    """The JSON of docs/algorithms.md, "Cost tables", of all correct results."""
    entries = []
    for e in report["results"]:
        # Plain 2:4 is not a V:2:M pattern.
        if not e["correct"] or e["contestant"] == "cusparselt":
            continue
        family = "cublas" if e["contestant"] == "cublas" else e["family"]
        entries.append({
            "dtype": report["dtype"], "rows": e["rows"], "cols": e["cols"], "tokens": e["tokens"],
            "pattern": e["pattern"], "family": family, "microseconds": round(e["microseconds"], 3),
        })
    device = f"{report['device']}, driver {report['driver']}, {report['date']}"
    lines = ",\n".join("    " + json.dumps(entry) for entry in entries)
    return f'{{\n  "version": 1,\n  "device": {json.dumps(device)},\n  "entries": [\n{lines}\n  ]\n}}\n'


def series_of(results, label, position):
    """{label: sorted [(position, ratio)]}, the fastest of equal ones."""
    series = {}
    for entry in results:
        if entry["contestant"] == "cublas" or not entry["correct"]:
            continue
        points = series.setdefault(label(entry), {})
        x = position(entry)
        points[x] = max(points.get(x, 0.0), entry["ratio"])
    return {name: sorted(points.items()) for name, points in series.items()}


def draw(path, title, axis, series, log):
    """One picture: speed over cuBLAS, a line per series."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, points in series.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name)
    axes.axhline(1.0, color="black", linewidth=0.8)
    if log:
        axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set(title=title, xlabel=axis, ylabel="speed over the better cuBLAS layout")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path)


def plot(report, folder, suffix):
    """Draws speed against T for every weight with three or more T, and against M for
    every shape. Returns the files; none, and a message, without matplotlib."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        print("no pictures: matplotlib is not installed", file=sys.stderr)
        return []
    os.makedirs(folder, exist_ok=True)
    written = []

    def save(name, *arguments):
        written.append(os.path.join(folder, f"{name}.{suffix}"))
        draw(written[-1], *arguments)

    results = report["results"]
    for rows, cols in dict.fromkeys(shape[:2] for shape in shapes_of(results)):
        mine = [e for e in results if (e["rows"], e["cols"]) == (rows, cols)]
        if len(shapes_of(mine)) >= 3:
            label = lambda e: f"{contestant_name(e)} {e['pattern']}"
            save(f"tokens_{rows}x{cols}", f"{rows} x {cols}, {report['device']}", "T",
                 series_of(mine, label, lambda e: e["tokens"]), True)
    for shape in shapes_of(results):
        mine = [e for e in results if shape_of(e) == shape and e["contestant"] == "vnm"]
        label = lambda e: f"{contestant_name(e)}, V = {e['pattern'].split(':')[0]}"
        series = series_of(mine, label, lambda e: int(e["pattern"].split(":")[2]))
        if series:
            name = "x".join(map(str, shape))
            save(f"m_{name}", f"{' x '.join(map(str, shape))}, {report['device']}", "M", series, False)
    return written
