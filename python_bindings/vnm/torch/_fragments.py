# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file derives what kernels read of a weight's canonical arrays.

"""Weights in the order of tensor cores' registers, kept as long as the weight is as it was."""

import weakref
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.optimizer import register_optimizer_step_post_hook

from .. import errors

_UNUSED_WORD = 0x4444
Fragments = tuple[Tensor, Tensor, Tensor]


class _Entry(NamedTuple):
    #: What tells whether the arrays are as they were.
    state: "tuple[Any, ...]"
    #: Metadata and columns, so that nothing else gets their addresses.
    others: "tuple[Tensor, Tensor]"
    fragments: Fragments
    stream: Any  #: that made them, on a GPU
    #: Whether optimizers may change the values.
    is_trainable: bool


class _Storage:
    """What is kept of the weights whose values are in one storage."""

    def __init__(self) -> None:
        self.entries: "dict[tuple[Any, ...], _Entry]" = {}
        # What CUDA graphs may read as long as the values are there.
        self.captured: "list[Fragments]" = []
        # Whether a CUDA graph may change the values, which no version counter says.
        self.is_hidden = False


_storages: "dict[int, _Storage]" = {}


def _storage_of(values: Tensor) -> _Storage:
    storage = values.untyped_storage()
    key = storage._cdata
    if key not in _storages:
        _storages.setdefault(key, _Storage())
        # PyTorch keeps a storage's Python object as long as the storage.
        weakref.finalize(storage, _storages.pop, key, None).atexit = False
    return _storages.get(key) or _Storage()


def _view(array: Tensor) -> "tuple[Any, ...]":
    """What tells the views of a storage from one another."""
    return array.storage_offset(), array.shape, array.stride(), array.dtype


def _state(array: Tensor) -> "tuple[Any, ...]":
    return array.untyped_storage()._cdata, array._version, _view(array)


def _is_capturing(array: Tensor) -> bool:
    """Whether what is launched on the array's device becomes part of a CUDA graph."""
    return array.is_cuda and torch.cuda.is_current_stream_capturing()


def to_fragments(
    values: Tensor, metadata: Tensor, columns: Tensor, cols: int, changing: bool = False
) -> "tuple[Fragments, bool]":
    """(values, metadata, columns) in fragments, on the weight's device, and whether they were made.

    Kept until an array changes, as its version counter says, or until the values are gone.
    Made at every call, within a CUDA graph too, are those of a weight that is `changing`,
    and of inference tensors, which have no counter. Error: others that are to be made while
    a CUDA graph is captured.
    """
    arrays = values, metadata, columns
    if changing or any(array.is_inference() for array in arrays):
        return _make(values, metadata, columns, cols), True
    storage = _storage_of(values)
    if storage.is_hidden:
        return _make(values, metadata, columns, cols), True
    capturing = _is_capturing(values)
    view, state = _view(values), (cols, *map(_state, arrays))
    entry = storage.entries.get(view)
    if entry is None or entry.state != state:
        if capturing:
            raise errors.Error(
                "requires a call of every sparse layer before a CUDA graph is captured, which makes the arrays that "
                "its kernel reads"
            )
        fragments, stream = _make(values, metadata, columns, cols), None
        if values.is_cuda:
            # Calls on other streams find the fragments, too.
            stream = torch.cuda.current_stream(values.device)
            stream.synchronize()
        others = metadata.detach(), columns.detach()
        storage.entries[view] = _Entry(state, others, fragments, stream, values.requires_grad)
        return fragments, True
    if capturing:
        if not any(kept is entry.fragments for kept in storage.captured):
            storage.captured.append(entry.fragments)
    elif values.is_cuda and entry.stream != torch.cuda.current_stream(values.device):
        # Else their memory could be used again while a kernel of this stream reads it.
        for fragment in entry.fragments:
            fragment.record_stream(torch.cuda.current_stream(values.device))
    return entry.fragments, False


def expect_changes(values: Tensor) -> None:
    """Forgets the fragments of a weight that is trained: not all that changes it counts
    versions, such as fused optimizers. What a CUDA graph trains is never kept again."""
    if _is_capturing(values):
        _storage_of(values).is_hidden = True
    storage = _storages.get(values.untyped_storage()._cdata)
    if storage is not None:
        storage.entries.clear()


def forget_fragments() -> None:
    """Drops all that is kept of weights in fragments, which the next calls make anew.

    For weights that were changed in a way that PyTorch does not count (`.data`, memory
    that is shared), and to free the memory. What CUDA graphs read stays.
    """
    for storage in list(_storages.values()):
        storage.entries.clear()


def _forget_trained(*_: Any) -> None:
    if torch.compiler.is_compiling():  # Compiled steps count.
        return
    for storage in list(_storages.values()):
        for view, entry in list(storage.entries.items()):
            if entry.is_trainable:
                storage.entries.pop(view, None)


register_optimizer_step_post_hook(_forget_trained)


def to_aligned(array: Tensor) -> Tensor:
    """The array as kernels take it: without gaps, at a multiple of 16 bytes."""
    array = array.contiguous()
    return array if array.data_ptr() % 16 == 0 else array.clone()


def _pad(matrix: Tensor, cols: int, rows: int, value: int) -> Tensor:
    return functional.pad(matrix, (0, cols, 0, rows), value=value) if cols or rows else matrix


def _make(values: Tensor, metadata: Tensor, columns: Tensor, cols: int) -> Fragments:
    """The fragments, as docs/gpu.md defines them: bit for bit what the C library makes."""
    rows, groups = metadata.shape[0], columns.shape[1] // 4
    blocks, stages = -(-rows // 16), -(-groups // 16)
    missing = 16 * blocks - rows
    # Row 8 r + g of a block, group 8 step + 4 c + q of a stage: lane 4 g + q holds the
    # pair in register 2 c + r. A pair is moved as one integer.
    pairs = _pad(to_aligned(values.detach()).view(torch.int32), 16 * stages - groups, missing, 0)
    lanes = pairs.view(blocks, 2, 8, stages, 2, 2, 4).permute(0, 3, 4, 2, 6, 5, 1)  # b s step g q c r
    lanes = lanes.contiguous().view(values.dtype).view(blocks, stages, 2, 32, 8)
    words = _pad(metadata, 4 * stages - metadata.shape[1], missing, _UNUSED_WORD)
    halves = words.reshape(blocks, 2, 8, stages, 4).permute(0, 3, 2, 4, 1)  # b s g q r
    both = halves.contiguous().view(torch.int32).view(blocks, stages, 32)
    # Ids of 16 bits are read unsigned.
    sentinel = cols - (1 << 16) if columns.dtype == torch.int16 and cols >= 1 << 15 else cols
    # A copy, even if nothing is added: what a CUDA graph reads is of one time.
    return lanes, both, functional.pad(columns, (0, 64 * stages - 4 * groups), value=sentinel)
