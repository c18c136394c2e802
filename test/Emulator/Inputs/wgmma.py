# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes operands for wgmma.mlir, laid out for descriptors without swizzle
# and for registers, and checks the results:
#   wgmma.py write dense|sparse X    wgmma.py check dense|sparse Y

import sys

import numpy as np

RNG = np.random.default_rng(1)


def halves(*shape):
    return RNG.standard_normal(shape).astype(np.float16)


def pieces(matrix):
    """Rows to pieces of 8 rows by 8 columns, columns fastest."""
    return matrix.reshape(-1, 8, matrix.shape[1] // 8, 8).transpose(0, 2, 1, 3).ravel()


def dense():
    """64 x 16 of A and 8 x 16 of B by columns; the result is 2 A B."""
    a, b = halves(64, 16), halves(8, 16)
    return np.concatenate([pieces(a), pieces(b)]), 2 * a.astype(np.float64) @ b.T.astype(np.float64)


def sparse():
    """8 x 32 of B by columns; then, per lane, the registers of A and metadata."""
    values, b = halves(64, 16), halves(8, 32)
    pairs = np.array([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)])
    position = pairs[RNG.integers(0, 6, (64, 8))]  # rows x groups x 2
    full = np.zeros((64, 32))
    columns = (4 * np.arange(8)[:, None] + position).reshape(64, 16)
    np.put_along_axis(full, columns, values.astype(np.float64), axis=1)
    nibbles = position[:, :, 0] | position[:, :, 1] << 2
    lanes = np.arange(128)
    row, q = 16 * (lanes // 32) + lanes % 32 // 4, lanes % 4
    words = np.zeros((128, 4, 2), np.float16)
    for register in range(4):
        for half in range(2):
            words[:, register, half] = values[row + 8 * (register % 2), 2 * q + 8 * (register // 2) + half]
    # Lanes 0 and 1 of four hold 16 columns each, of two rows.
    shifts = 4 * np.arange(4)
    group = 4 * (q % 2)[:, None] + np.arange(4)
    low = np.sum(nibbles[row[:, None], group] << shifts, axis=1)
    high = np.sum(nibbles[row[:, None] + 8, group] << shifts, axis=1)
    metadata = (low | high << 16).astype(np.uint32)
    x = np.concatenate([pieces(b), words.ravel(), metadata.view(np.float16)])
    return x, full @ b.T.astype(np.float64)


x, wanted = {"dense": dense, "sparse": sparse}[sys.argv[2]]()
if sys.argv[1] == "write":
    np.save(sys.argv[3], x)
else:
    error = np.max(np.abs(np.load(sys.argv[3]).reshape(64, 8) - wanted)) / np.max(np.abs(wanted))
    sys.exit(f"the error is {error}" if not error < 1e-5 else 0)
