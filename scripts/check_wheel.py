#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks what a wheel, or a static libVNM-C.so, needs and shows.

    scripts/check_wheel.py build/wheel/vnm-0.1.0-py3-none-linux_x86_64.whl
    scripts/check_wheel.py build/static/lib/libVNM-C.so

The library may need the C library (glibc 2.34) and nothing else, and shows functions
of include/vnm-c only. A wheel is for every Python 3, at most 60 MB large, and needs
numpy. Prints what it found; exit status 1 if something is not so.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

MAX_WHEEL_BYTES = 60_000_000
NEEDED = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}
GLIBC = (2, 34)  # RHEL 9's; Debian 12 has 2.36
LLVM_TOOLS = pathlib.Path("/usr/lib/llvm-22/bin")


def output(tool, *arguments):
    return subprocess.run([LLVM_TOOLS / tool, *arguments], check=True, capture_output=True, text=True).stdout


def check_library(path):
    """Problems of the shared library at `path`."""
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("llvm-readelf", "-d", path)))
    if needed - NEEDED:
        yield f"requires only {', '.join(sorted(NEEDED))} to be needed, but so is {', '.join(sorted(needed - NEEDED))}"
    symbols = output("llvm-nm", "-D", "--defined-only", "--format=just-symbols", path).split()
    foreign = [symbol for symbol in symbols if not re.match(r"vnm[A-Z]", symbol)]
    if foreign or not symbols:
        yield f"requires symbols that begin with vnm, but {foreign[0] if foreign else 'there is none'}"
    versions = re.findall(r"@GLIBC_([\d.]+)", output("llvm-nm", "-D", "--undefined-only", path))
    newest = max(tuple(map(int, version.split("."))) for version in versions)
    if newest > GLIBC:
        yield f"requires glibc {'.'.join(map(str, GLIBC))} at most, but a symbol has {'.'.join(map(str, newest))}"
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(symbols)} functions, needs {', '.join(sorted(needed))}")


def check_wheel(path):
    """Problems of the wheel at `path`, its library's among them."""
    size = path.stat().st_size
    print(f"{path.name}: {size / 1e6:.1f} MB")
    if size > MAX_WHEEL_BYTES:
        yield f"requires a wheel of at most {MAX_WHEEL_BYTES} bytes, but it has {size}"
    if not path.name.endswith("-py3-none-linux_x86_64.whl"):
        yield f"requires a wheel for every Python 3 on x86-64, but it is {path.name}"
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
        requirements = re.findall(r"(?m)^Requires-Dist: ([\w-]+)(?!.*extra ==)", metadata)
        if requirements != ["numpy"]:
            yield f"requires numpy alone to be required, but these are: {', '.join(requirements)}"
        if "Requires-Python: >=3.9" not in metadata:
            yield "requires Python 3.9 to be the oldest, but the metadata says otherwise"
        libraries = [name for name in names if ".so" in name]
        if libraries != ["vnm/libVNM-C.so"]:
            yield f"requires vnm/libVNM-C.so as the one library, but there are {libraries}"
            return
        yield from check_library(pathlib.Path(archive.extract(libraries[0], folder)))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1])
    if not path.is_file():
        sys.exit(f"error: requires a file, but there is no '{path}'")
    problems = list((check_wheel if path.suffix == ".whl" else check_library)(path))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
