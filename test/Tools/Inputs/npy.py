# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file writes and prints small .npy files without numpy:
#   npy.py write FILE DTYPE SHAPE VALUE...    npy.py show FILE

import ast
import struct
import sys

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i",
         "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "b1": "?"}


def code(descr):
    return CODES[descr.lstrip("<|")]


def write(path, descr, shape, *values):
    dims = tuple(int(dim) for dim in shape.split(",") if dim)
    header = repr({"descr": descr, "fortran_order": False, "shape": dims})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    numbers = [float(v) if "f" in descr else int(v) for v in values]
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
        file.write(header.encode())
        file.write(struct.pack(f"<{len(numbers)}{code(descr)}", *numbers))


def show(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode())
    body = data[10 + length :]
    descr = header["descr"]
    size = struct.calcsize(code(descr))
    values = struct.unpack(f"<{len(body) // size}{code(descr)}", body)
    print(descr, header["shape"], *(f"{v:g}" if isinstance(v, float) else v for v in values))


{"write": write, "show": show}[sys.argv[1]](*sys.argv[2:])
