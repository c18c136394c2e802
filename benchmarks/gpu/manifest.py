# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the launcher of kernels, a file of the package vnm that needs nothing of it:
beside these scripts, where `build` and an installation copy it, in the package that
these scripts are part of, or in the source tree."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = [HERE, os.path.join(HERE, "..", ".."), os.path.join(HERE, "..", "..", "python_bindings", "vnm")]
LAUNCHER = "_launcher.py"


def find_launcher():
    """The folder of the launcher."""
    for folder in FOLDERS:
        if os.path.exists(os.path.join(folder, LAUNCHER)):
            return os.path.abspath(folder)
    raise SystemExit(f"error: requires {LAUNCHER} in {' or '.join(FOLDERS)}, but there is none")


# Last: the package has modules whose names are common.
sys.path.append(find_launcher())

from _launcher import Kernel, read_manifest  # noqa: E402, F401
