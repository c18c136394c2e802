# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file chooses the 4 columns of every block with torch.

"""The choice of columns in torch ops, bit for bit that of lib/Sparsity.

Scores are tensors of M x B x 16 x n: column of a group, block of 16 rows, row of the
block, and the n pairs of panel and group. A choice is worth the sum over rows of their
two largest scores, rounded in the library's order (sum_rows).
"""

import itertools

import torch
from torch import Tensor

from ..errors import InvalidArgumentError

LANES = 16
# Groups of up to this many columns are searched exactly; wider ones by exchange.
_MAX_EXACT = 32
# Elements of the largest temporary: all of a big weight on a GPU, a cache on a CPU.
_BUDGET = {"cuda": 1 << 27, "cpu": 1 << 18}
COLUMN_CHOICES = ("exact", "l1")


def check_choice(choice: str) -> str:
    """The column choice. InvalidArgumentError: it is none."""
    if choice not in COLUMN_CHOICES:
        raise InvalidArgumentError(f"requires a column choice of exact or l1, but it is {choice!r}")
    return choice


def needs_exchange(width: int) -> bool:
    """Whether a group of so many columns is too wide for an exact search."""
    return width > _MAX_EXACT


def choose_columns(columns: Tensor, choice: str) -> Tensor:
    """The 4 ascending columns that every block keeps, n x 4 int64, of M x B x 16 x n."""
    width, blocks, _, count = columns.shape
    if width == 4:
        return torch.arange(4, device=columns.device).repeat(count, 1)
    pairs = width * (width - 1) // 2 if choice == "exact" and width <= _MAX_EXACT else width
    step = max(1, _BUDGET.get(columns.device.type, _BUDGET["cpu"]) // (2 * pairs * blocks * LANES))
    if choice == "l1":
        choose = _by_column_sum
    elif width <= _MAX_EXACT:
        choose = _by_enumeration
    else:
        choose = _by_exchange
    parts = [choose(columns[..., begin : begin + step]) for begin in range(0, count, step)]
    return torch.cat(parts, 1).t()


def sum_rows(values: Tensor) -> Tensor:
    """Sums ... x B x 16 x n over blocks in order, then over halves of the 16 lanes."""
    blocks = values.unbind(-3)
    total = blocks[0]
    for block in blocks[1:]:
        total = total + block
    for half in (8, 4, 2, 1):
        total = total[..., :half, :] + total[..., half : 2 * half, :]
    return total.squeeze(-2)


def _first_of_largest(values: Tensor) -> "tuple[Tensor, Tensor]":
    """The largest over the first dimension, and where it is first."""
    largest = values.amax(0)
    order = torch.arange(len(values), device=values.device)[:, None]
    return largest, torch.where(values == largest, order, len(values)).amin(0)


def _by_column_sum(columns: Tensor) -> Tensor:
    """The 4 columns of largest sum, ties to the lower: 4 x n."""
    order = torch.sort(sum_rows(columns), stable=True, dim=0, descending=True).indices
    return order[:4].sort(0).values


def _by_enumeration(columns: Tensor) -> Tensor:
    """The best of all four columns, ties to the first in lexicographic order."""
    pairs = list(itertools.combinations(range(columns.shape[0]), 2))
    left, right = torch.tensor(pairs, device=columns.device).unbind(1)
    a, b = columns[left], columns[right]
    high, total = torch.maximum(a, b), a + b
    del a, b
    quads, values = [], []
    for i, (_, second) in enumerate(pairs):
        begin = next((k for k, pair in enumerate(pairs) if pair[0] > second), len(pairs))
        if begin == len(pairs):
            continue
        # The two largest of four add up to the largest of three sums, rounded or not.
        kept = high[begin:] + high[i]
        torch.maximum(kept, total[begin:], out=kept)
        torch.maximum(kept, total[i], out=kept)
        values.append(sum_rows(kept))
        quads += [pairs[i] + pair for pair in pairs[begin:]]
    _, best = _first_of_largest(torch.cat(values))
    return torch.tensor(quads, device=columns.device)[best].t()


def _by_exchange(columns: Tensor) -> Tensor:
    """Columns of largest sum, improved by the best exchange of one until none helps."""
    ids = _by_column_sum(columns)
    kept = sum_rows(_kept_with(columns, ids[:3], _pick(columns, ids[3])))
    candidates = torch.arange(columns.shape[0], device=columns.device)[:, None]
    while True:
        best, best_ids = kept, ids
        taken = (candidates[:, None] == ids).any(1)
        for dropped in range(4):
            others = torch.cat([ids[:dropped], ids[dropped + 1 :]])
            values = sum_rows(_kept_with(columns, others, columns)).masked_fill(taken, -torch.inf)
            value, index = _first_of_largest(values)
            better = value > best
            best = torch.where(better, value, best)
            best_ids = torch.where(better, torch.cat([others, index[None]]), best_ids)
        if not bool((best > kept).any()):
            return ids
        ids, kept = best_ids.sort(0).values, best


def _pick(columns: Tensor, ids: Tensor) -> Tensor:
    """Column ids[i] of every pair i: B x 16 x n."""
    return columns.gather(0, ids.expand(1, *columns.shape[1:])).squeeze(0)


def _kept_with(columns: Tensor, three: Tensor, fourth: Tensor) -> Tensor:
    """What rows keep of three columns by their ids and of a fourth by its scores."""
    a, b, c = (_pick(columns, ids) for ids in three)
    high, low = torch.maximum(a, b), torch.minimum(a, b)
    first = torch.maximum(high, c)
    second = torch.maximum(low, torch.minimum(high, c))
    return first + torch.maximum(second, fourth)
