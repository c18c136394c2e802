# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds import and export of VENOM's arrays.

"""VENOM's packed arrays (SC'23)."""

import ctypes
from typing import Any, NamedTuple

import numpy as np

from . import _prototypes as c
from ._arrays import view
from ._calls import call, create
from ._pattern import Pattern, raw_pattern
from ._tensor import VNMTensor


class VenomArrays(NamedTuple):
    """The arrays of VENOM, flat; f16 weights of rows x cols only."""

    pattern: Pattern
    rows: int
    cols: int
    values: np.ndarray  #: float16
    metadata: np.ndarray  #: uint32
    column_locs: np.ndarray  #: uint32


def to_venom(tensor: VNMTensor) -> VenomArrays:
    """Converts a strict f16 weight whose rows are in order, R a multiple of 32 and V.

    >>> import vnm
    >>> w = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float16)
    >>> packed = vnm.pack(w, "32:2:8")
    >>> back = from_venom(to_venom(packed))
    >>> bool((back.to_dense() == packed.to_dense()).all())
    True
    """
    handle = create("vnmVenomExport", "vnmVenomArraysDestroy", tensor._handle.pointer)
    info = c.VenomInfo()
    call("vnmVenomArraysGetInfo", handle.pointer, ctypes.byref(info))
    return VenomArrays(
        tensor.pattern,
        info.rows,
        info.cols,
        view(info.values, info.num_values, np.float16, (-1,), handle),
        view(info.metadata, info.num_metadata, np.uint32, (-1,), handle),
        view(info.column_locs, info.num_column_locs, np.uint32, (-1,), handle),
    )


def from_venom(arrays: VenomArrays) -> VNMTensor:
    """Converts VENOM's arrays; FormatError names the array, the index, the reason."""
    values = _flat(arrays.values, np.float16)
    metadata = _flat(arrays.metadata, np.uint32)
    column_locs = _flat(arrays.column_locs, np.uint32)
    info = c.VenomInfo(
        raw_pattern(arrays.pattern),
        arrays.rows,
        arrays.cols,
        values.ctypes.data,
        values.size,
        metadata.ctypes.data,
        metadata.size,
        column_locs.ctypes.data,
        column_locs.size,
    )
    return VNMTensor(create("vnmVenomImport", "vnmStorageDestroy", ctypes.byref(info)))


def _flat(values: Any, dtype: Any) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=dtype).reshape(-1)
