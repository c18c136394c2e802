# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file reads constants out of MLIR text and decodes V:N:M storage with
# numpy. It shares no code with the library: it is an oracle for it.

import re

import numpy as np

_DTYPES = {
    "f16": np.float16,
    "f32": np.float32,
    "i16": np.uint16,
    "i32": np.int32,
}


def read_constants(text):
    """Maps the name of each resource constant's value to (array, dtype)."""
    blobs = {}
    for name, data in re.findall(r'"?([\w.$-]+)"?: "0x([0-9A-Fa-f]+)"', text):
        # A blob starts with four bytes that give its alignment.
        blobs[name] = bytes.fromhex(data)[4:]
    constants = {}
    pattern = r'(%[\w$.-]+) = arith\.constant dense_resource<"?([\w.$-]+)"?> : tensor<([\dx]+)x(\w+)>'
    for value, name, shape, dtype in re.findall(pattern, text):
        if dtype in _DTYPES and name in blobs:
            dims = [int(size) for size in shape.split("x")]
            constants[value] = np.frombuffer(blobs[name], _DTYPES[dtype]).reshape(dims)
    return constants


def read_packed_weights(text):
    """The packed weights of a module in the order of their products: dicts of
    pattern and arrays."""
    constants = read_constants(text)
    weights = {}
    pattern = (
        r"(%\S+) = vnm\.assemble (%\S+), (%\S+), (%\S+) .*?-> "
        r"tensor<(\d+)x(\d+)x\w+, #vnm\.encoding<(\d+):2:(\d+)"
    )
    for match in re.finditer(pattern, text):
        values, metadata, columns = (constants[match[i]] for i in (2, 3, 4))
        rows, cols, v, m = (int(match[i]) for i in (5, 6, 7, 8))
        weights[match[1]] = dict(
            values=values, metadata=metadata, columns=columns, shape=(rows, cols), v=v, m=m
        )
    return [weights[name] for name in re.findall(r"vnm\.matmul ins\((%\S+),", text)]


def decode(weight):
    """The dense float64 matrix of a packed weight and its 0/1 mask."""
    rows, cols = weight["shape"]
    dense = np.zeros((rows, cols))
    mask = np.zeros((rows, cols), bool)
    for row in range(rows):
        panel = row // weight["v"]
        for group in range(-(-cols // weight["m"])):
            nibble = int(weight["metadata"][row, group // 4]) >> 4 * (group % 4) & 0xF
            first, second = nibble & 3, nibble >> 2
            assert first < second, f"positions of row {row}, group {group} do not ascend"
            for which, position in enumerate((first, second)):
                column = int(weight["columns"][panel, 4 * group + position])
                value = weight["values"][row, 2 * group + which]
                if column == cols:
                    assert value == 0, f"row {row} stores {value} where there is no column"
                    continue
                assert not mask[row, column], f"row {row} keeps column {column} twice"
                dense[row, column] = value
                mask[row, column] = True
    return dense, mask


def check_pattern(mask, v, m):
    """Checks that a mask keeps 4 columns of M per panel and 2 of them per row."""
    rows, cols = mask.shape
    for top in range(0, rows, v):
        for left in range(0, cols, m):
            block = mask[top : top + v, left : left + m]
            used = int(block.any(axis=0).sum())
            assert used <= 4, f"the block at ({top}, {left}) uses {used} columns"
            kept = block.sum(axis=1)
            assert (kept == min(2, block.shape[1])).all(), (
                f"a row of the block at ({top}, {left}) keeps {kept.min()} to {kept.max()}"
            )
