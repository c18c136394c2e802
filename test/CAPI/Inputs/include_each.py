# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes a source in C and one in C++ per header named in the input; each
# includes that header alone, twice.

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
for header in sys.stdin.read().split():
    text = f'#include "vnm-c/{header}"\n#include "vnm-c/{header}"\n'
    for suffix in (".c", ".cpp"):
        (folder / header).with_suffix(suffix).write_text(text)
