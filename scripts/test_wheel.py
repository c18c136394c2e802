#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs a wheel in empty environments and runs the examples of the README there.

    scripts/test_wheel.py build/wheel/vnm-0.1.0-py3-none-linux_x86_64.whl [PYTHON...]

By default for every Python from 3.9 on in PATH, in /usr/bin and of pyenv. Needs an
index that pip gets numpy from. Exit status 1 if an example fails, or if no Python
could be tried.
"""

import argparse
import glob
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "python.md"]
# In the environment's Python: examples, a kernel, and whose code is in the process.
CHECK = r"""
import doctest, re, sys, vnm
failed = sum(doctest.testfile(page, module_relative=False).failed for page in sys.argv[1:])
compiled = vnm.compile_linear(64, 128, chip="sm_90a", bias=True, activation="gelu")
assert ".target sm_90a" in compiled.ptx and compiled.kernels
maps = open("/proc/self/maps").read()
foreign = re.findall(r"\S*lib(?:LLVM|MLIR)[^\s]*", maps)
assert not foreign, f"requires no LLVM but the wheel's, but there is {foreign[0]}"
assert "site-packages/vnm/libVNM-C.so" in maps
sys.exit(1 if failed else 0)
"""


def version_of(python):
    """(major, minor) of an interpreter that runs; None otherwise."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, done.stdout.split()))


def find_pythons():
    """One interpreter per version from 3.9 on."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin"]
    candidates = [path for folder in folders for path in sorted(glob.glob(f"{folder}/python3*"))]
    candidates = ["/usr/bin/python3", *candidates, *glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))]
    found = {}
    for path in candidates:
        name = os.path.basename(path)
        if name != "python3" and not name[len("python3") :].lstrip(".").isdigit():
            continue
        version = version_of(path)
        if version and version >= (3, 9):
            found.setdefault(version, path)
    return [found[version] for version in sorted(found)]


def try_python(python, wheel, folder):
    """Returns None, or what went wrong; raises LookupError if the environment cannot be made."""
    environment = folder / "env"
    try:
        subprocess.run([python, "-m", "venv", environment], check=True, capture_output=True, text=True)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "numpy"], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise LookupError((error.stderr or error.stdout).strip().splitlines()[-1]) from error
    done = subprocess.run([*pip, wheel], capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    bare = {"PATH": f"{environment}/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)}
    for command in ([environment / "bin" / "python", "-I", "-c", CHECK, *PAGES], [environment / "bin" / "vnm", "--version"]):
        done = subprocess.run(command, env=bare, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            return done.stdout + done.stderr
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    options = parser.parse_args()
    wheel = options.wheel.resolve()
    if not wheel.is_file():
        parser.error(f"requires a wheel, but '{options.wheel}' is no file")
    tried = failed = 0
    for python in options.pythons or find_pythons():
        version = version_of(python)
        name = f"Python {'.'.join(map(str, version))} ({python})" if version else python
        with tempfile.TemporaryDirectory() as folder:
            try:
                problem = try_python(python, wheel, pathlib.Path(folder))
            except LookupError as error:
                print(f"{name}: not tried: {error}")
                continue
        tried += 1
        failed += problem is not None
        print(f"{name}: {'works' if problem is None else 'FAILED'}", flush=True)
        if problem is not None:
            print(problem, file=sys.stderr)
    print(f"{tried - failed} of {tried} Pythons work")
    return 0 if tried and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
