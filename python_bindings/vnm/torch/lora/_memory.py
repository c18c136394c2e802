# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file reports the memory of a training.

"""What the layers of a training take in memory."""

from collections.abc import Iterable
from typing import NamedTuple, Optional

from torch import Tensor

from ._layer import MaskState


class MemoryReport(NamedTuple):
    """Bytes. W is there once; the sum W' is made anew by each use, one layer at a time."""

    weights: int  #: W of all layers
    factors: int  #: A and B, without gradients and the optimizer's state
    masks: int  #: M, a byte per element, from stage 2 on
    structures: int  #: the arrays that M was made of
    transient: int  #: the largest layer's W' in f32, and its gradient

    @property
    def second_copies(self) -> int:
        """Dense copies of W that stay from one step to the next: none."""
        return 0

    @property
    def total(self) -> int:
        return self.weights + self.factors + self.masks + self.structures + self.transient


def _bytes(*tensors: Optional[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


def report_memory(layers: "Iterable[MaskState]") -> MemoryReport:
    """Counts what layers hold."""
    weights = factors = masks = structures = largest = 0
    for layer in layers:
        weight = layer.base().weight
        a, b, _ = layer.factors()
        weights += _bytes(weight)
        factors += _bytes(a, b)
        masks += _bytes(layer.vnm_mask)
        if layer.kept is not None:
            structures += _bytes(layer.kept.metadata, layer.kept.columns, layer.kept.rows)
        largest = max(largest, 2 * 4 * weight.numel())
    return MemoryReport(weights, factors, masks, structures, largest)
