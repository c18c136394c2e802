# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times work on the GPU by replays of CUDA graphs.

A contestant is a function of an index: it enqueues one product on the index-th
set of buffers, on the current stream.
"""

import statistics
import time

import torch


def capture(contestant, copies, launches, warm=3):
    """A graph of `launches` products that walks through the sets of buffers, after
    `warm` launches at most that prepare what may not happen while capturing."""
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for index in range(min(copies, warm)):
            contestant(index)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for index in range(launches):
            contestant(index % copies)
    torch.cuda.synchronize()
    return graph


def replay_seconds(graph, times=1):
    """Seconds of some replays, back to back."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(times):
        graph.replay()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e-3


class Timed:
    """A contestant, captured in a graph that is replayed for about `target` seconds.

    `max_launches` is for a contestant whose launches are dear on the host: at most so
    many are captured, and replayed more often. `estimate`, seconds per product, saves
    the launches that find it out.
    """

    def __init__(self, contestant, copies, target=1.5e-3, max_launches=512, estimate=None):
        once = estimate or self.probe(contestant, copies)
        wanted = int(target / max(once, 1e-7))
        # Whole rounds over the buffers: else the first ones may stay in the cache.
        rounds = max(1, round(min(max(wanted, 2), max_launches) / copies))
        self.launches = rounds * copies
        self.replays = max(1, round(wanted / self.launches)) if self.launches >= max_launches else 1
        self.graph = capture(contestant, copies, self.launches, warm=1 if estimate else 3)

    @staticmethod
    def probe(contestant, copies):
        probe = capture(contestant, copies, 2)
        replay_seconds(probe)
        return min(replay_seconds(probe) for _ in range(2)) / 2

    def burst(self, replays=7):
        """Median seconds per product over bursts, the GPU idle between."""
        replay_seconds(self.graph)
        times = [replay_seconds(self.graph, self.replays) for _ in range(replays)]
        return statistics.median(times) / self.launches / self.replays

    def sustained(self, seconds):
        """Seconds per product in the second half of `seconds` without a pause."""
        torch.cuda.synchronize()
        begin = time.perf_counter()
        spans = []
        while time.perf_counter() - begin < seconds:
            # A few replays are always queued, so that the GPU never waits.
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            for _ in range(8):
                self.graph.replay()
            end.record()
            spans.append((time.perf_counter() - begin, start, end))
            if len(spans) > 2:
                spans[-3][2].synchronize()
        torch.cuda.synchronize()
        late = [start.elapsed_time(end) * 1e-3 / 8 / self.launches
                for at, start, end in spans if at > seconds / 2]
        return statistics.median(late) if late else None


def take_turns(timed, rounds):
    """Seconds per product of each: the median of burst() over rounds in which all
    have a turn, so that a change of clocks meets all alike."""
    results = [[] for _ in timed]
    for _ in range(rounds):
        for times, contestant in zip(results, timed):
            times.append(contestant.burst())
    return [statistics.median(times) for times in results]
