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
    versions: "tuple[int, ...]"
    storages: "list[StorageWeakRef]"
    fragments: "tuple[Tensor, Tensor, Tensor]"
    #: Fragments that a CUDA graph may read as long as the weight is there.
    captured: "list[tuple[Tensor, ...]]"

    def is_gone(self) -> bool:
        return any(storage.expired() for storage in self.storages)


_entries: "dict[tuple[Any, ...], _Entry]" = {}


def _identify(array: Tensor) -> "tuple[Any, ...]":
    """What tells an array from others that are there, and its views from one another."""
    storage = array.untyped_storage()._cdata
    return storage, array.storage_offset(), array.shape, array.stride(), array.dtype


def _drop_unused() -> None:
    for key, entry in list(_entries.items()):
        if entry.is_gone():
            del _entries[key]


def to_fragments(values: Tensor, metadata: Tensor, columns: Tensor, v: int, m: int, cols: int) -> "tuple[Tensor, ...]":
    """(values, metadata, columns) in fragments, on the weight's device.

    Made by the C library on the host at the first call and kept until an array changes,
    as its version counter says, or is gone. Inference tensors have no counter: theirs are
    made at every call. Error: fragments that are to be made while a CUDA graph is captured.
    """
    arrays = values, metadata, columns
    capturing = values.is_cuda and torch.cuda.is_current_stream_capturing()
    counts = not any(array.is_inference() for array in arrays)
    key = (v, m, cols, *map(_identify, arrays))
    versions = tuple(array._version for array in arrays) if counts else ()
    known = _entries.get(key) if counts else None
    if known is not None and known.is_gone():
        known = None
    if known is not None and known.versions == versions:
        if capturing and not any(kept is known.fragments for kept in known.captured):
            known.captured.append(known.fragments)
        return known.fragments
    if capturing:
        raise errors.Error(
            "requires a call of every sparse layer before a CUDA graph is captured, which makes the arrays that its "
            "kernel reads, and no inference tensors as weights"
        )
    fragments = _make(values, metadata, columns, v, m, cols)
    if counts:
        _drop_unused()
        storages = [StorageWeakRef(array.untyped_storage()) for array in arrays]
        _entries[key] = _Entry(versions, storages, fragments, known.captured if known else [])
    return fragments


def _make(
    values: Tensor, metadata: Tensor, columns: Tensor, v: int, m: int, cols: int
) -> "tuple[Tensor, Tensor, Tensor]":
    # A weight in strict form is one in free form, too; the order of rows makes no difference.
    shape = (values.shape[0], cols)
    structure = Structure(Pattern(f"{v}:2:{m}"), "free", shape, metadata, columns, None)
    packed, words, ids = to_host(structure, values).fragments()
    return (
        torch.from_numpy(packed.view("int16")).view(values.dtype).to(values.device),
        torch.from_numpy(words.view("int32")).to(values.device),
        torch.from_numpy(ids).to(columns.dtype).to(values.device),
    )
