# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes operands for wgmma.mlir, laid out for descriptors without swizzle,
# and checks its result, twice A times B:
#   wgmma.py write X    wgmma.py check X Y

import sys

import numpy as np


def pieces(matrix):
    """Rows by 16 columns to pieces of 8 rows by 8 columns, columns fastest."""
    return matrix.reshape(-1, 8, 2, 8).transpose(0, 2, 1, 3).ravel()


def unpack(flat):
    return flat.reshape(-1, 2, 8, 8).transpose(0, 2, 1, 3).reshape(-1, 16).astype(np.float64)


if sys.argv[1] == "write":
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((n, 16)).astype(np.float16) for n in (64, 8))
    np.save(sys.argv[2], np.concatenate([pieces(a), pieces(b)]))
else:
    x, y = np.load(sys.argv[2]), np.load(sys.argv[3])
    wanted = 2 * unpack(x[:1024]) @ unpack(x[1024:]).T
    error = np.max(np.abs(y.reshape(64, 8) - wanted)) / np.max(np.abs(wanted))
    sys.exit(f"the error is {error}" if not error < 1e-5 else 0)
