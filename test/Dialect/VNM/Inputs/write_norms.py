# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file writes calibration norms 1, 2, 3, ... per layer as safetensors.
"""Usage: write_norms.py FILE LAYER:SIZE..."""

import json
import struct
import sys

header, data = {}, b""
for argument in sys.argv[2:]:
    name, size = argument.rsplit(":", 1)
    norms = struct.pack(f"<{size}f", *range(1, int(size) + 1))
    header[name] = {
        "dtype": "F32",
        "shape": [int(size)],
        "data_offsets": [len(data), len(data) + len(norms)],
    }
    data += norms
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
