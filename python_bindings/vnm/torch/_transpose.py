# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file turns activations from one layout into the other.

"""Layouts of activations, transposed with Triton where it works: torch's own copy of a
transposed matrix reaches an eighth of an H200's bandwidth."""

import functools

import torch
from torch import Tensor

from .. import errors

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

_LAYOUTS = ("feature_major", "token_major")
# Rows and columns of the tile that a program moves.
_TILE = 64

if triton is not None:

    @triton.jit
    def _transpose_tile(x, y, rows, cols, x_pitch, y_pitch, tile: tl.constexpr):  # noqa: ANN001, ANN202
        """y[c, r] = x[r, c] in one tile; pitches are elements between rows."""
        r = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
        c = tl.program_id(1).to(tl.int64) * tile + tl.arange(0, tile)
        inside = (r[:, None] < rows) & (c[None, :] < cols)
        values = tl.load(x + r[:, None] * x_pitch + c[None, :], mask=inside)
        tl.store(y + c[:, None] * y_pitch + r[None, :], tl.trans(values), mask=tl.trans(inside))


def check_layout(layout: str) -> str:
    """The layout. InvalidArgumentError: it is none."""
    if layout not in _LAYOUTS:
        raise errors.InvalidArgumentError(f"requires y_layout of {' or '.join(_LAYOUTS)}, but it is {layout!r}")
    return layout


def _launch(x: Tensor, y: Tensor) -> None:
    rows, cols = x.shape
    grid = (triton.cdiv(rows, _TILE), triton.cdiv(cols, _TILE))
    with torch.cuda.device(x.device):
        _transpose_tile[grid](x, y, rows, cols, x.stride(0), y.stride(0), tile=_TILE)


@functools.cache
def _triton_works(device: torch.device) -> bool:
    """Whether Triton compiles here: it needs a C compiler and a GPU that it knows."""
    if triton is None:
        return False
    x = torch.arange(6.0, device=device).view(2, 3)
    y = torch.empty(3, 2, device=device)
    try:
        _launch(x, y)
    except Exception:  # Triton documents no exceptions.
        return False
    return torch.equal(y, x.t())


def to_feature_major(x: Tensor, width: int) -> Tensor:
    """x, T x K, as a contiguous K x `width`; columns from T on are undefined.

    No copy if x is a transposed view of just that, as a sparse layer returns it.
    """
    if len(x) == width and x.t().is_contiguous() and x.data_ptr() % 16 == 0:
        return x.t()
    return copy_feature_major(x, width)


def copy_feature_major(x: Tensor, width: int) -> Tensor:
    """to_feature_major(), always as a copy."""
    tokens, cols = x.shape
    y = x.new_empty(cols, width)
    # Few rows fill no tile.
    if tokens >= _TILE and x.stride(1) == 1 and _triton_works(x.device):
        _launch(x, y)
    else:
        y[:, :tokens] = x.t()
    return y


def new_result(like: Tensor, rows: int, tokens: int, layout: str) -> Tensor:
    """An R x T matrix without values, whose memory is R x T or, token-major, T x R."""
    strides = (1, rows) if layout == "token_major" else (tokens, 1)
    return like.new_empty_strided((rows, tokens), strides)


def to_layout(y: Tensor, tokens: int, layout: str) -> Tensor:
    """The first columns of y, R x T of either layout, in memory as new_result() has it.

    No copy if they are there.
    """
    if layout == "token_major":
        y = to_feature_major(y[:, :tokens], y.shape[0]).t()
    else:
        y = to_feature_major(y.t()[:tokens], tokens)
    # No view: autograd would forbid to change what an operator returns as one in place.
    return y.data
