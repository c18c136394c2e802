# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the arguments of product-faults.test's product and checks its result
# against float64:
#   product.py write PREFIX    product.py check Y

import sys

import numpy as np

ROWS, COLS, TOKENS, GROUPS = 64, 1152, 64, 144

rng = np.random.default_rng(0)
values = rng.standard_normal((ROWS, 2 * GROUPS)).astype(np.float16)
pairs = np.array([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)])
position = pairs[rng.integers(0, 6, (ROWS, GROUPS))]
columns = np.stack([8 * g + np.sort(rng.choice(8, 4, replace=False)) for g in range(GROUPS)])
x = rng.standard_normal((COLS, TOKENS)).astype(np.float16)

if sys.argv[1] == "write":
    nibbles = (position[:, :, 0] | position[:, :, 1] << 2).reshape(ROWS, -1, 4)
    metadata = np.sum(nibbles << np.array([0, 4, 8, 12]), axis=2).astype(np.uint16)
    parts = {"values": values, "metadata": metadata, "columns": columns.reshape(1, -1).astype(np.uint16), "x": x}
    for name, array in parts.items():
        np.save(f"{sys.argv[2]}.{name}.npy", array)
else:
    dense = np.zeros((ROWS, COLS))
    ids = np.take_along_axis(np.broadcast_to(columns, (ROWS, GROUPS, 4)), position, axis=2)
    np.put_along_axis(dense, ids.reshape(ROWS, -1), values.astype(np.float64), axis=1)
    wanted = dense @ x.astype(np.float64)
    error = np.max(np.abs(np.load(sys.argv[2]) - wanted)) / np.max(np.abs(wanted))
    print("right" if error < 1e-5 else "wrong")
