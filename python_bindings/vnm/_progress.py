# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file shows how far a long job is.

"""Progress: a bar with rich on a terminal, plain lines otherwise."""

import sys
import time
from typing import Any


class Progress:
    """Counts steps of a job; a context manager."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self._total, self._done, self._quiet = total, 0, quiet
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if not self._quiet and sys.stderr.isatty():
            try:
                from rich.console import Console
                from rich.progress import Progress as Bar
            except ImportError:
                return self
            self._bar = Bar(console=Console(stderr=True))
            self._task = self._bar.add_task("compress", total=self._total)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, text: str) -> None:
        """One more step is done; `text` says which."""
        self._done += 1
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.print(text, markup=False, highlight=False)
            self._bar.advance(self._task)
            return
        seconds = time.monotonic() - self._started
        print(f"[{self._done}/{self._total}, {seconds:.0f} s] {text}", file=sys.stderr, flush=True)
