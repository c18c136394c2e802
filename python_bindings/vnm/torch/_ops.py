# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file registers the sparse product with torch.

"""torch.ops.vnm.spmm: Y = W X of a packed weight, for CPU, CUDA, autograd and tracing."""

from typing import Any, Optional

import torch
from torch import Tensor

from .. import errors
from ._fragments import expect_changes, to_aligned, to_fragments
from ._kernels import MissingKernelError, find_launch
from ._structure import to_dense, value_columns
from ._transpose import check_layout, copy_feature_major, new_result, to_feature_major, to_layout


_TAGS = (torch.Tag.needs_fixed_stride_order, torch.Tag.pt2_compliant_tag)
# Defined by its schema: torch.library.custom_op() wraps an operator in 10 us of Python.
torch.library.define(
    "vnm::spmm",
    "(Tensor x, Tensor values, Tensor metadata, Tensor columns, Tensor? rows, Tensor? bias, int v, int m, str fallback,"
    " bool changing=False, str y_layout='feature_major') -> Tensor",
    tags=_TAGS,
)
# What torch.compile must not merge with what computes x: a norm stores its rows as they
# are far faster than transposed.
torch.library.define("vnm::to_feature_major", "(Tensor x) -> Tensor", tags=_TAGS)


def spmm(
    x: Tensor,
    values: Tensor,
    metadata: Tensor,
    columns: Tensor,
    rows: Optional[Tensor],
    bias: Optional[Tensor],
    v: int,
    m: int,
    fallback: str,
    changing: bool = False,
    y_layout: str = "feature_major",
) -> Tensor:
    """Y = W X + bias, R x T, of token-major x, T x K.

    The weight is given by its arrays (docs/storage-format.md) and V and M. On a GPU a
    compiled kernel runs (use_kernels); where there is none, `fallback` "error" raises
    MissingKernelError and "dense" multiplies by the dense weight. `changing`: whether the
    values may be others at the next call, as in training; nothing that is derived of them
    is then kept. `y_layout` says how Y lies in memory: "feature_major" as R x T,
    "token_major" as T x R, so that its transpose is contiguous. Kernels of that layout are
    preferred; of the other one, the result is transposed.
    """
    return torch.ops.vnm.spmm.default(x, values, metadata, columns, rows, bias, v, m, fallback, changing, y_layout)


def feature_major(x: Tensor) -> Tensor:
    """x, T x K, as a view of a copy whose memory is K x T, or x, if its memory is so."""
    return x if x.t().is_contiguous() else torch.ops.vnm.to_feature_major.default(x).t()


def _check(
    x: Tensor,
    values: Tensor,
    metadata: Tensor,
    columns: Tensor,
    rows: Optional[Tensor],
    bias: Optional[Tensor],
    v: int,
    m: int,
) -> None:
    """A kernel takes addresses: nothing else would say that they are of other arrays.

    InvalidArgumentError: a device, a dtype or a shape that is not the weight's.
    """
    device, dtype, (out, cols) = values.device, values.dtype, (values.shape[0], x.shape[1])
    groups = -(-cols // m)
    ids = torch.int16 if cols < 1 << 16 else torch.int32
    for name, tensor, wanted, shape in (
        ("x", x, dtype, (x.shape[0], cols)),
        ("values", values, dtype, (out, 2 * groups)),
        ("metadata", metadata, torch.int16, (out, -(-groups // 4))),
        ("columns", columns, ids, (-(-out // v), 4 * groups)),
        ("rows", rows, torch.int32, (out,)),
        ("bias", bias, dtype, (out,)),
    ):
        if tensor is not None and (tensor.device != device or tensor.dtype != wanted or tensor.shape != shape):
            raise errors.InvalidArgumentError(
                f"requires {name} of {shape}, {wanted} on {device} for this weight and x, but it is of "
                f"{tuple(tensor.shape)}, {tensor.dtype} on {tensor.device}"
            )


def _on_cpu(x, values, metadata, columns, rows, bias, v, m, fallback, changing=False, y_layout="feature_major"):  # noqa: ANN001, ANN202
    _check(x, values, metadata, columns, rows, bias, v, m)
    return _multiply_dense(x, values, metadata, columns, rows, bias, v, check_layout(y_layout))


def _multiply_dense(
    x: Tensor,
    values: Tensor,
    metadata: Tensor,
    columns: Tensor,
    rows: Optional[Tensor],
    bias: Optional[Tensor],
    v: int,
    y_layout: str,
) -> Tensor:
    dense = to_dense(values, metadata, columns, rows, v, x.shape[1])
    if y_layout == "token_major":
        return torch.nn.functional.linear(x, dense, bias).t().data  # No view, as of to_layout().
    return torch.mm(dense, x.t()) if bias is None else torch.addmm(bias[:, None], dense, x.t())


def _on_fake(x, values, metadata, columns, rows, bias, v, m, fallback, changing=False, y_layout="feature_major"):  # noqa: ANN001, ANN202
    return new_result(x, values.shape[0], x.shape[0], check_layout(y_layout))


def _on_cuda(x, values, metadata, columns, rows, bias, v, m, fallback, changing=False, y_layout="feature_major"):  # noqa: ANN001, ANN202
    tokens, cols = x.shape
    out = values.shape[0]
    _check(x, values, metadata, columns, rows, bias, v, m)
    check_layout(y_layout)
    if changing:
        expect_changes(values)
    changing = changing or values.is_inference()
    try:
        launch = find_launch(
            v, m, out, cols, values.dtype, rows is not None, bias is not None, tokens, x.device, changing, y_layout
        )
    except (MissingKernelError, ValueError):
        if fallback != "dense":
            raise
        return _multiply_dense(x, values, metadata, columns, rows, bias, v, y_layout)
    width = launch.width
    # One column is the same in both layouts.
    stored = y_layout if width == 1 else launch.y_layout
    y = new_result(x, out, width, stored)
    rows = None if rows is None else to_aligned(rows)
    fused = to_aligned(bias) if launch.adds_bias else None
    x = to_feature_major(x, width)
    if launch.reads_fragments:
        weight, made = to_fragments(values, metadata, columns, cols, changing)
        if made and changing:
            launch.count_made()
    else:
        weight = to_aligned(values), to_aligned(metadata), to_aligned(columns)
    launch(*weight, rows, x, y, fused)
    if bias is not None and not launch.adds_bias:
        y += bias[:, None]
    return y if (width, stored) == (tokens, y_layout) else to_layout(y, tokens, y_layout)


def _save(ctx: Any, inputs: Any, output: Tensor) -> None:
    x, values, metadata, columns, rows, _, v, *_ = inputs
    ctx.save_for_backward(x, values, metadata, columns, rows)
    ctx.v = v


def _backward(ctx: Any, gradient: Tensor) -> Any:
    x, values, metadata, columns, rows = ctx.saved_tensors
    of_x = of_values = of_bias = None
    if ctx.needs_input_grad[0]:
        of_x = torch.mm(gradient.t(), to_dense(values, metadata, columns, rows, ctx.v, x.shape[1]))
    if ctx.needs_input_grad[1]:
        of_weight = torch.mm(gradient, x)
        stored = of_weight if rows is None else of_weight[rows.long()]
        ids = value_columns(metadata, columns, ctx.v, x.shape[1])
        of_values = torch.nn.functional.pad(stored, (0, 1)).gather(1, ids)
    if ctx.needs_input_grad[5]:
        of_bias = gradient.sum(1)
    return of_x, of_values, None, None, None, of_bias, None, None, None, None, None


torch.library.impl("vnm::spmm", "cpu", _on_cpu)
torch.library.impl("vnm::spmm", "cuda", _on_cuda)
torch.library.register_fake("vnm::spmm", _on_fake)
torch.library.register_autograd("vnm::spmm", _backward, setup_context=_save)

for _key in ("cpu", "cuda"):
    torch.library.impl("vnm::to_feature_major", _key, lambda x: copy_feature_major(x, len(x)))
torch.library.register_fake("vnm::to_feature_major", lambda x: x.new_empty(x.shape[1], x.shape[0]))
torch.library.register_autograd("vnm::to_feature_major", lambda _, gradient: gradient.t())
