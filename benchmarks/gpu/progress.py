# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A progress bar on the standard error; lines where that is no terminal."""

import sys
import time

WIDTH = 30


class Bar:
    """Progress through `total` items of a kind, e.g. "shapes"."""

    def __init__(self, total, kind, stream=None, clock=time.monotonic):
        self.total, self.kind, self.done = total, kind, 0
        self.stream, self.clock = stream or sys.stderr, clock
        self.began = clock()
        self.last = 0

    def text(self, item):
        filled = WIDTH * self.done // max(self.total, 1)
        left = ""
        if self.done:
            seconds = (self.clock() - self.began) / self.done * (self.total - self.done)
            left = f", {int(seconds) // 60}:{int(seconds) % 60:02} left"
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {self.done} of {self.total} {self.kind}{left}  {item}"

    def show(self, item):
        """Says which item is at work."""
        text = self.text(item)
        if self.stream.isatty():
            self.stream.write("\r" + text.ljust(self.last))
            self.last = len(text)
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def advance(self):
        self.done += 1

    def end(self):
        """Leaves the finished bar behind."""
        if self.total:
            self.show("")
        if self.total and self.stream.isatty():
            self.stream.write("\n")
