# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the layer that is trained.

"""A linear layer with a low-rank update and a mask."""

import math
from typing import Optional

import torch
from torch import Tensor, nn

from .._layers import weight_of
from .._structure import Structure
from ._masked import masked_linear, masked_sum


class MaskState:
    """What a trained layer keeps; None in stage 1. A mixin of modules.

    The mask and the arrays it is made of are buffers that a state_dict leaves out:
    ThreeStageLora.state_dict() holds the arrays.
    """

    kept: Optional[Structure] = None

    def set_kept(self, kept: Optional[Structure]) -> None:
        """Takes what to keep. A mask that is there is written in place, so that a CUDA
        graph that reads it stays right."""
        self.kept = kept
        mask = None if kept is None else kept.mask()
        old = getattr(self, "vnm_mask", None)
        if mask is not None and old is not None:
            old.copy_(mask)
        else:
            self.register_buffer("vnm_mask", mask, persistent=False)

    # What a layer of any kind provides.
    def base(self) -> nn.Module:
        """The layer that holds W and the bias."""
        raise NotImplementedError

    def factors(self) -> "tuple[Optional[Tensor], Optional[Tensor], float]":
        """A, B and s; None if W itself is trained."""
        raise NotImplementedError

    # Not `merged`: peft's layers have that.
    def sum_weight(self, masked: bool = True) -> Tensor:
        """(W + s B A) * M, R x K; without M if not `masked`."""
        a, b, scaling = self.factors()
        with torch.no_grad():
            return masked_sum(weight_of(self.base()), a, b, scaling, self.vnm_mask if masked else None)


class LoraLinear(MaskState, nn.Module):
    """y = x ((W + s B A) * M)^T + bias of a layer whose W is frozen.

    A starts as torch.nn.Linear's weights do, B as 0. With `rank` 0 there are no
    factors, and W is trained.
    """

    def __init__(self, base: nn.Module, rank: int, scaling: float, decay: float = 0.0) -> None:
        super().__init__()
        self.base_layer, self.scaling, self.decay = base, scaling, decay
        self.register_buffer("vnm_mask", None, persistent=False)
        weight = weight_of(base)
        self.out_features, self.in_features = weight.shape
        self.lora_A = self.lora_B = None
        if rank:
            base.weight.requires_grad_(False)
            factory = {"dtype": torch.float32, "device": weight.device}
            self.lora_A = nn.Parameter(torch.empty(rank, self.in_features, **factory))
            self.lora_B = nn.Parameter(torch.zeros(self.out_features, rank, **factory))
            nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def base(self) -> nn.Module:
        return self.base_layer

    def factors(self) -> "tuple[Optional[Tensor], Optional[Tensor], float]":
        return self.lora_A, self.lora_B, self.scaling

    def forward(self, x: Tensor) -> Tensor:
        if self.vnm_mask is None:
            return self._dense(x)
        base = self.base_layer
        a, b = self.lora_A, self.lora_B
        return masked_linear(x, weight_of(base), a, b, base.bias, self.vnm_mask, self.scaling, self.decay)

    def _dense(self, x: Tensor) -> Tensor:
        y = self.base_layer(x)
        if self.lora_A is None:
            return y
        low = nn.functional.linear(x.to(y.dtype), self.lora_A.to(y.dtype))
        return y + self.scaling * nn.functional.linear(low, self.lora_B.to(y.dtype))

    def extra_repr(self) -> str:
        rank = 0 if self.lora_A is None else len(self.lora_A)
        return f"in_features={self.in_features}, out_features={self.out_features}, rank={rank}"
