# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed weights in the order of a sparse tensor core's registers, with numpy: written
down from the PTX manual's figures for mma.sp.m16n8k32 and from nothing else of this
project."""

import numpy as np


def to_fragments(values, metadata, columns, sentinel):
    """(values, metadata, columns) in fragments of a canonical storage.

    values: R x 2G of 16 bits, metadata: R x ceil(G/4) u16, columns: P x 4G. Returns
    ceil(R/16) x S x 2 x 32 x 8, ceil(R/16) x S x 32 (i32) and P x 64 S, S = ceil(G/16).
    """
    rows, groups = values.shape[0], values.shape[1] // 2
    blocks, stages = -(-rows // 16), -(-groups // 16)
    padded = np.zeros((16 * blocks, 16 * stages, 2), values.dtype)
    padded[:rows, :groups] = values.reshape(rows, groups, 2)
    # Row 8 r + g of a block, group 8 step + 4 c + q of a stage; lane 4 g + q holds of
    # register a_i, i = 2 c + r, a pair.
    split = padded.reshape(blocks, 2, 8, stages, 2, 2, 4, 2)  # b r g s step c q pair
    lanes = split.transpose(0, 3, 4, 2, 6, 5, 1, 7)  # b s step g q c r pair
    words = np.full((16 * blocks, 4 * stages), 0x4444, np.uint32)
    words[:rows, : metadata.shape[1]] = metadata
    halves = words.reshape(blocks, 2, 8, stages, 4)  # b r g s q
    both = halves[:, 0] | halves[:, 1] << 16  # b g s q
    ids = np.full((len(columns), 64 * stages), sentinel, columns.dtype)
    ids[:, : columns.shape[1]] = columns
    return (
        np.ascontiguousarray(lanes).reshape(blocks, stages, 2, 32, 8),
        np.ascontiguousarray(both.transpose(0, 2, 1, 3)).reshape(blocks, stages, 32).view(np.int32),
        ids,
    )
