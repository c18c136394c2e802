#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs generated kernels and compares them with float64.

Two steps, which may be on two machines. The second needs Python, numpy and an
NVIDIA driver, but neither MLIR nor CUDA:

    scripts/check_gpu.py build --dir gpu-check --chip sm_90a
    python3 gpu-check/check_gpu.py run --dir gpu-check

`build` compiles one function per case into gpu-check/libcases.so. `run` makes
weights, packs them with a few lines of gpu_products.py (not with the library under
test), calls the functions and prints the errors as a table. See
docs/gpu-verification.md.

With `build --target emulate` the same kernels run in the emulator, on the machine
that built them, in each of the orders that `run --orders` lists. `run --dump`
keeps the results, and `compare` holds two such files against each other.
"""

import argparse
import ctypes
import math
import os
import shutil
import subprocess
import sys

import numpy as np

from gpu_cases import get_cases
from gpu_products import EPILOGUES, draw, from_storage, function, make_weight, reference, to_storage

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Per target: the pipeline and the runtime library of its code.
TARGETS = {
    "cuda": ("vnm-lower-to-nvvm", "libvnm_cuda_runtime.so"),
    "emulate": ("vnm-lower-to-emulation", "libvnm_emulator.so"),
}


def build(options):
    """Compiles every case into one shared library."""
    os.makedirs(options.dir, exist_ok=True)
    path = lambda name: os.path.join(options.dir, name)
    llvm = lambda name: os.path.join(options.llvm_bin, name)
    with open(path("cases.mlir"), "w") as file:
        file.write("module {" + "".join(map(function, get_cases(options.family))) + "\n}\n")
    pipeline, runtime = TARGETS[options.target]
    settings = f"chip={options.chip} family={options.family} kernel-token-tile={options.token_tile}"
    if options.target == "cuda":
        settings += f" format={options.format}"
    commands = [
        [os.path.join(options.build, "bin", "vnm-opt"), path("cases.mlir"), f"--{pipeline}={settings}", "-o", path("host.mlir")],
        [llvm("mlir-translate"), "--allow-unregistered-dialect", "--mlir-to-llvmir", path("host.mlir"), "-o", path("host.ll")],
        [llvm("llc"), "-O2", "-relocation-model=pic", "-filetype=obj", path("host.ll"), "-o", path("host.o")],
        [options.cc, "-shared", path("host.o"), "-o", path("libcases.so")],
    ]
    for command in commands:
        print(" ".join(command), flush=True)
        subprocess.run(command, check=True)
    for other in TARGETS.values():
        if os.path.exists(path(other[1])):
            os.remove(path(other[1]))
    shutil.copy(os.path.join(options.build, "lib", runtime), options.dir)
    for name in ("check_gpu.py", "gpu_cases.py", "gpu_products.py", "fragments.py"):
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), options.dir)
    for name in ("host.mlir", "host.ll", "host.o"):
        os.remove(path(name))


# --------------------------------------------------------------------------- #
# Run: calls
# --------------------------------------------------------------------------- #


def descriptor(array):
    """A memref descriptor of a numpy array, strides as they are."""

    class Descriptor(ctypes.Structure):
        _fields_ = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p), ("offset", ctypes.c_int64),
                    ("sizes", ctypes.c_int64 * array.ndim), ("strides", ctypes.c_int64 * array.ndim)]

    strides = [s // array.itemsize for s in array.strides]
    pointer = array.ctypes.data
    return Descriptor(pointer, pointer, 0, (ctypes.c_int64 * array.ndim)(*array.shape),
                      (ctypes.c_int64 * array.ndim)(*strides))


def loosen(array, case):
    """The same elements in a buffer with gaps, if the case wants that."""
    if not case.strided:
        return np.ascontiguousarray(array)
    wide = np.zeros(array.shape[:-1] + (array.shape[-1] + 5,), array.dtype)
    wide[..., 3:-2] = array
    return wide[..., 3:-2]


def to_case_layout(array, case, token_major):
    """From batch, channel, token to the shape the case declares."""
    if token_major:
        array = array.transpose(0, 2, 1)
    return array.reshape(case.batch + array.shape[1:])


def call(library, case, arguments, y):
    """Calls the case's function; returns the array that holds its result."""
    f = getattr(library, f"_mlir_ciface_case_{case.name}")
    f.restype = None
    descriptors = [descriptor(a) for a in arguments]
    pointers = [ctypes.byref(d) for d in descriptors]
    if not case.tensor:
        f(*pointers)
        return y
    result = descriptor(y)
    f(ctypes.byref(result), *pointers)
    count = int(np.prod(y.shape))
    raw = ctypes.string_at(result.aligned, count * y.itemsize)
    return np.frombuffer(raw, y.dtype).reshape(y.shape)


def tolerance(case):
    """The result's rounding, and one truncation of the sum to f32 per mma.sp (the
    tensor core does not round): 16 of a row's 2 G products each. Integers are exact."""
    if case.out == "i32":
        return 0.0
    rounding = {"f64": 0.0, "f32": 0.0, "f16": 2.0**-11, "bf16": 2.0**-8}[case.out]
    return rounding + 2.0**-23 * (2 + -(-case.groups // 8))


def prepare_case(case, seed):
    """(arguments, position of y among them, expected result) of one call."""
    rng = np.random.default_rng(seed)
    parts, rows, dense, mask = make_weight(case, rng)
    batch = int(np.prod(case.batch, dtype=np.int64))
    x = draw(rng, (batch, case.cols, case.tokens), case.dtype)
    used = mask.any(axis=0)
    if case.poison:
        assert not used.all()
        x[:, ~used, :] = np.nan
    x_array, x_exact = to_storage(x, case.dtype)
    y0 = np.full((batch, case.rows, case.tokens), -7 if case.out == "i32" else np.nan)
    if case.accumulate:
        y0 = draw(rng, y0.shape, case.out)
    y_array, y_exact = to_storage(y0, case.out)
    operands, buffers = [], []
    for broadcast, _ in EPILOGUES[case.epilogue][0] if case.epilogue else []:
        size = {"per_row": (case.rows,), "per_token": (case.tokens,), "full": y0.shape}[broadcast]
        # Sums of bytes are large; what is made of them must fit f16.
        scale = 2.0**-8 if case.dtype == "i8" else 1.0
        array, exact = to_storage(scale * rng.standard_normal(size), "f32")
        operands.append(exact)
        buffers.append(np.ascontiguousarray(to_case_layout(array, case, case.y_token_major)) if len(size) == 3 else array)
    expected = reference(case, dense, used, x_exact, y_exact if case.accumulate else 0.0, operands)
    y = to_case_layout(y_array, case, case.y_token_major)
    arguments = parts + [to_case_layout(x_array, case, case.x_token_major), y]
    if case.permuted:
        arguments.append(rows)
    return arguments + buffers, len(parts) + 1, to_case_layout(expected, case, case.y_token_major)


def run_once(library, case, prepared):
    """The result of a call with fresh copies of what it may write."""
    arguments, position, _ = prepared
    arguments = list(arguments)
    arguments[position - 1] = loosen(arguments[position - 1], case)
    arguments[position] = loosen(arguments[position].copy(), case)
    return call(library, case, arguments, arguments[position]).copy()


def get_error(case, result, wanted):
    """Largest error over the largest result."""
    if result.size == 0:
        return 0.0
    return np.max(np.abs(from_storage(result, case.out) - wanted)) / max(np.max(np.abs(wanted)), 1e-300)


class Emulator:
    """The emulator's settings; does nothing on a GPU."""

    def __init__(self, library):
        self.configure = getattr(library, "vnm_emulator_configure", None)

    def set(self, order, checks):
        if self.configure is None:
            return
        message = ctypes.create_string_buffer(512)
        if self.configure(order.encode(), checks.encode(), message, len(message)):
            sys.exit("error: " + message.value.decode())


def expand_orders(text):
    """'late,early,random:20' -> late, early, random:0 .. random:19"""
    orders = []
    for item in text.split(","):
        name, _, count = item.partition(":")
        orders += [f"random:{seed}" for seed in range(int(count))] if name == "random" else [item]
    return orders


def load_libraries(options):
    """(the cases, the runtime)"""
    path = lambda name: os.path.join(os.path.abspath(options.dir), name)
    runtime = next(lib for _, lib in TARGETS.values() if os.path.exists(path(lib)))
    loaded = ctypes.CDLL(path(runtime), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(path("libcases.so")), loaded


def run_case(library, emulator, case, options, results):
    """(largest error of all seeds, whether all orders give the same bits)"""
    worst, same = 0.0, True
    for seed in range(options.seeds):
        prepared = prepare_case(case, seed)
        first = None
        for order in options.orders:
            emulator.set(order, options.checks)
            result = run_once(library, case, prepared)
            if first is None:
                first = result
                results[f"{case.name}/{seed}"] = result
                error = get_error(case, result, prepared[2])
                worst = max(worst, error if error == error else math.inf)
            same = same and np.array_equal(first.view(np.uint8), result.view(np.uint8))
    return worst, same


def run(options):
    """Runs the cases and prints a table; exit status 1 if one is off."""
    library, runtime = load_libraries(options)
    emulator = Emulator(runtime)
    if emulator.configure is None:
        options.orders = options.orders[:1]
    failures = count = 0
    results = {}
    print("| case | R x K x T | V:2:M | types | x, y | max error | tolerance |\n|---|---|---|---|---|---|---|")
    for case in get_cases(options.family):
        if options.only and case.name not in options.only or options.small and case.name.startswith("large"):
            continue
        worst, same = run_case(library, emulator, case, options, results)
        verdict = "" if worst <= tolerance(case) else " FAILED"
        verdict += "" if same else " DIFFERS BETWEEN ORDERS"
        failures += bool(verdict)
        count += 1
        layouts = ", ".join("token" if f else "feature" for f in (case.x_token_major, case.y_token_major))
        print(f"| {case.name} | {case.rows} x {case.cols} x {case.tokens} | {case.v}:2:{case.m} "
              f"| {case.dtype} -> {case.out} | {layouts} | {worst:.1e}{verdict} "
              f"| {tolerance(case):.1e} |", flush=True)
    if options.dump:
        np.savez_compressed(options.dump, **results)
    orders = f" in {len(options.orders)} orders" if emulator.configure else ""
    print(f"\n{failures} of {count} cases failed{orders}")
    return 1 if failures else 0


def compare(options):
    """Holds two dumps against each other; exit status 1 if they are too far apart."""
    one, other = (np.load(path) for path in options.files)
    cases = {case.name: case for case in get_cases(options.family)}
    failures = 0
    print("| case | elements | identical | max difference | tolerance |\n|---|---|---|---|---|")
    names = sorted(set(one.files) & set(other.files), key=lambda key: list(cases).index(key.split("/")[0]))
    for name in dict.fromkeys(key.split("/")[0] for key in names):
        case, same, count, worst = cases[name], 0, 0, 0.0
        for key in (key for key in names if key.split("/")[0] == name):
            a, b = one[key], other[key]
            same += int(np.sum(a == b))
            count += a.size
            worst = max(worst, get_error(case, a, from_storage(b, case.out)))
        bad = not worst <= 2 * tolerance(case)
        failures += bad
        print(f"| {name} | {count} | {100 * same / max(count, 1):.2f} % | {worst:.1e}{' FAILED' if bad else ''} | {2 * tolerance(case):.1e} |")
    print(f"\n{failures} of {len({key.split('/')[0] for key in names})} cases differ by more than the tolerance")
    return 1 if failures or not names else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="compile the cases")
    make.add_argument("--dir", required=True, help="folder to write")
    make.add_argument("--target", default="cuda", choices=TARGETS, help="a GPU or the emulator")
    make.add_argument("--chip", default="sm_80", help="chip to compile for")
    make.add_argument("--format", default="isa", choices=("isa", "bin"), help="PTX or cubin")
    make.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help="this project's build folder")
    make.add_argument("--llvm-bin", default="/usr/lib/llvm-22/bin", help="folder of mlir-translate and llc")
    make.add_argument("--cc", default="cc", help="compiler to link with")
    execute = commands.add_parser("run", help="run the cases")
    execute.add_argument("--dir", required=True, help="folder that build wrote")
    execute.add_argument("--seeds", type=int, default=2, help="random inputs per case")
    execute.add_argument("--only", nargs="*", help="names of cases")
    execute.add_argument("--small", action="store_true", help="leave out the large cases")
    execute.add_argument("--dump", help="file to write the results to (.npz)")
    execute.add_argument("--orders", type=expand_orders, default=["late"],
                         help="emulator's orders: of late, early and random:COUNT, separated by commas")
    execute.add_argument("--checks", default="all", help="emulator's checks")
    hold = commands.add_parser("compare", help="compare two dumps")
    hold.add_argument("files", nargs=2, help="files that run --dump wrote")
    make.add_argument("--token-tile", type=int, default=0, help="tokens of a tile of wgmma_sp")
    for command in (make, execute, hold):
        command.add_argument("--family", default="auto", choices=("auto", "mma_sp", "wgmma_sp", "skinny"),
                             help="kernel family; wgmma_sp and skinny have cases of their own")
    options = parser.parse_args()
    if options.family == "wgmma_sp" and getattr(options, "chip", None) == "sm_80":
        options.chip = "sm_90a"
    return {"build": build, "run": run, "compare": compare}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
