# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file computes importance with torch.

"""Importance of weights in torch ops, bit for bit what lib/Sparsity computes."""

import ctypes
import math
from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InvalidArgumentError

CRITERIA = ("magnitude", "wanda", "ria")

# RIA's sums have one order on every device (lib/Sparsity/Importance.cpp): of so many
# numbers, the upper half is added to the lower until one is left.
_SUMMED_TOGETHER = 64


def check_criterion(criterion: str) -> str:
    """The criterion. InvalidArgumentError: it is none."""
    if criterion not in CRITERIA:
        raise InvalidArgumentError(f"requires a criterion of magnitude, wanda or ria, but it is {criterion!r}")
    return criterion


def check_finite(weight: Tensor) -> None:
    """InvalidArgumentError: a NaN or an infinity, named by its index."""
    finite = torch.isfinite(weight)
    if not bool(finite.all()):
        row, col = (~finite).nonzero()[0].tolist()
        raise InvalidArgumentError(f"requires finite weights, but element ({row}, {col}) is {weight[row, col].item()}")


def check_norms(norms: Tensor, cols: int) -> Tensor:
    """Activation norms as K float32. InvalidArgumentError: another size, negative, not finite."""
    if not isinstance(norms, Tensor) or norms.device.type == "meta":
        raise InvalidArgumentError(f"requires activation norms that are a tensor with data, but they are {norms!r:.80}")
    if norms.ndim != 1 or norms.numel() != cols:
        raise InvalidArgumentError(f"requires K = {cols} activation norms, but their shape is {tuple(norms.shape)}")
    norms = norms.detach().to(torch.float32)
    bad = ~(torch.isfinite(norms) & (norms >= 0))
    if bool(bad.any()):
        index = int(bad.nonzero()[0])
        raise InvalidArgumentError(
            f"requires activation norms to be finite and not negative, but norm {index} is {norms[index].item()}"
        )
    return norms


def importance(
    weight: Tensor,
    criterion: str = "magnitude",
    *,
    activation_norms: Optional[Tensor] = None,
    ria_exponent: float = 0.5,
) -> Tensor:
    """Scores of a weight, R x K float32 on its device: how much each element matters.

    As vnm.importance(), bit for bit. The weight is f16, bf16 or f32 of any strides;
    `activation_norms` are ||x_j||_2 of the K inputs, which wanda needs.
    InvalidArgumentError: NaN or infinity in the weight or the norms.

    >>> import torch
    >>> importance(torch.tensor([[1.0, -2.0]]))
    tensor([[1., 2.]])
    """
    check_criterion(criterion)
    if weight.ndim != 2 or 0 in weight.shape:
        raise InvalidArgumentError(f"requires a weight of R x K elements, but its shape is {tuple(weight.shape)}")
    if weight.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        raise InvalidArgumentError(f"requires a weight of f16, bf16 or f32, but its dtype is {weight.dtype}")
    weight = weight.detach()
    check_finite(weight)
    magnitudes = weight.abs().to(torch.float32).contiguous()
    if criterion == "magnitude":
        return magnitudes
    if activation_norms is None:
        if criterion == "wanda":
            raise InvalidArgumentError("requires activation norms for wanda, but there are none")
        norms = torch.ones(weight.shape[1])
    else:
        norms = check_norms(activation_norms, weight.shape[1])
    if criterion == "wanda":
        return magnitudes.mul_(norms.to(weight.device))
    return _ria(magnitudes, _powers(norms, ria_exponent).to(weight.device))


def _ria(magnitudes: Tensor, factors: Tensor) -> Tensor:
    """(|w| / column sum + |w| / row sum) * factor, in double; 0 where w is 0."""
    relative = magnitudes / _ordered_sum(magnitudes, 0)
    relative += magnitudes / _ordered_sum(magnitudes, 1)[:, None]
    relative *= factors
    return torch.where(magnitudes == 0, 0.0, relative.to(torch.float32))


def _ordered_sum(magnitudes: Tensor, dim: int) -> Tensor:
    """Sums over a dimension in double, in the library's order."""
    numbers = magnitudes
    while True:
        count = numbers.shape[dim]
        missing = -count % _SUMMED_TOGETHER
        if missing:
            numbers = functional.pad(numbers, (0, missing) if dim == 1 else (0, 0, 0, missing))
        numbers = numbers.unflatten(dim, (-1, _SUMMED_TOGETHER))
        half = _SUMMED_TOGETHER // 2
        while half:
            low, high = numbers.narrow(dim + 1, 0, half), numbers.narrow(dim + 1, half, half)
            numbers = torch.add(low.to(torch.float64), high)
            half //= 2
        numbers = numbers.squeeze(dim + 1)
        if numbers.shape[dim] == 1:
            return numbers.squeeze(dim)


def _powers(norms: Tensor, exponent: float) -> Tensor:
    """norms ** exponent as the C library's powf rounds it, which torch's may not."""
    if not math.isfinite(exponent) or exponent < 0:
        raise InvalidArgumentError(f"requires the exponent of ria to be finite and not negative, but it is {exponent}")
    powf = ctypes.CDLL("libm.so.6").powf
    powf.argtypes, powf.restype = (ctypes.c_float, ctypes.c_float), ctypes.c_float
    return torch.tensor([powf(norm, exponent) for norm in norms.tolist()], dtype=torch.float32)
