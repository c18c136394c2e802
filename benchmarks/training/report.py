# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables and a figure of results."""

import json
import pathlib
import statistics

FIGURES = {"text": ("perplexity per byte", "perplexity", -1), "digits": ("accuracy in %", "accuracy", 1)}
# Three-stage LoRA against these, seed by seed.
RIVALS = ("one-shot", "one-shot + permutation", "fixed masks only", "no stage 1", "no stage 2")


def load(path):
    """Results by task, pattern and method: {seed: entry}."""
    document = json.loads(pathlib.Path(path).read_text())
    cells = {}
    for entry in document["results"]:
        cells.setdefault((entry["task"], entry["pattern"], entry["method"]), {})[entry["seed"]] = entry
    return document, cells


def rows_of(cells, task):
    """Patterns and methods of a task in the order in which they were run."""
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
        spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
        shown = " | ".join("" if value is None else f"{value:.3f}" for value in values)
        mean = statistics.mean(value for value in values if value is not None)
        lines.append(f"| {pattern} | {method} | {shown} | {mean:.3f} | {statistics.mean(losses):.4f} ± {spread:.4f} |")
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
            counts.append(f"{sum(ours[seed]['loss'] < theirs[seed]['loss'] for seed in seeds)} of {len(seeds)}")
        lines.append(f"| {pattern} | " + " | ".join(counts) + " |")
    return lines


def plot(cells, path):
    """The mean loss of every method, a panel per task and pattern; bars are seeds' range."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tasks = [task for task in FIGURES if any(name == task for name, *_ in cells)]
    columns = max(len({p for p, _ in rows_of(cells, task)} - {"dense"}) for task in tasks)
    figure, axes = pyplot.subplots(len(tasks), columns, figsize=(3.2 * columns, 2.6 * len(tasks)), squeeze=False)
    for line, task in zip(axes, tasks):
        patterns = [p for p in dict.fromkeys(p for p, _ in rows_of(cells, task)) if p != "dense"]
        dense = statistics.mean(entry["loss"] for entry in cells[task, "dense", "trained"].values())
        for axis, pattern in zip(line, patterns):
            methods = [method for p, method in rows_of(cells, task) if p == pattern]
            losses = [[entry["loss"] for entry in cells[task, pattern, method].values()] for method in methods]
            means = [statistics.mean(values) for values in losses]
            ranges = [[m - min(v) for m, v in zip(means, losses)], [max(v) - m for m, v in zip(means, losses)]]
            axis.barh(methods[::-1], means[::-1], xerr=[side[::-1] for side in ranges], color="#4878a8")
            axis.axvline(dense, color="black", linestyle=":", linewidth=1)
            axis.set_title(f"{task}, {pattern}", fontsize=9)
            axis.tick_params(labelsize=7)
            axis.set_xlabel("loss on held-out data", fontsize=7)
            if axis is not line[0]:
                axis.set_yticklabels([])
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


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
