# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the schedule that the compiler chooses with the fastest that was measured."""

import dataclasses

import cases
import report
import schedules


@dataclasses.dataclass
class Comparison:
    """One product of the results."""

    shape: tuple
    pattern: str
    chosen: str  # The schedule that the compiler takes, or None.
    chosen_time: float  # Microseconds, or None if it was not measured.
    best: str
    best_time: float

    @property
    def loss(self):
        """How much slower the choice is than the best, as a fraction; infinite if it
        was not measured."""
        return self.chosen_time / self.best_time - 1 if self.chosen_time else float("inf")


def measured_schedules(results):
    """{(shape, pattern): {schedule text: microseconds}} of all correct kernels without
    an epilogue, feature-major."""
    times = {}
    for entry in results:
        plain = entry["contestant"] == "vnm" and entry.get("epilogue", "none") == "none" and not entry.get("dependent")
        if not plain or not entry["correct"] or entry["layout"] != "feature_major" or report.has_mixed_layouts(entry):
            continue
        kernels = times.setdefault((report.shape_of(entry), entry["pattern"]), {})
        text = schedules.to_text(entry["family"], entry["schedule"])
        kernels[text] = min(entry["microseconds"], kernels.get(text, float("inf")))
    return times


def compare(facts, vnm_opt, chip, table):
    """A Comparison per product of the results."""
    times = measured_schedules(facts["results"])
    work = []
    for shape, pattern in times:
        v, _, m = map(int, pattern.split(":"))
        work.append(cases.with_layout(cases.Case(*shape, v, m, facts["dtype"]), chip, "fragments"))
    comparisons = []
    for (shape, pattern), text in zip(times, schedules.chosen(vnm_opt, chip, table, work)):
        kernels = times[(shape, pattern)]
        best = min(kernels, key=kernels.get)
        comparisons.append(Comparison(shape, pattern, text, kernels.get(text), best, kernels[best]))
    return comparisons


def format_comparison(item):
    shape = " x ".join(map(str, item.shape))
    if item.chosen_time is None:
        return f"{shape}, {item.pattern}: the choice was not measured: {item.chosen}"
    return (f"{shape}, {item.pattern}: {item.chosen} takes {item.chosen_time:.1f} us, {100 * item.loss:.1f} % more than "
            f"{item.best}, {item.best_time:.1f} us")


def check(facts, vnm_opt, chip, table, within):
    """Prints products whose choice is more than `within` percent slower than the best;
    returns their number."""
    comparisons = compare(facts, vnm_opt, chip, table)
    bad = [item for item in comparisons if 100 * item.loss > within]
    for item in sorted(bad, key=lambda item: -item.loss):
        print(format_comparison(item))
    worst = max((item.loss for item in comparisons if item not in bad), default=0.0)
    print(f"{len(comparisons) - len(bad)} of {len(comparisons)} choices are within {within:g} % of the fastest measured "
          f"schedule (at most {100 * worst:.1f} %)")
    return len(bad)
