# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the update of kept weights.

"""Weight update on a fixed structure."""

import ctypes
from typing import Any, Optional, Union

import numpy as np

from ._arrays import as_floats, as_matrix
from ._calls import call, defaults, double
from ._prune import check_threads
from ._tensor import Structure, VNMTensor
from .errors import InvalidArgumentError


def gram(activations: Any, *, threads: int = 0) -> np.ndarray:
    """The Gram matrix X^T X / samples, K x K float32, of samples x K activations.

    >>> gram(np.float32([[1, 2], [3, 4]]))
    array([[ 5.,  7.],
           [ 7., 10.]], dtype=float32)
    """
    array = as_floats(activations, "activations")
    samples, cols = array.shape
    result = np.empty((cols, cols), np.float32)
    call("vnmGram", array.ctypes.data, samples, cols, check_threads(threads), result.ctypes.data)
    return result


def update(
    weight: Any,
    kept: Union[Structure, VNMTensor],
    gram: Any,
    *,
    damping: float = 0.01,
    iterations: int = 10,
    in_order: bool = False,
    dtype: Optional[str] = None,
    threads: int = 0,
) -> np.ndarray:
    """Kept weights that make up for the pruned: R x K float32, zero where pruned.

    `gram` is the K x K Gram matrix of calibration activations; `damping` times its mean
    diagonal is added to its diagonal. `in_order` is SparseGPT's way, a baseline.

    >>> import vnm
    >>> rng = np.random.default_rng(0)
    >>> w, x = rng.standard_normal((32, 64)), rng.standard_normal((256, 64)).cumsum(axis=1)
    >>> kept, g = vnm.structure(np.float32(w), "16:2:8"), vnm.gram(x)
    >>> better = vnm.update(np.float32(w), kept, g)
    >>> error = vnm.relative_output_error
    >>> error(w, better, g) < error(w, w * kept.mask(), g)
    True
    >>> vnm.pack(better, structure=kept)
    VNMTensor(32x64, f32, 16:2:8, strict)
    """
    structure = kept.structure if isinstance(kept, VNMTensor) else kept
    matrix, array = as_matrix(weight, dtype)
    cols = structure.shape[1]
    moments = as_floats(gram, "the Gram matrix", (cols, cols))
    options = defaults(
        "UpdateOptions",
        damping=damping,
        iterations=iterations,
        in_order=in_order,
        threads=check_threads(threads),
    )
    result = np.empty(structure.shape, np.float32)
    call(
        "vnmUpdate",
        ctypes.byref(matrix),
        structure._pointer,
        moments.ctypes.data,
        ctypes.byref(options),
        result.ctypes.data,
    )
    del array
    return result


def relative_output_error(weight: Any, updated: Any, gram: Any) -> float:
    """||(W - W') X|| / ||W X|| with X given by its Gram matrix.

    >>> relative_output_error(np.eye(2), np.eye(2) / 2, np.eye(2))
    0.5
    """
    first = as_floats(weight, "the weight")
    if 0 in first.shape:
        raise InvalidArgumentError(f"requires a weight that is not empty, but its shape is {first.shape}")
    second = as_floats(updated, "the updated weight", first.shape)
    moments = as_floats(gram, "the Gram matrix", (first.shape[1],) * 2)
    return double("vnmRelativeOutputError", first.ctypes.data, second.ctypes.data, moments.ctypes.data, *first.shape)
