# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables and a figure of results."""

import json
import pathlib
import statistics

import methods

FIGURES = {"text": ("perplexity per byte", "perplexity", -1), "digits": ("accuracy in %", "accuracy", 1)}
# Three-stage LoRA against these, seed by seed.
RIVALS = ("one-shot", "one-shot + permutation", *(name for name in methods.TRAINED if name != "three-stage"))


def load(paths):
    """Results by task, pattern and method: {seed: entry}."""
    cells = {}
    for path in paths:
        document = json.loads(pathlib.Path(path).read_text())
        for entry in document["results"]:
            cells.setdefault((entry["task"], entry["pattern"], entry["method"]), {})[entry["seed"]] = entry
    order = [(method.pattern, method.name) for method in methods.all_methods()]
    return document, dict(sorted(cells.items(), key=lambda cell: order.index(cell[0][1:])))


def rows_of(cells, task):
    """Patterns and methods of a task, in order."""
    return [(pattern, method) for name, pattern, method in cells if name == task]


def table(cells, task):
    """A row per pattern and method: each seed, mean, standard deviation; loss."""
    title, figure, _ = FIGURES[task]
    seeds = sorted({seed for (name, *_), entries in cells.items() if name == task for seed in entries})
    lines = [
        f"| pattern | method | {' | '.join(f'seed {seed}' for seed in seeds)} | mean {title} | loss, mean ± deviation |",
        "|---|---|" + "---:|" * (len(seeds) + 2),
    ]
    for pattern, method in rows_of(cells, task):
        entries = cells[task, pattern, method]
        values = [entries[seed][figure] if seed in entries else None for seed in seeds]
        losses = [entry["loss"] for entry in entries.values()]
        spread = f" ± {statistics.stdev(losses):.4f}" if len(losses) > 1 else ""
        shown = " | ".join("" if value is None else f"{value:.3f}" for value in values)
        mean = statistics.mean(value for value in values if value is not None)
        lines.append(f"| {pattern} | {method} | {shown} | {mean:.3f} | {statistics.mean(losses):.4f}{spread} |")
    return lines


def duels(cells, task):
    """How often three-stage LoRA has the lower loss, by pattern and rival."""
    lines = ["| pattern | " + " | ".join(RIVALS) + " |", "|---|" + "---:|" * len(RIVALS)]
    for pattern in dict.fromkeys(pattern for pattern, _ in rows_of(cells, task)):
        ours = cells.get((task, pattern, "three-stage"))
        if ours is None:
            continue
        counts = []
        for rival in RIVALS:
            theirs = cells.get((task, pattern, rival), {})
            seeds = ours.keys() & theirs.keys()
            wins = sum(ours[seed]["loss"] < theirs[seed]["loss"] for seed in seeds)
            counts.append(f"{wins} of {len(seeds)}" if seeds else "")
        lines.append(f"| {pattern} | " + " | ".join(counts) + " |")
    return lines


def plot(cells, path):
    """Every seed's loss, a panel per task and pattern; the line is the dense model's mean."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    tasks = [task for task in FIGURES if any(name == task for name, *_ in cells)]
    patterns = [pattern for pattern, _, _ in methods.PATTERNS]
    names = [*RIVALS[:2], *(name for name in methods.TRAINED if "%" not in name)]
    figure, axes = pyplot.subplots(
        len(tasks), len(patterns), figsize=(3.1 * len(patterns), 2.4 * len(tasks)), squeeze=False, sharey=True
    )
    for line, task in zip(axes, tasks):
        dense = statistics.mean(entry["loss"] for entry in cells[task, "dense", "trained"].values())
        for axis, pattern in zip(line, patterns):
            for place, name in enumerate(names):
                losses = [entry["loss"] for entry in cells.get((task, pattern, name), {}).values()]
                axis.plot(losses, [place] * len(losses), "o", markersize=4, alpha=0.7, color="#4878a8")
            axis.axvline(dense, color="black", linestyle=":", linewidth=1)
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(ticker.NullFormatter())
            axis.set_yticks(range(len(names)), names)
            axis.grid(axis="y", linewidth=0.4)
            axis.set_title(f"{task}, {pattern}", fontsize=9)
            axis.tick_params(labelsize=7, which="both")
            axis.set_xlabel("loss on held-out data", fontsize=7)
    axes[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def write(options):
    """Prints or writes the tables, and draws the figure; exit status."""
    document, cells = load(options.json)
    lines = [f"{document['date']}, {document['device']}, PyTorch {document['torch']}.", ""]
    for task in FIGURES:
        if any(name == task for name, *_ in cells):
            lines += [f"**{task}**", "", *table(cells, task), "", "Three-stage LoRA has the lower loss:", ""]
            lines += [*duels(cells, task), ""]
    text = "\n".join(lines)
    if options.docs:
        pathlib.Path(options.docs).write_text(text)
    else:
        print(text)
    if options.plot:
        plot(cells, options.plot)
    return 0
