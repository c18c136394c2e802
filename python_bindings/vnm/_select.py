# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds cost tables and the choice of patterns.

"""Cost tables and selection of patterns."""

import ctypes
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Optional, Union

from . import _prototypes as c
from ._arrays import as_floats
from ._calls import call, create, number
from ._library import library
from ._pattern import Pattern, PatternLike, raw_pattern
from ._prune import prune_options
from .errors import InvalidArgumentError


class Cost(NamedTuple):
    """What a product costs, and how that is known."""

    microseconds: float
    source: str  #: "measured", "interpolated", "extrapolated" or "roofline"
    family: str  #: kernel family of the entry, or of the nearest


class CostTable:
    """Measured products of one device, and a model for what was not measured.

    >>> table = CostTable()
    >>> table.add(768, 768, 4096, 45.0, pattern="64:2:8", family="mma.sp")
    >>> table.look_up(768, 768, 4096, pattern="64:2:8")
    Cost(microseconds=45.0, source='measured', family='mma.sp')
    >>> table.look_up(768, 768, 4096).source
    'roofline'
    """

    def __init__(self, json: str = "") -> None:
        """Reads the JSON of docs/algorithms.md; FormatError names the entry."""
        self._handle = create("vnmCostTableCreate", "vnmCostTableDestroy", c.string(json))

    def add(
        self,
        rows: int,
        cols: int,
        tokens: int,
        microseconds: float,
        *,
        pattern: Optional[PatternLike] = None,
        dtype: str = "f16",
        family: str = "",
    ) -> None:
        """Adds a measured product of a rows x cols weight; dense without a pattern."""
        call(
            "vnmCostTableAdd",
            self._handle.pointer,
            number("ElementType", dtype),
            c.ProductShape(rows, cols, tokens),
            _pattern_or_dense(pattern),
            c.string(family),
            microseconds,
        )

    def look_up(
        self,
        rows: int,
        cols: int,
        tokens: int,
        *,
        pattern: Optional[PatternLike] = None,
        dtype: str = "f16",
    ) -> Cost:
        """What a product of a rows x cols weight costs; dense without a pattern."""
        cost, families = c.Cost(), []
        call(
            "vnmCostTableLookUp",
            self._handle.pointer,
            number("ElementType", dtype),
            c.ProductShape(rows, cols, tokens),
            _pattern_or_dense(pattern),
            c.StringCallback(lambda text, _: families.append(text.text())),
            None,
            ctypes.byref(cost),
        )
        return _cost(cost, families[0])

    def __str__(self) -> str:
        texts: list[str] = []
        callback = c.StringCallback(lambda text, _: texts.append(text.text()))
        call("vnmCostTablePrint", self._handle.pointer, callback, None)
        return texts[0]


class Layer(NamedTuple):
    """One product of a model: a rows x cols weight and cols x tokens activations."""

    name: str
    rows: int
    cols: int
    tokens: int
    #: R x K importance, or a function that computes it when its turn comes.
    scores: Union[None, Any, Callable[[], Any]] = None
    dtype: str = "f16"
    weight: float = 1.0  #: how much the layer counts


class SelectedLayer(NamedTuple):
    """What a layer gets."""

    name: str
    pattern: Optional[Pattern]  #: None: it stays dense
    cost: Cost
    dense_microseconds: float
    retained: float  #: share of importance; 1 if dense or not asked for


class Selection(NamedTuple):
    """What the layers of a model get."""

    layers: list[SelectedLayer]
    microseconds: float
    dense_microseconds: float
    retained: float  #: weighted mean of what the layers retain

    @property
    def speedup(self) -> float:
        return self.dense_microseconds / self.microseconds


def select(
    layers: Sequence[Layer],
    candidates: Sequence[PatternLike],
    *,
    speedup: float,
    costs: Optional[CostTable] = None,
    rule: str = "diversity",
    **options: Any,
) -> Selection:
    """Chooses patterns that make a model at least `speedup` times as fast as dense.

    `rule` "diversity" takes one pattern for all layers by mask diversity, as the paper
    does; "retained" one by what layers retain; "per-layer" one per layer, or none, within
    the dense time over `speedup`. The latter two need scores. Further keywords say how
    layers will be pruned (form, column_choice, effort, permute_rows, threads).

    >>> table = CostTable()
    >>> table.add(768, 768, 4096, 100.0)
    >>> for pattern, time in [("32:2:5", 80), ("64:2:8", 45), ("128:2:8", 40)]:
    ...     table.add(768, 768, 4096, time, pattern=pattern)
    >>> chosen = select([Layer("fc", 768, 768, 4096)], ["32:2:5", "64:2:8", "128:2:8"], speedup=2, costs=table)
    >>> chosen.layers[0].pattern, round(chosen.speedup, 2)
    (Pattern('64:2:8'), 2.22)
    """
    rules = ("diversity", "retained", "per-layer")
    if rule not in rules:
        raise InvalidArgumentError(f"requires a rule of diversity, retained or per-layer, but found '{rule}'")
    costs = costs if costs is not None else CostTable()
    computing = _Layers(layers)
    patterns = (c.Pattern * len(candidates))(*(raw_pattern(pattern) for pattern in candidates))
    shared = [computing.raw, len(layers), ctypes.addressof(patterns), len(candidates), costs._handle.pointer]
    prune = ctypes.byref(prune_options(**options))
    try:
        if rule == "per-layer":
            if not speedup >= 1:
                raise InvalidArgumentError(f"requires a speed-up of at least 1, but it is {speedup}")
            dense = [costs.look_up(x.rows, x.cols, x.tokens, dtype=x.dtype).microseconds for x in layers]
            arguments = [*shared, sum(dense) / speedup, prune]
            handle = create("vnmSelectPerLayer", "vnmSelectionDestroy", *arguments)
        else:
            arguments = [*shared, speedup, rules.index(rule), prune]
            handle = create("vnmSelectUniform", "vnmSelectionDestroy", *arguments)
    except InvalidArgumentError:
        # The library says that a function failed; the function's own error says why.
        if computing.failure is not None:
            raise computing.failure from None
        raise
    return _selection(handle, layers)


class _Layers:
    """The C structures of layers and what they point to."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.failure: Optional[BaseException] = None
        self._keep: list[Any] = []
        self._array = (c.SelectLayer * len(layers))()
        self.raw = ctypes.addressof(self._array)
        for raw, layer in zip(self._array, layers):
            raw.name = self._kept(c.string(layer.name))
            raw.type = number("ElementType", layer.dtype)
            raw.shape = c.ProductShape(layer.rows, layer.cols, layer.tokens)
            raw.weight = layer.weight
            if callable(layer.scores):
                raw.compute_scores = self._kept(self._callback(layer))
            elif layer.scores is not None:
                scores = as_floats(layer.scores, f"scores of layer '{layer.name}'", (layer.rows, layer.cols))
                raw.scores = self._kept(scores).ctypes.data

    def _kept(self, item: Any) -> Any:
        self._keep.append(item)
        return item

    def _callback(self, layer: Layer) -> Any:
        shape = (layer.rows, layer.cols)

        def compute(address: int, _: Optional[int]) -> bool:
            try:
                scores = as_floats(layer.scores(), f"scores of layer '{layer.name}'", shape)
            except BaseException as error:  # Must not cross the library.
                self.failure = error
                return False
            ctypes.memmove(address, scores.ctypes.data, scores.nbytes)
            return True

        return c.ComputeScores(compute)


def _pattern_or_dense(pattern: Optional[PatternLike]) -> Any:
    return None if pattern is None else ctypes.byref(raw_pattern(pattern))


def _cost(cost: Any, family: str) -> Cost:
    return Cost(cost.microseconds, library().vnmCostSourceGetName(cost.source).text(), family)


def _selection(handle: Any, layers: Sequence[Layer]) -> Selection:
    totals = [ctypes.c_double() for _ in range(3)]
    call("vnmSelectionGetTotals", handle.pointer, *(ctypes.byref(total) for total in totals))
    result, raw = [], c.SelectedLayer()
    for index, layer in enumerate(layers):
        call("vnmSelectionGetLayer", handle.pointer, index, ctypes.byref(raw))
        found = raw.pattern
        pattern = Pattern(f"{found.v}:{found.n}:{found.m}") if raw.is_sparse else None
        cost = _cost(raw.cost, raw.cost.family.text())
        result.append(SelectedLayer(layer.name, pattern, cost, raw.dense_microseconds, raw.retained))
    return Selection(result, *(total.value for total in totals))
