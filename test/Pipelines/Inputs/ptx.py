# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the PTX text inside a gpu.binary that is read from the standard input."""

import re
import sys

escaped = re.search(r'assembly = "([^"]*)"', sys.stdin.read()).group(1)
print(re.sub(r"\\([0-9A-F]{2})", lambda code: chr(int(code.group(1), 16)), escaped))
