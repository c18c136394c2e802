# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file multiplies by a masked sum of a weight and its update.

"""y = x ((W + s B A) * M)^T, with gradients that keep no dense copy of the sum.

With G = dL/dW': dB = s (G * M) A^T, dA = s B^T (G * M). If W is trained itself, its
gradient passes the mask straight through, and SR-STE's decay of pruned elements is
added: dW = G + decay (1 - M) * W.
"""

from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional


def masked_sum(
    weight: Tensor, a: Optional[Tensor], b: Optional[Tensor], scaling: float, mask: Optional[Tensor]
) -> Tensor:
    """(W + s B A) * M, R x K in W's dtype; +0 where M is false. Sums are made in f32.

    The one place where this is computed: what is trained is what is merged, bit for bit.
    """
    with torch.autocast(weight.device.type, enabled=False):
        result = weight
        if a is not None:
            wide = torch.addmm(weight.float(), b.float(), a.float(), alpha=scaling)
            result = wide.to(weight.dtype)
        return (
            result
            if mask is None
            else torch.where(mask, result, torch.zeros((), dtype=result.dtype, device=result.device))
        )


class _MaskedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, a, b, bias, mask, scaling, decay):  # noqa: ANN001, ANN205
        ctx.save_for_backward(x, weight, a, b, mask)
        ctx.scaling, ctx.decay = scaling, decay
        dense = masked_sum(weight, a, b, scaling, mask).to(x.dtype)
        return functional.linear(x, dense, None if bias is None else bias.to(x.dtype))

    @staticmethod
    def backward(ctx, gradient):  # noqa: ANN001, ANN205
        x, weight, a, b, mask = ctx.saved_tensors
        needs = ctx.needs_input_grad
        of_x = of_weight = of_a = of_b = of_bias = None
        rows = gradient.reshape(-1, gradient.shape[-1])
        with torch.autocast(x.device.type, enabled=False):
            if needs[0]:
                dense = masked_sum(weight, a, b, ctx.scaling, mask).to(x.dtype)
                of_x = (rows @ dense).view(x.shape)
            if needs[1] or needs[2] or needs[3]:
                of_sum = (rows.t() @ x.reshape(-1, x.shape[-1])).float()
                if needs[1]:
                    of_weight = of_sum.to(weight.dtype)
                    if ctx.decay and mask is not None:
                        of_weight = torch.where(mask, of_weight, of_weight + ctx.decay * weight)
                if a is not None:
                    kept = of_sum if mask is None else of_sum.mul_(mask)
                    of_a = (ctx.scaling * (b.float().t() @ kept)).to(a.dtype) if needs[2] else None
                    of_b = (ctx.scaling * (kept @ a.float().t())).to(b.dtype) if needs[3] else None
            if needs[4]:
                of_bias = rows.sum(0, dtype=torch.float32)
        return of_x, of_weight, of_a, of_b, of_bias, None, None, None


def masked_linear(
    x: Tensor,
    weight: Tensor,
    a: Optional[Tensor],
    b: Optional[Tensor],
    bias: Optional[Tensor],
    mask: Optional[Tensor],
    scaling: float,
    decay: float = 0.0,
) -> Tensor:
    """y, ... x R, of x, ... x K; W is R x K, A r x K, B R x r, M R x K bool or None.

    Under autocast the product is of its dtype, the sum of W's still.
    """
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    elif x.dtype != weight.dtype:
        x = x.to(weight.dtype)
    return _MaskedLinear.apply(x, weight, a, b, bias, mask, scaling, decay)
