# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file prints the functions that headers of the C interface declare, sorted.

import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text()
print("\n".join(sorted(re.findall(r"VNM_CAPI_EXPORTED\s[^;(]*?\b(vnm\w+)\(", text))))
