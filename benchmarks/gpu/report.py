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


def format_results(facts, results):
    """The JSON of a report, a line per result: differences of files read."""
    head = json.dumps({**facts, "results": []})[:-2]
    lines = ",".join("\n  " + json.dumps(entry) for entry in results)
    return f"{head}{lines}\n]}}\n"


def shape_of(entry):
    return entry["rows"], entry["cols"], entry["tokens"]


def shapes_of(results):
    return list(dict.fromkeys(map(shape_of, results)))


def has_mixed_layouts(entry):
    """Whether a kernel's result is laid out otherwise than its activations."""
    return entry.get("y_layout", entry.get("layout")) != entry.get("layout")


def contestant_name(entry):
    """E.g. "wgmma_sp (token_tile = 128) + bias"."""
    if entry["contestant"] != "vnm":
        return {"cublas": "cuBLAS", "cusparselt": "cuSPARSELt"}[entry["contestant"]]
    variant = entry["variant"].removeprefix(f"family = {entry['family']}").removeprefix(", ")
    name = entry["family"] + ("" if variant in ("default", "") else f" ({variant})")
    epilogue = entry.get("epilogue", "none")
    name += "" if epilogue == "none" else f" + {epilogue}"
    name += ", token-major y" if has_mixed_layouts(entry) else ""
    return name + (" dependent" if entry.get("dependent") else "")


def epilogue_note(entry):
    """What the epilogue costs, if that was measured."""
    return f" ({entry['over_plain']:.2f} x plain)" if "over_plain" in entry else ""


def format_check(entry):
    """A line for a result that was only checked."""
    r, k, t = shape_of(entry)
    wrong = "" if entry["correct"] else " WRONG"
    return (f"| {r} x {k} x {t} | {entry['pattern']} | {contestant_name(entry)} | {entry['error']:.1e} "
            f"| {entry['tolerance']:.1e}{wrong} |")


CHECK_HEADER = "| R x K x T | pattern | contestant | error | tolerance |\n|---|---|---|---:|---:|"


def cell(entry, key, form):
    return format(entry[key], form) if entry.get(key) is not None else ""


def format_row(entry):
    r, k, t = shape_of(entry)
    wrong = "" if entry["correct"] else " WRONG"
    return (f"| {r} x {k} x {t} | {entry['pattern']} | {contestant_name(entry)}{epilogue_note(entry)} "
            f"| {cell(entry, 'microseconds', '.1f')} | {cell(entry, 'ratio', '.2f')} "
            f"| {cell(entry, 'sustained_microseconds', '.1f')} | {cell(entry, 'sustained_ratio', '.2f')} "
            f"| {cell(entry, 'logical_tflops', '.0f')} | {entry['error']:.1e}{wrong} |")


HEADER = ("| R x K x T | pattern | contestant | us | x cuBLAS | sustained us | x cuBLAS | L | error |\n"
          "|---|---|---|---:|---:|---:|---:|---:|---:|")


def cost_entries(report):
    """Entries of a cost table: of all correct results without an epilogue, of one
    layout."""
    entries = []
    for e in report["results"]:
        # Plain 2:4 is not a V:2:M pattern; launches that overlap take less than a product.
        plain = e.get("epilogue", "none") == "none" and not e.get("dependent") and not has_mixed_layouts(e)
        if not e["correct"] or e["contestant"] == "cusparselt" or not plain:
            continue
        entry = {
            "dtype": report["dtype"], "rows": e["rows"], "cols": e["cols"], "tokens": e["tokens"],
            "pattern": e["pattern"], "family": "cublas" if e["contestant"] == "cublas" else e["family"],
        }
        if e.get("schedule"):
            entry["schedule"] = e["schedule"]
        entries.append({**entry, "microseconds": round(e["microseconds"], 3)})
    return entries


def format_cost_table(device, entries):
    """The JSON of docs/algorithms.md, "Cost tables"; of entries that differ only in
    time, the last."""
    key = lambda entry: json.dumps({k: v for k, v in entry.items() if k != "microseconds"}, sort_keys=True)
    unique = {key(entry): entry for entry in entries}
    lines = ",\n".join("    " + json.dumps(entry) for entry in unique.values())
    return f'{{\n  "version": 1,\n  "device": {json.dumps(device)},\n  "entries": [\n{lines}\n  ]\n}}\n'


def device_of(report):
    return f"{report['device']}, driver {report['driver']}, {report['date']}"


def make_cost_table(report):
    """The cost table of all correct results."""
    return format_cost_table(device_of(report), cost_entries(report))


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
