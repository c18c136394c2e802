# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file chooses what a weight keeps with torch.

"""Masks and structures in torch ops, on any device."""

from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor
from torch.nn import functional

from .. import _prune, _tensor
from .._pattern import Pattern, PatternLike
from ..errors import InvalidArgumentError
from ._columns import LANES, check_choice, choose_columns, needs_exchange
from ._scores import importance

_UNUSED_NIBBLE = 4
_GROUPS_PER_WORD = 4


class Structure(NamedTuple):
    """What a packed weight keeps (docs/storage-format.md), on one device."""

    pattern: Pattern
    form: str  #: "strict" or "free"
    shape: "tuple[int, int]"  #: (R, K)
    metadata: Tensor  #: R x ceil(G / 4) int16
    columns: Tensor  #: P x 4G; int16, read unsigned, for K up to 65535, else int32
    rows: Optional[Tensor] = None  #: R int32, or None for rows in their own order

    def value_columns(self) -> Tensor:
        """The column of every stored value, R x 2G int64; K for an empty slot."""
        return value_columns(self.metadata, self.columns, self.pattern.v, self.shape[1])

    def mask(self) -> Tensor:
        """The mask, R x K bool, in the weight's own row order."""
        rows, cols = self.shape
        mask = torch.zeros(rows, cols + 1, dtype=torch.bool, device=self.metadata.device)
        mask.scatter_(1, self.value_columns(), True)
        return _in_own_order(mask[:, :cols].contiguous(), self.rows)

    def gather(self, weight: Tensor) -> Tensor:
        """What is kept of an R x K weight, R x 2G; +0 in empty slots."""
        stored = weight if self.rows is None else weight[self.rows.long()]
        return functional.pad(stored, (0, 1)).gather(1, self.value_columns())

    def to_host(self) -> _tensor.Structure:
        """The same as a structure of the C library, which verifies it."""
        values = torch.zeros(self.metadata.shape[0], self.columns.shape[1] // 2, dtype=torch.int8)
        return to_host(self, values).structure


def structure(
    weight: Optional[Tensor] = None,
    pattern: PatternLike = "64:2:8",
    *,
    scores: Optional[Tensor] = None,
    form: str = "strict",
    column_choice: str = "exact",
    effort: str = "default",
    permute_rows: bool = False,
    **criterion: Any,
) -> Structure:
    """Chooses what a weight keeps, by its importance or by given scores.

    As vnm.structure(), bit for bit, on the weight's device: in strict form in torch
    ops; in free form the C library searches, on the host. Further keywords are those
    of importance(). InvalidArgumentError: scores that are negative or not finite.

    >>> import torch
    >>> kept = structure(torch.randn(64, 64), "16:2:8")
    >>> kept.metadata.shape, kept.columns.shape
    (torch.Size([64, 2]), torch.Size([4, 32]))
    """
    if (scores is None) == (weight is None):
        raise InvalidArgumentError("requires a weight or scores, but there are both or none")
    if scores is None:
        scores = importance(weight, **criterion)
    else:
        if criterion:
            raise InvalidArgumentError(f"requires no {sorted(criterion)[0]} beside scores, but it is given")
        scores = check_scores(scores)
    pattern = Pattern(pattern)
    check_search(form, column_choice, effort, permute_rows)
    if form == "strict":
        return _strict(scores, pattern, column_choice)
    found = _prune.structure(
        scores=scores.cpu().numpy(),
        pattern=pattern,
        form=form,
        column_choice=column_choice,
        effort=effort,
        permute_rows=permute_rows,
    )
    return from_host(found, scores.device)


def check_search(form: str, column_choice: str, effort: str, permute_rows: bool) -> None:
    """InvalidArgumentError: options of a search that are none, or do not go together."""
    check_choice(column_choice)
    _prune.prune_options(form, column_choice, effort, permute_rows)


def prune(weight: Optional[Tensor] = None, pattern: PatternLike = "64:2:8", **options: Any) -> Tensor:
    """The mask, R x K bool, of what a weight keeps; keywords are structure()'s.

    >>> import torch
    >>> float(prune(torch.randn(64, 64), "64:2:8").float().mean())
    0.25
    """
    return structure(weight, pattern, **options).mask()


def check_scores(scores: Tensor) -> Tensor:
    """Scores as R x K float32. InvalidArgumentError: negative, not finite, other rank."""
    if scores.ndim != 2 or 0 in scores.shape:
        raise InvalidArgumentError(f"requires R x K scores, but their shape is {tuple(scores.shape)}")
    scores = scores.detach().to(torch.float32)
    bad = ~(torch.isfinite(scores) & (scores >= 0))
    if bool(bad.any()):
        row, col = bad.nonzero()[0].tolist()
        raise InvalidArgumentError(
            f"requires scores to be finite and not negative, but score ({row}, {col}) is {scores[row, col].item()}"
        )
    return scores


def _strict(scores: Tensor, pattern: Pattern, choice: str) -> Structure:
    rows, cols = scores.shape
    m = pattern.m
    groups = -(-cols // m)
    # Missing columns lose against any score; missing rows change no sum.
    padded = functional.pad(scores, (0, groups * m - cols), value=-1.0) if cols % m else scores
    ids = _group_columns(padded, cols, pattern, choice)
    panel = torch.arange(rows, device=scores.device) // pattern.v
    chosen = padded.reshape(rows, groups, m).gather(2, ids[panel])
    low, high = _two_largest(chosen)
    first = m * torch.arange(groups, device=scores.device)[:, None]
    columns = (ids + first).clamp(max=cols)
    return Structure(pattern, "strict", (rows, cols), _to_words(low, high), as_ids(columns.flatten(1), cols))


def _group_columns(padded: Tensor, cols: int, pattern: Pattern, choice: str) -> Tensor:
    """The columns of every block within its group, P x G x 4, of `cols` columns."""
    v, m = pattern.v, pattern.m
    tail = cols % m
    if tail == 0 or not needs_exchange(m):
        return _block_columns(padded, v, m, choice)
    # How a group is searched depends on its width, and the tail is narrower.
    parts = [_block_columns(padded[:, cols - tail : cols - tail + max(tail, 4)], v, max(tail, 4), choice)]
    if cols > m:
        parts.insert(0, _block_columns(padded[:, : cols - tail], v, m, choice))
    return torch.cat(parts, 1)


def _block_columns(padded: Tensor, v: int, m: int, choice: str) -> Tensor:
    """The same of groups of one width, padded to it."""
    rows, width = padded.shape
    panel_rows = min(v, -(-rows // LANES) * LANES)
    panels = -(-rows // panel_rows)
    missing = panels * panel_rows - rows
    tall = functional.pad(padded, (0, 0, 0, missing)) if missing else padded
    blocks = tall.reshape(panels, panel_rows // LANES, LANES, width // m, m).permute(4, 1, 2, 0, 3)
    return choose_columns(blocks.flatten(3), choice).view(panels, width // m, 4)


def _two_largest(four: Tensor) -> "tuple[Tensor, Tensor]":
    """Positions of the two largest of the last dimension, ties to the lower."""
    a, b, c, d = four.unbind(-1)
    ab, ac, ad, bc, bd, cd = a >= b, a >= c, a >= d, b >= c, b >= d, c >= d

    def wins(*beaten: Tensor) -> Tensor:
        one, two, three = beaten
        return (one & two) | (one & three) | (two & three)

    keeps_a, keeps_b = wins(ab, ac, ad), wins(~ab, bc, bd)
    keeps_c, keeps_d = wins(~ac, ~bc, cd), wins(~ad, ~bd, ~cd)
    low = torch.where(keeps_a, 0, torch.where(keeps_b, 1, 2))
    high = torch.where(keeps_d, 3, torch.where(keeps_c, 2, 1))
    return low, high


def _to_words(low: Tensor, high: Tensor) -> Tensor:
    """Metadata words, R x ceil(G / 4) int16, of positions."""
    nibbles = (low | high << 2).to(torch.int32)
    missing = -nibbles.shape[1] % _GROUPS_PER_WORD
    nibbles = functional.pad(nibbles, (0, missing), value=_UNUSED_NIBBLE).unflatten(1, (-1, _GROUPS_PER_WORD))
    words = nibbles[..., 0] | nibbles[..., 1] << 4 | nibbles[..., 2] << 8 | nibbles[..., 3] << 12
    return _wrap(words, 16).to(torch.int16)


def _wrap(words: Tensor, bits: int) -> Tensor:
    """Unsigned numbers as the signed ones of the same bits."""
    return torch.where(words >= 1 << (bits - 1), words - (1 << bits), words)


def as_ids(columns: Tensor, cols: int) -> Tensor:
    """Column ids in the integer type that K asks for (docs/storage-format.md, D3)."""
    if cols > 0xFFFF:
        return columns.to(torch.int32)
    return _wrap(columns.to(torch.int32), 16).to(torch.int16)


def value_columns(metadata: Tensor, columns: Tensor, v: int, cols: int) -> Tensor:
    """The column of every stored value, R x 2G int64; `cols` for an empty slot."""
    rows, groups = metadata.shape[0], columns.shape[1] // 4
    shifts = torch.arange(0, 16, 4, device=metadata.device)
    nibbles = (metadata.to(torch.int64)[..., None] >> shifts & 15).flatten(1)[:, :groups]
    positions = torch.stack([nibbles & 3, nibbles >> 2], -1)
    ids = columns.to(torch.int64)
    if columns.dtype == torch.int16:
        ids = ids & 0xFFFF
    panel = torch.arange(rows, device=metadata.device) // v
    return ids.unflatten(1, (groups, 4))[panel].gather(2, positions).flatten(1)


def _in_own_order(stored: Tensor, rows: Optional[Tensor]) -> Tensor:
    """Stored rows, each moved to where `rows` says."""
    if rows is None:
        return stored
    return torch.empty_like(stored).index_copy_(0, rows.long(), stored)


def to_dense(values: Tensor, metadata: Tensor, columns: Tensor, rows: Optional[Tensor], v: int, cols: int) -> Tensor:
    """The dense weight, R x K, of the arrays of a packed one; pruned elements are +0."""
    dense = torch.zeros(values.shape[0], cols + 1, dtype=values.dtype, device=values.device)
    dense.scatter_(1, value_columns(metadata, columns, v, cols), values)
    return _in_own_order(dense[:, :cols].contiguous(), rows)


def from_host(found: _tensor.Structure, device: Any) -> Structure:
    """A structure of the C library on a device."""
    cols = found.shape[1]
    return Structure(
        found.pattern,
        found.form,
        found.shape,
        torch.from_numpy(found.metadata.view("int16").copy()).to(device),
        as_ids(torch.from_numpy(found.columns.copy()), cols).to(device),
        None if found.rows is None else torch.from_numpy(found.rows.copy()).to(device),
    )


def to_host(kept: Structure, values: Tensor) -> _tensor.VNMTensor:
    """The packed weight as the C library's, which verifies every rule; FormatError."""
    columns = kept.columns.cpu().numpy()
    bits = values.detach().cpu()
    return _tensor.VNMTensor.from_arrays(
        (bits.view(torch.int16).numpy().view("uint16") if bits.dtype == torch.bfloat16 else bits.numpy()),
        kept.metadata.cpu().numpy().view("uint16"),
        columns.view("uint16") if columns.dtype == "int16" else columns,
        None if kept.rows is None else kept.rows.cpu().numpy(),
        cols=kept.shape[1],
        pattern=kept.pattern,
        form=kept.form,
        dtype="bf16" if bits.dtype == torch.bfloat16 else None,
    )
