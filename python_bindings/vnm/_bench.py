# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file measures kernels on this machine's GPU, with the project's benchmark.

"""`vnm bench`: benchmarks/gpu with kernels that the package's library compiles."""

import ctypes
import importlib.util
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Optional

from ._checkpoint import check_writable
from ._compile import compile, find_toolkit
from .errors import Error, FileError, LibraryError

# Kernels need PTX 8.5: a driver for CUDA 12.5.
_OLDEST_DRIVER = 12050
_DEFAULT_TOOLKITS = ("/usr/local/cuda", "/opt/cuda")
# CUdevice_attribute.
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


def find_benchmark() -> pathlib.Path:
    """The folder of the benchmark's scripts: in the package, or in the source tree."""
    package = pathlib.Path(__file__).resolve().parent
    for folder in (package / "benchmarks" / "gpu", package.parent.parent / "benchmarks" / "gpu"):
        if (folder / "run.py").is_file():
            return folder
    raise LibraryError(f"requires the benchmark's scripts in '{package}/benchmarks/gpu', but there are none")


def find_chip() -> str:
    """The chip of the first GPU, such as "sm_90a".

    Errors: no driver, one that is too old, no GPU, no PyTorch, which times.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise LibraryError(f"requires an NVIDIA GPU and its driver, but libcuda.so.1 does not load: {error}") from error
    count, version = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        raise LibraryError("requires an NVIDIA GPU, but the driver finds none")
    driver.cuDriverGetVersion(ctypes.byref(version))
    if version.value < _OLDEST_DRIVER:
        raise LibraryError(
            "requires a driver for CUDA 12.5 or later, but it is one for "
            f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"
        )
    if importlib.util.find_spec("torch") is None:
        raise LibraryError("requires PyTorch with CUDA to measure with, but there is no module torch")
    parts = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        value = ctypes.c_int()
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0)
        parts.append(value.value)
    # Hopper's and Blackwell's own instructions are those of the chips with an "a".
    return f"sm_{parts[0]}{parts[1]}" + ("a" if parts[0] >= 9 else "")


def has_ptxas() -> bool:
    """Whether the library will find NVIDIA's assembler."""
    folders = [find_toolkit(), *_DEFAULT_TOOLKITS]
    return shutil.which("ptxas") is not None or any(
        folder and os.access(os.path.join(folder, "bin", "ptxas"), os.X_OK) for folder in folders
    )


def run_as_vnm_opt(arguments: Sequence[str]) -> int:
    """Does what the benchmark asks of vnm-opt: SOURCE --PASS[=OPTIONS]... [-o FILE].

    Without ptxas a cubin becomes PTX, which the driver compiles. Returns the exit status.
    """
    passes, source, rest = [], "", iter(arguments)
    for argument in rest:
        if argument == "-o":
            next(rest)
        elif argument.startswith("--"):
            name, _, options = argument[2:].partition("=")
            if not has_ptxas():
                options = options.replace("format=bin", "format=isa")
            passes.append(f"{name}{{{options}}}")
        else:
            source = argument
    try:
        with open(source, encoding="utf-8") as file:
            compile(file.read(), pipeline=f"builtin.module({','.join(passes)})", ir=None, remarks="")
    except Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _write_compiler(folder: pathlib.Path) -> None:
    """Writes folder/bin/vnm-opt, which is this package."""
    path = folder / "bin" / "vnm-opt"
    path.parent.mkdir()
    parent = str(pathlib.Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {parent!r}); from vnm._bench import run_as_vnm_opt as r; "
    code += "sys.exit(r(sys.argv[1:]))"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def build(
    folder: str,
    chip: str,
    shapes: Sequence[str],
    patterns: Sequence[str],
    dtype: str = "f16",
    token_major: bool = False,
    jobs: int = 1,
    weight_layout: str = "fragments",
) -> int:
    """Compiles a kernel per shape and pattern into `folder`; returns the exit status."""
    try:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"requires a folder that can be written, but '{folder}' cannot: {error.strerror}") from error
    with tempfile.TemporaryDirectory() as tools:
        _write_compiler(pathlib.Path(tools))
        command = [sys.executable, str(find_benchmark() / "run.py"), "build", "--dir", folder, "--build", tools]
        command += ["--chip", chip, "--dtype", dtype, "--jobs", str(jobs), "--shapes", *shapes]
        command += ["--weight-layout", weight_layout, "--patterns", *patterns]
        command += ["--token-major"] if token_major else []
        return subprocess.run(command, check=False).returncode


def bench(
    shapes: Sequence[str],
    patterns: Sequence[str],
    *,
    chip: Optional[str] = None,
    dtype: str = "f16",
    token_major: bool = False,
    weight_layout: str = "fragments",
    folder: Optional[str] = None,
    json: Optional[str] = None,
    jobs: int = 1,
    sustained: Optional[float] = None,
    cusparselt: bool = False,
) -> int:
    """Compiles and measures kernels beside cuBLAS; returns the exit status.

    Shapes are RxKxT or names of sets (docs/performance.md), patterns V:N:M. With
    `weight_layout` "fragments", kernels that can read weights in fragments do.
    """
    chip = find_chip() if chip is None else (find_chip(), chip)[1]
    if json:
        check_writable(json)
    with tempfile.TemporaryDirectory() as temporary:
        target = folder or temporary
        status = build(target, chip, shapes, patterns, dtype, token_major, jobs, weight_layout)
        if status:
            return status
        command = [sys.executable, str(find_benchmark() / "run.py"), "run", "--dir", target, "--dtype", dtype]
        command += ["--json", os.path.abspath(json)] if json else []
        command += ["--sustained", str(sustained)] if sustained is not None else []
        command += [] if cusparselt else ["--no-cusparselt"]
        return subprocess.run(command, check=False).returncode
