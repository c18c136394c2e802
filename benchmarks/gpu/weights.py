# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random V:N:M-sparse weights and their packed storage (docs/storage-format.md),
written down from the format's rules and from nothing else of this project."""

import torch

# Positions of two kept values among 4 columns, ordered by the last position, so
# that the first 1, 3 or 6 are those among 2, 3 or 4 columns.
PAIRS = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
CHOICES = [1, 1, 1, 3, 6]


def choose_columns(rows, cols, v, m, generator):
    """Column ids, panels x groups x 4, ascending; a missing one is K."""
    panels, groups = -(-rows // v), -(-cols // m)
    device = generator.device
    first = m * torch.arange(groups, device=device)[:, None]
    candidates = first + torch.arange(m, device=device)
    score = torch.rand(panels, groups, m, generator=generator, device=device)
    score = torch.where(candidates < cols, score, 2.0)
    picked = first + score.argsort(-1)[..., :4]
    return torch.where(picked < cols, picked, cols).sort(-1).values


def random(*size, dtype, generator):
    """Normally distributed floats, or integers of the whole range of `dtype`."""
    if dtype.is_floating_point:
        return torch.randn(*size, generator=generator, device=generator.device).to(dtype)
    range_ = torch.iinfo(dtype)
    return torch.randint(range_.min, range_.max + 1, size, generator=generator, device=generator.device, dtype=dtype)


def make_weight(rows, cols, v, m, dtype, generator):
    """({name: storage part}, the dense weight in float64)."""
    device = generator.device
    columns = choose_columns(rows, cols, v, m, generator)
    groups = columns.shape[1]
    panel = torch.arange(rows, device=device) // v
    count = (columns < cols).sum(-1)[panel]
    choices = torch.tensor(CHOICES, device=device)[count]
    which = (torch.rand(rows, groups, generator=generator, device=device) * choices).long()
    position = torch.tensor(PAIRS, device=device)[which.clamp(max=5)]
    ids = torch.gather(columns[panel], 2, position)
    values = random(rows, groups, 2, dtype=dtype, generator=generator)
    values = torch.where(ids < cols, values, torch.zeros((), dtype=dtype, device=device))

    dense = torch.zeros(rows, cols + 1, dtype=torch.float64, device=device)
    dense.scatter_(1, ids.reshape(rows, -1), values.reshape(rows, -1).double())

    words = -(-groups // 4)
    nibbles = torch.full((rows, 4 * words), 4, dtype=torch.int64, device=device)
    nibbles[:, :groups] = position[..., 0] | position[..., 1] << 2
    shifts = torch.tensor([0, 4, 8, 12], device=device)
    metadata = (nibbles.reshape(rows, words, 4) << shifts).sum(-1)
    id_type = torch.int16 if cols <= 65535 else torch.int32
    parts = {
        "values": values.reshape(rows, -1).contiguous(),
        "metadata": wrap(metadata, torch.int16),
        "columns": wrap(columns.reshape(len(columns), -1), id_type),
    }
    return parts, dense[:, :cols]


def to_fragments(parts, sentinel):
    """The storage parts in the order of a sparse tensor core's registers: written down
    from the PTX manual's figures for mma.sp.m16n8k32."""
    values, metadata, columns = parts["values"], parts["metadata"], parts["columns"]
    rows, groups = values.shape[0], values.shape[1] // 2
    blocks, stages = -(-rows // 16), -(-groups // 16)
    padded = values.new_zeros(16 * blocks, 16 * stages, 2)
    padded[:rows, :groups] = values.reshape(rows, groups, 2)
    # Row 8 r + g of a block, group 8 step + 4 c + q of a stage: lane 4 g + q holds the
    # pair in register a_i, i = 2 c + r.
    split = padded.reshape(blocks, 2, 8, stages, 2, 2, 4, 2)  # b r g s step c q pair
    lanes = split.permute(0, 3, 4, 2, 6, 5, 1, 7).reshape(blocks, stages, 2, 32, 8)
    words = torch.full((16 * blocks, 4 * stages), 0x4444, dtype=torch.int64, device=values.device)
    words[:rows, : metadata.shape[1]] = metadata.long() & 0xFFFF
    halves = words.reshape(blocks, 2, 8, stages, 4)  # b r g s q
    both = (halves[:, 0] | halves[:, 1] << 16).transpose(1, 2).reshape(blocks, stages, 32)
    ids = wrap(columns.new_full((len(columns), 64 * stages), 0).long() + sentinel, columns.dtype)
    ids[:, : columns.shape[1]] = columns
    return {"values": lanes.contiguous(), "metadata": wrap(both, torch.int32), "columns": ids}


def wrap(array, dtype):
    """Integers as unsigned numbers of the width of `dtype`."""
    bits = torch.iinfo(dtype).bits
    signed = torch.where(array >= 1 << (bits - 1), array - (1 << bits), array)
    return signed.to(dtype).contiguous()


def prune_2_of_4(weight):
    """The weight with the two smallest of every 4 neighbours in a row set to 0."""
    groups = weight.float().abs().reshape(weight.shape[0], -1, 4)
    smallest = groups.argsort(-1)[..., :2]
    mask = torch.ones_like(groups).scatter_(-1, smallest, 0.0)
    return weight * mask.reshape(weight.shape).to(weight.dtype)
