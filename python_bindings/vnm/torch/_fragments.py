# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file derives what kernels read of a weight's canonical arrays.

"""Weights in the order of tensor cores' registers, kept as long as the weight is as it was."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .. import errors
from .._pattern import Pattern
from ._structure import Structure, to_host


class _Entry(NamedTuple):
    version: int
    storages: "list[StorageWeakRef]"
    fragments: "tuple[Tensor, Tensor, Tensor]"


_entries: "dict[tuple[Any, ...], _Entry]" = {}


def _version(tensor: Tensor) -> int:
    """How often a tensor was written. Inference tensors do not count."""
    return -1 if tensor.is_inference() else tensor._version


def _drop_unused() -> None:
    for key, entry in list(_entries.items()):
        if any(storage.expired() for storage in entry.storages):
            del _entries[key]


def to_fragments(values: Tensor, metadata: Tensor, columns: Tensor, v: int, m: int, cols: int) -> "tuple[Tensor, ...]":
    """(values, metadata, columns) in fragments, on the weight's device.

    Made by the C library on the host at the first call and kept until a value changes
    or one of the arrays is gone. Error: the first call while a CUDA graph is captured.
    """
    arrays = values, metadata, columns
    key = tuple(part for array in arrays for part in (array.untyped_storage()._cdata, array.storage_offset()))
    version = sum(map(_version, arrays))
    known = _entries.get(key)
    if known is not None and known.version == version and not any(s.expired() for s in known.storages):
        return known.fragments
    if values.is_cuda and torch.cuda.is_current_stream_capturing():
        raise errors.Error(
            "requires a call of every sparse layer before a CUDA graph is captured, which makes the arrays that its "
            "kernel reads"
        )
    _drop_unused()
    # A weight in strict form is one in free form, too; the order of rows makes no difference.
    shape = (values.shape[0], cols)
    structure = Structure(Pattern(f"{v}:2:{m}"), "free", shape, metadata, columns, None)
    packed, words, ids = to_host(structure, values).fragments()
    fragments = (
        torch.from_numpy(packed.view("int16")).view(values.dtype).to(values.device),
        torch.from_numpy(words.view("int32")).to(values.device),
        torch.from_numpy(ids).to(columns.dtype).to(values.device),
    )
    _entries[key] = _Entry(version, [StorageWeakRef(array.untyped_storage()) for array in arrays], fragments)
    return fragments
