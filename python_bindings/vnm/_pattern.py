# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the V:N:M pattern.

"""The V:N:M pattern."""

import ctypes
from typing import NamedTuple, Union

from . import _prototypes as c
from ._calls import call, double


class Sizes(NamedTuple):
    """Extents of the arrays of a packed weight (docs/storage-format.md)."""

    panels: int
    groups: int
    row_values: int
    metadata_words: int
    column_slots: int


class Pattern:
    """A V:N:M pattern: blocks of V x M keep 4 columns, their rows 2 of those.

    >>> pattern = Pattern("64:2:8")
    >>> pattern.v, pattern.n, pattern.m, pattern.density
    (64, 2, 8, 0.25)
    >>> pattern.sizes(768, 3072).row_values
    768
    """

    def __init__(self, pattern: Union[str, "Pattern"]) -> None:
        """Takes "V:N:M" or a pattern."""
        raw = c.Pattern()
        call("vnmPatternParse", c.string(str(pattern)), ctypes.byref(raw))
        self._raw = raw

    @property
    def v(self) -> int:
        """Rows of a panel."""
        return self._raw.v

    @property
    def n(self) -> int:
        """Values kept of every four columns: 2."""
        return self._raw.n

    @property
    def m(self) -> int:
        """Columns of a group."""
        return self._raw.m

    @property
    def density(self) -> float:
        """Kept fraction of a weight whose K is a multiple of M."""
        return double("vnmPatternGetDensity", self._raw)

    @property
    def log2_mask_diversity(self) -> float:
        """Bits of choice per weight, which the paper ranks patterns by."""
        return double("vnmPatternGetLog2MaskDiversity", self._raw)

    def sizes(self, rows: int, cols: int) -> Sizes:
        """Extents for a weight of rows x cols."""
        sizes = c.PatternSizes()
        call("vnmPatternGetSizes", self._raw, rows, cols, ctypes.byref(sizes))
        return Sizes(*(getattr(sizes, field) for field in Sizes._fields))

    def __str__(self) -> str:
        return f"{self.v}:{self.n}:{self.m}"

    def __repr__(self) -> str:
        return f"Pattern('{self}')"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str(self) == other
        return isinstance(other, Pattern) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def raw_pattern(pattern: Union[str, Pattern]) -> c.Pattern:
    """The C structure of a pattern or its text."""
    return Pattern(pattern)._raw


PatternLike = Union[str, Pattern]
