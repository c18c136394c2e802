# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file draws masks, retained importance and speed.

"""Pictures, by matplotlib: of a mask, of what panels retain, of speed by pattern.

Every function returns the matplotlib Figure and, given a path, saves it as PNG, SVG
or PDF.
"""

import collections
import json
import os
import pathlib
from typing import Any, Optional, Union

import numpy as np

from ._arrays import as_floats
from ._pattern import Pattern
from ._tensor import Structure, VNMTensor
from .errors import FileError, FormatError, InvalidArgumentError, LibraryError

_SUFFIXES = (".png", ".svg", ".pdf")
PathLike = Union[str, "os.PathLike[str]"]


def is_available() -> bool:
    """Whether matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def _figure(width: float, height: float) -> Any:
    """A figure of its own: no window, no state of pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LibraryError("requires matplotlib to draw, but it is not installed") from error
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Optional[PathLike]) -> Any:
    if path is None:
        return figure
    if pathlib.Path(path).suffix.lower() not in _SUFFIXES:
        raise InvalidArgumentError(f"requires a file name that ends in {', '.join(_SUFFIXES)}, but it is '{path}'")
    try:
        figure.savefig(path)
    except OSError as error:
        raise FileError(f"requires a writable path, but '{path}' cannot be written: {error.strerror}") from error
    return figure


def mask(weight: Union[VNMTensor, Structure], path: Optional[PathLike] = None, *, rows: int = 0, cols: int = 0) -> Any:
    """Draws which elements a weight keeps, with lines between panels and groups.

    `rows` and `cols` limit the picture to the first ones; 0 for all. Permuted rows
    are drawn in the order in which they are stored, where panels are contiguous.
    """
    pattern, kept, order = weight.pattern, weight.mask(), weight.rows
    if order is not None:
        kept = kept[np.asarray(order, dtype=np.int64)]
    if rows < 0 or cols < 0:
        raise InvalidArgumentError(f"requires rows and cols of at least 0, but they are {rows} and {cols}")
    kept = kept[: rows or None, : cols or None]
    figure = _figure(8, 8 * min(max(kept.shape[0] / kept.shape[1], 0.25), 2))
    axes = figure.add_subplot()
    axes.imshow(kept, cmap="Greys", interpolation="nearest", aspect="auto")
    for row in range(pattern.v, kept.shape[0], pattern.v):
        axes.axhline(row - 0.5, color="tab:red", linewidth=0.8)
    # In free form a group may hold any columns. Lines closer than a few pixels would
    # hide what they divide.
    if weight.form == "strict" and kept.shape[1] / pattern.m <= 100:
        for col in range(pattern.m, kept.shape[1], pattern.m):
            axes.axvline(col - 0.5, color="tab:blue", linewidth=0.4)
    axes.set(xlabel="column", ylabel="row" if order is None else "stored row", title=f"{pattern}, {weight.form}")
    return _save(figure, path)


def panel_retained(weight: Union[VNMTensor, Structure], scores: Any) -> np.ndarray:
    """The share of its importance that each panel keeps; 1 for a panel without any.

    >>> from vnm import pack
    >>> w = np.random.default_rng(0).standard_normal((128, 64), dtype=np.float32)
    >>> bool((panel_retained(pack(w, "64:2:4"), abs(w)) > 0.5).all())
    True
    """
    importance = as_floats(scores, "scores", weight.shape)
    kept = importance * weight.mask()
    if weight.rows is not None:
        order = np.asarray(weight.rows, dtype=np.int64)
        importance, kept = importance[order], kept[order]
    firsts = np.arange(0, weight.shape[0], weight.pattern.v)
    whole, part = (np.add.reduceat(array.sum(axis=1, dtype=np.float64), firsts) for array in (importance, kept))
    return np.divide(part, whole, out=np.ones_like(whole), where=whole > 0)


def retained(weight: Union[VNMTensor, Structure], scores: Any, path: Optional[PathLike] = None) -> Any:
    """Draws the share of its importance that each panel of a weight keeps."""
    shares = panel_retained(weight, scores)
    figure = _figure(8, 4)
    axes = figure.add_subplot()
    axes.bar(np.arange(shares.size), shares, width=0.9)
    importance = as_floats(scores, "scores", weight.shape)
    total, kept = (float(array.sum(dtype=np.float64)) for array in (importance, importance * weight.mask()))
    if total > 0:
        axes.axhline(kept / total, color="black", linewidth=0.8, label=f"all: {kept / total:.3f}")
        axes.legend()
    axes.set(xlabel="panel", ylabel="retained importance", ylim=(0, 1), title=f"{weight.pattern}, {weight.form}")
    return _save(figure, path)


def layers(names: list[str], shares: list[float], path: Optional[PathLike] = None) -> Any:
    """Draws the share of its importance that each layer of a model keeps."""
    figure = _figure(8, max(2.0, 0.22 * len(names) + 0.8))
    axes = figure.add_subplot()
    axes.barh(np.arange(len(names)), shares)
    axes.set_yticks(np.arange(len(names)), names, fontsize="x-small")
    axes.invert_yaxis()
    axes.set(xlabel="retained importance", xlim=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    return _save(figure, path)


def _results(source: Any) -> list[dict[str, Any]]:
    """What is correct of our kernels in the results of `vnm bench`, a file or its content."""
    try:
        content = source if isinstance(source, dict) else json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
        results = [e for e in content["results"] if e["contestant"] == "vnm" and e["correct"] and e.get("ratio")]
        for entry in results:
            entry["rows"], entry["cols"], entry["tokens"], Pattern(entry["pattern"])
    except OSError as error:
        raise FileError(f"requires a readable file, but '{source}' cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"requires results of `vnm bench`, but {error!r}") from error
    if not results:
        raise InvalidArgumentError("requires results of sparse kernels, but there are none")
    return results


def speed(results: Any, path: Optional[PathLike] = None) -> Any:
    """Draws how many times as fast as cuBLAS kernels are, by pattern.

    `results` is what `vnm bench --json` wrote: a file, or its content as a dictionary.
    """
    series: dict[str, dict[int, float]] = collections.defaultdict(dict)
    for entry in _results(results):
        pattern = Pattern(entry["pattern"])
        points = series[f"{entry['rows']} x {entry['cols']} x {entry['tokens']}, V = {pattern.v}"]
        points[pattern.m] = max(points.get(pattern.m, 0.0), entry["ratio"])
    figure = _figure(7, 4.5)
    axes = figure.add_subplot()
    for name, points in series.items():
        axes.plot(sorted(points), [points[m] for m in sorted(points)], marker="o", label=name)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(xlabel="M", ylabel="speed over cuBLAS")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return _save(figure, path)
