# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the searches for permutations.

"""Permutations."""

import ctypes
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from . import _prototypes as c
from ._arrays import as_floats
from ._calls import Handle, call, defaults, number
from ._pattern import PatternLike, raw_pattern
from ._prune import check_threads, importance, prune_options
from ._tensor import Structure
from .errors import InvalidArgumentError


def _scores(weight: Any, scores: Any, criterion: Any) -> np.ndarray:
    """Given scores, or the importance of a weight."""
    if (scores is None) == (weight is None):
        raise InvalidArgumentError("requires a weight or scores, but there are both or none")
    return as_floats(importance(weight, **criterion) if scores is None else scores, "scores")


def permute(
    weight: Any = None,
    pattern: PatternLike = "64:2:8",
    *,
    scores: Any = None,
    effort: str = "default",
    permute_rows: bool = True,
    column_choice: str = "exact",
    seed: int = 0,
    threads: int = 0,
    **criterion: Any,
) -> Structure:
    """Chooses what a weight keeps in free form: any columns, rows in any panels.

    For pack(weight, structure=...). Further keywords are those of importance().

    >>> w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    >>> kept = permute(w, "16:2:8")
    >>> kept.form, sorted(kept.rows.tolist()) == list(range(64))
    ('free', True)
    """
    array = _scores(weight, scores, criterion)
    options = defaults(
        "PermuteOptions",
        effort=number("Effort", effort),
        permute_rows=permute_rows,
        column_choice=number("ColumnChoice", column_choice),
        seed=seed,
        threads=check_threads(threads),
    )
    return Structure._create("vnmPermute", array.ctypes.data, *array.shape, raw_pattern(pattern), ctypes.byref(options))


class StrictPermutation(NamedTuple):
    """One order of the columns and one of the rows for a whole weight."""

    columns: np.ndarray  #: the weight's column at each place, int32
    rows: np.ndarray  #: the weight's row at each place, int32
    permuted: Structure  #: what weight[rows][:, columns] keeps, in strict form
    absorbed: Structure  #: the same of the weight itself, in free form


def permute_strict(
    weight: Any = None,
    pattern: PatternLike = "64:2:8",
    *,
    scores: Any = None,
    iterations: int = 2,
    permute_columns: bool = True,
    permute_rows: bool = True,
    column_choice: str = "exact",
    threads: int = 0,
    **criterion: Any,
) -> StrictPermutation:
    """Permutes channels as arXiv 2410.16135v3 does; keeps no less than prune().

    >>> w = np.random.default_rng(0).standard_normal((32, 64), dtype=np.float32)
    >>> found = permute_strict(w, "16:2:8")
    >>> moved = w[found.rows][:, found.columns]
    >>> bool((found.permuted.mask() == found.absorbed.mask()[found.rows][:, found.columns]).all())
    True
    """
    array = _scores(weight, scores, criterion)
    options = defaults(
        "StrictPermuteOptions",
        iterations=iterations,
        permute_columns=permute_columns,
        permute_rows=permute_rows,
        column_choice=number("ColumnChoice", column_choice),
        threads=check_threads(threads),
    )
    rows, cols = array.shape
    columns, order = np.empty(cols, np.int32), np.empty(rows, np.int32)
    permuted, absorbed = ctypes.c_void_p(), ctypes.c_void_p()
    call(
        "vnmPermuteStrict",
        array.ctypes.data,
        rows,
        cols,
        raw_pattern(pattern),
        ctypes.byref(options),
        columns.ctypes.data,
        order.ctypes.data,
        ctypes.byref(permuted),
        ctypes.byref(absorbed),
    )
    handles = [Handle(pointer.value, "vnmStructureDestroy") for pointer in (permuted, absorbed)]
    return StrictPermutation(columns, order, *(Structure(handle, handle.pointer) for handle in handles))


class SharedWeight(NamedTuple):
    """Scores of a weight that writes or reads channels, and how it is pruned."""

    scores: Any
    pattern: PatternLike = "64:2:8"
    form: str = "strict"


class SharedPermutation(NamedTuple):
    """An order of channels and what producers, then consumers retain."""

    channels: np.ndarray  #: the channel at each place, int32
    before: list[Optional[float]]  #: without it; None for consumers in free form
    after: list[Optional[float]]  #: with it


def permute_shared(
    producers: Sequence[SharedWeight],
    consumers: Sequence[SharedWeight],
    channels: int,
    *,
    block: int = 0,
    effort: str = "default",
    seed: int = 0,
    threads: int = 0,
) -> SharedPermutation:
    """One order of channels: rows of all producers, columns of all consumers.

    With `block`, channels move within aligned blocks of that many only.

    >>> rng = np.random.default_rng(0)
    >>> up, down = (abs(rng.standard_normal(shape)) for shape in ((64, 32), (32, 64)))
    >>> found = permute_shared([SharedWeight(up, "16:2:8")], [SharedWeight(down, "16:2:8")], 64)
    >>> sum(found.after) >= sum(found.before)
    True
    """
    arrays, raw = [], []
    for weight in [*producers, *consumers]:
        array = as_floats(weight.scores, "scores")
        arrays.append(array)
        options = prune_options(weight.form)
        raw.append(c.SharedWeight(array.ctypes.data, *array.shape, raw_pattern(weight.pattern), options))
    writers = (c.SharedWeight * len(producers))(*raw[: len(producers)])
    readers = (c.SharedWeight * len(consumers))(*raw[len(producers) :])
    options = defaults(
        "SharedPermuteOptions",
        block=block,
        effort=number("Effort", effort),
        seed=seed,
        threads=check_threads(threads),
    )
    # The library refuses what is no number of channels before it writes any.
    order = np.empty(max(channels, 1), np.int32)
    before, after = np.empty(len(raw) or 1), np.empty(len(raw) or 1)
    call(
        "vnmPermuteShared",
        ctypes.addressof(writers),
        len(producers),
        ctypes.addressof(readers),
        len(consumers),
        channels,
        ctypes.byref(options),
        order.ctypes.data,
        before.ctypes.data,
        after.ctypes.data,
    )
    given = [[None if math.isnan(x) else x for x in found[: len(raw)].tolist()] for found in (before, after)]
    return SharedPermutation(order, *given)
