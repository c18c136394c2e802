# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds importance, pruning and packing.

"""Importance, pruning and packing."""

import ctypes
from typing import Any, Optional

import numpy as np

from ._arrays import as_floats, as_matrix
from ._calls import call, defaults, number
from ._pattern import PatternLike, raw_pattern
from ._tensor import Structure, VNMTensor, pack_structure
from .errors import InvalidArgumentError


def importance(
    weight: Any,
    *,
    criterion: str = "magnitude",
    activation_norms: Any = None,
    ria_exponent: float = 0.5,
    dtype: Optional[str] = None,
    threads: int = 0,
) -> np.ndarray:
    """Scores of a weight, R x K float32: how much each element matters.

    `criterion` is "magnitude", "wanda" or "ria"; `activation_norms` are ||x_j||_2 of
    the K inputs, which wanda needs. `dtype="bf16"` reads a uint16 array as bf16.

    >>> importance(np.float32([[1, -2]]))
    array([[1., 2.]], dtype=float32)
    """
    matrix, array = as_matrix(weight, dtype)
    options = defaults(
        "ImportanceOptions",
        criterion=number("Criterion", criterion),
        ria_exponent=ria_exponent,
        threads=check_threads(threads),
    )
    if activation_norms is not None:
        norms = as_floats(activation_norms, "activation norms", ndim=1)
        options.activation_norms, options.num_activation_norms = norms.ctypes.data, norms.size
    scores = np.empty(array.shape, np.float32)
    call("vnmImportance", ctypes.byref(matrix), ctypes.byref(options), scores.ctypes.data)
    return scores


def check_threads(threads: int) -> int:
    """ctypes would wrap other numbers around."""
    if not 0 <= threads < 2**32:
        raise InvalidArgumentError(f"requires threads to be at least 0 and to fit 32 bits, but they are {threads}")
    return threads


def prune_options(
    form: str = "strict",
    column_choice: str = "exact",
    effort: str = "default",
    permute_rows: bool = False,
    threads: int = 0,
) -> Any:
    """The C structure of options of pruning. InvalidArgumentError: one that is none."""
    if permute_rows and form == "strict":
        raise InvalidArgumentError("requires form='free' with permute_rows, but it is 'strict'")
    return defaults(
        "PruneOptions",
        form=number("Form", form),
        column_choice=number("ColumnChoice", column_choice),
        effort=number("Effort", effort),
        permute_rows=permute_rows,
        threads=check_threads(threads),
    )


def structure(
    weight: Any = None,
    pattern: PatternLike = "64:2:8",
    *,
    scores: Any = None,
    form: str = "strict",
    column_choice: str = "exact",
    effort: str = "default",
    permute_rows: bool = False,
    threads: int = 0,
    **criterion: Any,
) -> Structure:
    """Chooses what a weight keeps, by its importance or by given scores.

    `form` "free" searches for better columns than "strict" can have, as hard as
    `effort` says ("fast", "default", "high"), and with `permute_rows` for rows of
    panels too. `column_choice` is "exact" or "l1", the paper's rule. Further keywords
    are those of importance().

    >>> w = np.random.default_rng(0).standard_normal((32, 64), dtype=np.float32)
    >>> strict, free = structure(w, "16:2:8"), structure(w, "16:2:8", form="free")
    >>> bool(free.retained(abs(w)) > strict.retained(abs(w)))
    True
    """
    if (scores is None) == (weight is None):
        raise InvalidArgumentError("requires a weight or scores, but there are both or none")
    if scores is None:
        scores = importance(weight, threads=threads, **criterion)
    elif criterion:
        raise InvalidArgumentError(f"requires no {sorted(criterion)[0]} beside scores, but it is given")
    array = as_floats(scores, "scores")
    options = prune_options(form, column_choice, effort, permute_rows, threads)
    return Structure._create("vnmPrune", array.ctypes.data, *array.shape, raw_pattern(pattern), ctypes.byref(options))


def prune(weight: Any = None, pattern: PatternLike = "64:2:8", **options: Any) -> np.ndarray:
    """The mask, R x K bool, of what a weight keeps; keywords are structure()'s.

    >>> w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    >>> mask = prune(w, pattern="64:2:8")
    >>> mask.dtype, float(mask.mean())
    (dtype('bool'), 0.25)
    """
    return structure(weight, pattern, **options).mask()


def pack(
    weight: Any,
    pattern: PatternLike = "64:2:8",
    *,
    mask: Any = None,
    structure: Optional[Structure] = None,
    dtype: Optional[str] = None,
    allow_non_finite: bool = False,
    threads: int = 0,
    **options: Any,
) -> VNMTensor:
    """Packs a weight: by a mask, by a structure, or by pruning it first.

    Keywords are those of the function structure(). NaN and infinity are refused
    unless `allow_non_finite` is set and a mask or a structure is given.

    >>> w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    >>> t = pack(w, pattern="64:2:8")
    >>> bool((t.to_dense() == w * t.mask()).all())
    True
    >>> bool((pack(w, "64:2:8", mask=t.mask()).values == t.values).all())
    True
    """
    if mask is not None and structure is not None:
        raise InvalidArgumentError("requires a mask or a structure, but there are both")
    if (mask is not None or structure is not None) and options:
        raise InvalidArgumentError(f"requires no {sorted(options)[0]} beside a mask or a structure, but it is given")
    if mask is not None:
        structure = Structure.from_mask(mask, pattern)
        kept, weight = np.asarray(mask) != 0, np.asarray(weight)
        if kept.shape != weight.shape:
            raise InvalidArgumentError(f"requires a mask of shape {weight.shape}, but the shape is {kept.shape}")
        # A mask may keep fewer than two of a group: the others are stored as 0.
        weight = np.where(kept, weight, np.zeros((), weight.dtype))
    elif structure is None:
        structure = _choose(weight, pattern, dtype, threads, options)
    return pack_structure(weight, structure, dtype, allow_non_finite, check_threads(threads))


def _choose(weight: Any, pattern: PatternLike, dtype: Optional[str], threads: int, options: Any) -> Structure:
    """structure() of a weight, whose element type counts if it has no scores."""
    if options.get("scores") is not None:
        shape = np.asarray(weight).shape
        as_floats(options["scores"], "scores", shape, ndim=len(shape))
        return structure(None, pattern, threads=threads, **options)
    return structure(weight, pattern, threads=threads, dtype=dtype, **options)
