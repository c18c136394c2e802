# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file collects norms of activations.

"""Norms of activations, which the criteria wanda and ria need."""

from collections.abc import Iterable
from typing import Any, Callable, Optional

import torch
from torch import Tensor, nn

from .. import errors
from ._layers import Filter, LayerError, find_candidates


def calibrate(
    model: nn.Module,
    batches: "Iterable[Any]",
    *,
    filter: Filter = None,  # noqa: A002
    forward: Optional[Callable[[nn.Module, Any], Any]] = None,
) -> "dict[str, Tensor]":
    """||x_j||_2 of every input channel of every linear layer, over all batches.

    Returns {name of layer: K float32 on the CPU}. A batch is a tensor, or a tuple or a
    dict of a call's arguments; `forward(model, batch)` runs others. The model runs in
    eval mode without gradients and is left as it was. LayerError: an activation that is
    NaN or infinite, or a layer that no batch reached.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3))
    >>> calibrate(model, [torch.tensor([[3.0, 0.0], [4.0, 1.0]])])
    {'0': tensor([5., 1.])}
    """
    sums: "dict[str, Tensor]" = {}
    names = {name: module for name, module, reason in find_candidates(model, filter) if reason is None}
    if not names:
        raise errors.InvalidArgumentError("requires a linear layer that can be made sparse, but there is none")
    handles = [module.register_forward_pre_hook(_hook(name, sums)) for name, module in names.items()]
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            for batch in batches:
                (forward or _call)(model, batch)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    for name in names:
        if name not in sums:
            raise LayerError(name, "requires activations to calibrate, but no batch reached it")
        if not bool(torch.isfinite(sums[name]).all()):
            index = int((~torch.isfinite(sums[name])).nonzero()[0])
            raise LayerError(name, f"requires finite activations, but those of input channel {index} are not")
    return {name: sums[name].sqrt().to(torch.float32).cpu() for name in names}


def _hook(name: str, sums: "dict[str, Tensor]") -> Callable[[nn.Module, Any], None]:
    def add(_: nn.Module, inputs: Any) -> None:
        x = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).to(torch.float32)
        total = x.square().sum(0, dtype=torch.float64)
        sums[name] = sums[name] + total if name in sums else total

    return add


def _call(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, dict):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)
