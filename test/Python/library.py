# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests how the package finds the library, and what it says if it does
# not.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && %vnm_python %s %vnm_src/python_bindings %vnm_libs/libVNM-C.so %t

import os
import pathlib
import shutil
import subprocess
import sys

package, library, work = (pathlib.Path(path) for path in sys.argv[1:])
SHOW = "import vnm; print(vnm.find_library()); print(vnm.version())"


def run(path, chosen=None):
    environment = {k: v for k, v in os.environ.items() if k != "VNM_LIBRARY"}
    environment["PYTHONPATH"] = str(path)
    if chosen is not None:
        environment["VNM_LIBRARY"] = str(chosen)
    return subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True)


# Named by the variable.
named = run(package, library)
assert named.stdout.split() == [str(library), "0.1.0"], named
missing = run(package, work / "none.so")
assert "LibraryError: requires VNM_LIBRARY to name libVNM-C.so, but there is no file" in missing.stderr, missing
text = work / "text.so"
text.write_text("no library")
wrong = run(package, text)
assert "LibraryError: requires a libVNM-C.so that loads, but" in wrong.stderr, wrong
# A library that loads and is another one.
other = run(package, next(pathlib.Path("/").glob("lib*/**/libm.so.6")))
assert "does not:" in other.stderr and "LibraryError" in other.stderr, other

# Beside the package, away from the tree.
shutil.copytree(package / "vnm", work / "site" / "vnm")
alone = run(work / "site")
assert "LibraryError: requires libVNM-C.so beside the package" in alone.stderr, alone
(work / "site" / "vnm" / "libVNM-C.so").symlink_to(library)
beside = run(work / "site")
assert beside.returncode == 0 and beside.stdout.split()[0].endswith("site/vnm/libVNM-C.so"), beside
print("passed")
