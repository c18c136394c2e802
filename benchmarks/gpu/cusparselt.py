# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search for cuSPARSELt's fastest algorithm, in a process of its own.

Trying can cost a process its context on the GPU, or not return: on an H200 one trial
ended in an illegal instruction, and the library's own search in an internal error. So
a child tries candidates one by one and prints what it is at and what came of it. The
parent kills a child that is at one candidate for too long; of a child that died or
was killed only that candidate is lost, and another child goes on behind it and tries
it no more.

    python3 cusparselt.py f16 '[[[4096, 4096, 64], 0]]' '[]'

is a child: element type, [shape, number of its first work item]s, barred candidates.
It prints a line {"ready": true}, then for every item {"shape", "item"} before and
{"shape", "item", "seconds", "algorithm", "error"} after it is tried.
"""

import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
import time

# R, K and T that cuSPARSELt takes are multiples of these.
UNITS = (32, 64, 8)
LAYOUTS = [(token_major, transpose) for token_major in (False, True) for transpose in (False, True)]
# The default, every id by hand, and last, as it may cost the child, the library's search.
CANDIDATES = ["default"] + [f"id{number}" for number in range(1, 12)] + ["search"]
ITEMS = [(layout, candidate) for layout in LAYOUTS for candidate in CANDIDATES]


@dataclasses.dataclass
class Limits:
    """Seconds after which the parent loses patience."""

    start: float = 90.0  # with a child that is not ready
    candidate: float = 10.0  # with one candidate
    total: float = 300.0  # with the search


@dataclasses.dataclass
class Found:
    """What a search found."""

    # {shape: {(token-major x, transposed result): (seconds, algorithm)}}, the fastest.
    best: dict = dataclasses.field(default_factory=dict)
    tried: int = 0
    # {"shape", "layout", "candidate", "cause"} of every candidate that gave no time.
    failures: list = dataclasses.field(default_factory=list)
    # Why the search ended before its end, or None.
    ended: str = None

    def fastest(self, shape, count=2):
        """[(seconds, (token-major x, transposed result), (id, split K, mode))] of the
        `count` fastest layouts, each with its fastest algorithm."""
        layouts = self.best.get(tuple(shape), {}).items()
        return sorted((seconds, layout, algorithm) for layout, (seconds, algorithm) in layouts)[:count]

    def summary(self):
        """A sentence for the reader of a report."""
        causes = {}
        for failure in self.failures:
            key = f"{failure['candidate']}: {failure['cause'].splitlines()[0][:80]}"
            causes[key] = causes.get(key, 0) + 1
        text = f"{len(self.failures)} of {self.tried} candidates failed"
        if causes:
            text += " (" + "; ".join(f"{cause}, {count}x" for cause, count in sorted(causes.items())) + ")"
        return text + (f"; the search ended early: {self.ended}" if self.ended else "")


def accepts(shape):
    return all(size % unit == 0 for size, unit in zip(shape, UNITS))


class Child:
    """A running child, whose events come through a queue, so that waiting can end."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True)
        self.events, self.last_words = queue.Queue(), b""
        threading.Thread(target=self.read_events, daemon=True).start()
        self.errors = threading.Thread(target=self.read_errors, daemon=True)
        self.errors.start()

    def read_events(self):
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # A library's message.
            if isinstance(event, dict):
                self.events.put(event)
        self.events.put(None)

    def read_errors(self):
        for line in self.process.stderr:
            # An exception's line says more than what follows it.
            if line.strip() and (b"Error" in line or b"Error" not in self.last_words):
                self.last_words = line.strip()

    def next_event(self, seconds):
        """The next event, None if the child has ended; raises queue.Empty."""
        return self.events.get(timeout=max(seconds, 0.001))

    def end(self):
        """Kills the child, if it runs, and says how it ended. A process that hangs in
        the driver may outlive its killing; it is not waited for."""
        self.process.kill()
        try:
            status = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "cannot be killed"
        self.errors.join(timeout=1)
        words = self.last_words.decode(errors="replace")
        return f"exit status {status}" + (f", {words}" if words else "")


class Search:
    """The parent's side of a search."""

    def __init__(self, shapes, dtype, command, limits):
        self.work = [[list(shape), 0] for shape in shapes if accepts(shape)]
        self.dtype, self.command, self.limits = dtype, command, limits
        self.barred, self.found = [], Found()
        self.deadline = time.monotonic() + limits.total

    def run(self):
        silent = 0
        while self.work and not self.found.ended:
            began = self.run_child()
            # A child that does not come to its first candidate has nothing to bar.
            silent = 0 if began else silent + 1
            if silent == 2:
                self.found.ended = self.found.ended or f"two children did not start: {self.cause}"
        return self.found

    def run_child(self):
        """Runs one child to its end; returns whether it tried anything."""
        child = Child([*self.command, self.dtype, json.dumps(self.work), json.dumps(self.barred)])
        at, began, limit = None, False, self.limits.start
        while True:
            left = self.deadline - time.monotonic()
            try:
                event = child.next_event(min(limit, left))
            except queue.Empty:
                if left <= limit:
                    self.found.ended = f"{self.limits.total:g} s are over"
                self.cause = f"hung for {min(limit, max(left, 0)):.0f} s"
                child.end()
                break
            if event is None:
                self.cause = "died: " + child.end()
                if at is None and child.process.returncode == 0:
                    self.work = []
                    return True
                break
            limit = self.limits.candidate
            if "shape" in event:
                began, at = True, self.take(event)
        if at is not None:
            self.lose(*at)
        return began

    def take(self, event):
        """Notes an event; returns the item that the child is at, if any."""
        shape, item = tuple(event["shape"]), event["item"]
        self.skip_to(shape, item)
        if "seconds" not in event:
            return shape, item
        self.work[0][1] = item + 1
        self.found.tried += 1
        if event["seconds"] is None:
            self.fail(shape, item, event.get("error") or "failed")
            return None
        layouts = self.found.best.setdefault(shape, {})
        layout = ITEMS[item][0]
        layouts[layout] = min(layouts.get(layout, (float("inf"), ())), (event["seconds"], tuple(event["algorithm"])))
        return None

    def skip_to(self, shape, item):
        while tuple(self.work[0][0]) != shape:
            self.work.pop(0)
        self.work[0][1] = item

    def fail(self, shape, item, cause):
        layout, candidate = ITEMS[item]
        self.found.failures.append({"shape": shape, "layout": layout, "candidate": candidate, "cause": cause})

    def lose(self, shape, item):
        """The child ended at an item: go on behind it, without its candidate."""
        self.found.tried += 1
        self.fail(shape, item, self.cause)
        self.barred.append(ITEMS[item][1])
        self.work[0][1] = item + 1


def find_algorithms(shapes, dtype, command=None, limits=None):
    """Searches for the fastest algorithm of every shape and layout."""
    command = command or [sys.executable, os.path.abspath(__file__)]
    return Search(shapes, dtype, command, limits or Limits()).run()


def try_candidate(candidate, shape, packed, x, layout, expected):
    """(seconds, algorithm, error) of one candidate."""
    import torch

    import contestants
    import measure

    token_major, transpose = layout
    operand = x.t().contiguous().t() if token_major else x
    algorithm = (0, 1, -1)
    if candidate == "search":
        algorithm = tuple(int(v) for v in torch._C._cusparselt.mm_search(packed, operand, None, None, None, transpose)[:3])
    elif candidate != "default":
        algorithm = (int(candidate[2:]), 1, -1)
    contestant = contestants.CuSparseLt(shape, packed, x, token_major, transpose, algorithm)
    error, seconds = measure.try_once(contestant, expected)
    if error > contestant.tolerance:
        return None, algorithm, f"wrong result, error {error:.1e}"
    return seconds, algorithm, None


def run_child(dtype, work, barred):
    import torch

    import measure
    import weights

    def report(**fields):
        print(json.dumps(fields), flush=True)

    element = measure.DTYPES[dtype]
    torch.zeros(1, device="cuda")
    report(ready=True)
    for shape, first in work:
        rows, cols, tokens = shape
        x = torch.randn(cols, tokens, device="cuda").to(element)
        pruned = weights.prune_2_of_4(torch.randn(rows, cols, device="cuda").to(element))
        packed = torch._cslt_compress(pruned)
        expected = pruned.double() @ x.double()
        for item in range(first, len(ITEMS)):
            layout, candidate = ITEMS[item]
            if candidate in barred:
                continue
            report(shape=shape, item=item)
            seconds = algorithm = error = None
            try:
                seconds, algorithm, error = try_candidate(candidate, tuple(shape), packed, x, layout, expected)
            except (AttributeError, RuntimeError, TypeError) as failure:
                error = str(failure) or type(failure).__name__
                # Raises again if the GPU's context is lost; the parent starts over.
                torch.cuda.synchronize()
            report(shape=shape, item=item, seconds=seconds, algorithm=algorithm, error=error)
        del x, pruned, packed, expected
        torch.cuda.empty_cache()


if __name__ == "__main__":
    run_child(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]))
