# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs a command with the contents of a file as its pass pipeline:
#   with_pipeline.py FILE COMMAND...

import subprocess
import sys

with open(sys.argv[1]) as file:
    pipeline = file.read().strip()
sys.exit(subprocess.run(sys.argv[2:] + [f"--pass-pipeline={pipeline}"]).returncode)
