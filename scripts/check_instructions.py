#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs single matrix instructions on a GPU, to compare the emulator with it.

Three steps. The first needs ptxas; the second, which may be on another machine,
Python, numpy and an NVIDIA driver; the third the unit tests of the emulator:

    scripts/check_instructions.py build --dir instruction-check
    python3 instruction-check/check_instructions.py run --dir instruction-check
    scripts/check_instructions.py collect --dir instruction-check
    VNM_INSTRUCTION_RESULTS=$PWD/instruction-check/results.bin \\
      build/release/test/unit/VNMEmulatorInstructionsTests --gtest_filter='*Device*'

`run` writes what the GPU computed to results-*.npz. `collect` adds the operands, which
depend on nothing but the seed, in one file; with --golden it keeps a few samples. See docs/emulation-numerics.md.
"""

import argparse
import ctypes
import fnmatch
import pathlib
import shutil
import subprocess
import sys
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "instructions"))

import kernels  # noqa: E402
import table  # noqa: E402

PARTS = 6
GOLDEN_STRIDE = 7  # Has no factor with any layout in common.


def build(options):
    folder = pathlib.Path(options.dir)
    (folder / "instructions").mkdir(parents=True, exist_ok=True)
    shutil.copy(__file__, folder)
    for name in ("kernels.py", "table.py"):
        shutil.copy(HERE / "instructions" / name, folder / "instructions")
    (folder / "kernels.ptx").write_text(kernels.module(table.make_instructions()))
    subprocess.run([options.ptxas, "-arch=sm_90a", folder / "kernels.ptx", "-o", folder / "kernels.cubin"], check=True)


class Driver:
    """What this script needs of the CUDA driver."""

    def __init__(self, module):
        self.library = ctypes.CDLL("libcuda.so.1")
        context, self.module = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)
        self.call("cuModuleLoad", ctypes.byref(self.module), str(module).encode())

    def call(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name} failed with error {status}")

    def describe(self):
        name, version = ctypes.create_string_buffer(100), ctypes.c_int()
        self.call("cuDeviceGetName", name, 100, 0)
        self.call("cuDriverGetVersion", ctypes.byref(version))
        return f"{name.value.decode()}, CUDA driver API {version.value}"

    def upload(self, array):
        pointer = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(max(array.nbytes, 256)))
        if array.nbytes:
            self.call("cuMemcpyHtoD_v2", pointer, array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes))
        return pointer

    def launch(self, name, grid, block, arguments):
        function = ctypes.c_void_p()
        self.call("cuModuleGetFunction", ctypes.byref(function), self.module, name.encode())
        array = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(a) for a in arguments])
        self.call("cuLaunchKernel", function, grid, 1, 1, block, 1, 1, 0, None, array, None)
        self.call("cuCtxSynchronize")

    def make_tensor_map(self, instruction, address):
        """The device address of a tensor map, tiled and without interleave."""
        i, rank = instruction, len(instruction.box)
        storage = (ctypes.c_uint64 * 32)()  # Room to align to 64 bytes.
        start = -ctypes.addressof(storage) % 64
        result = (ctypes.c_uint64 * 16).from_buffer(storage, start)
        pitches = np.cumprod(i.sizes[:-1]) * table.BITS[i.type_a] // 8
        dtype = {"f16": 6, "s8": 0}[i.type_a]  # CU_TENSOR_MAP_DATA_TYPE_*
        self.call("cuTensorMapEncodeTiled", result, dtype, rank, ctypes.c_void_p(address),
                  (ctypes.c_uint64 * rank)(*i.sizes), (ctypes.c_uint64 * 5)(*map(int, pitches)),
                  (ctypes.c_uint32 * rank)(*i.box), (ctypes.c_uint32 * rank)(*[1] * rank), 0,
                  {0: 0, 32: 1, 64: 2, 128: 3}[i.swizzle], 0, 0)
        return self.upload(np.frombuffer(result, np.uint8))


def fingerprint(operands):
    return np.uint32(zlib.crc32(b"".join(np.ascontiguousarray(array).tobytes() for array in operands)))


def execute(driver, instruction):
    """What the GPU computes: [samples][words]."""
    operands = table.random_operands(instruction)
    count_d = instruction.counts[5]
    result = np.zeros((instruction.samples, count_d), np.uint32)
    if instruction.family == "tma_store":
        result[:] = operands[4]
    pointers = [driver.upload(np.ascontiguousarray(array)) for array in (*operands, result)]
    if not instruction.family.startswith("tma"):
        driver.launch(instruction.name, instruction.samples, instruction.lanes, [*pointers, ctypes.c_uint64()])
    else:
        for sample in range(instruction.samples):
            strides = [array.shape[1] * 4 for array in (*operands, result)]
            at = [ctypes.c_uint64(p.value + sample * s) for p, s in zip(pointers, strides)]
            tensor = at[5] if instruction.family == "tma_store" else at[4]
            driver.launch(instruction.name, 1, 32, [*at, driver.make_tensor_map(instruction, tensor.value)])
    driver.call("cuMemcpyDtoH_v2", result.ctypes.data_as(ctypes.c_void_p), pointers[5], ctypes.c_size_t(result.nbytes))
    for pointer in pointers:
        driver.call("cuMemFree_v2", pointer)
    return result


def run(options):
    folder = pathlib.Path(options.dir)
    driver = Driver(folder / "kernels.cubin")
    print(driver.describe())
    parts = [{} for _ in range(PARTS)]
    for instruction in table.make_instructions():
        if not fnmatch.fnmatch(instruction.name, options.only):
            continue
        smallest = min(parts, key=lambda part: sum(a.nbytes for a in part.values()))
        smallest[instruction.name] = execute(driver, instruction)
        smallest[instruction.name + "_operands"] = fingerprint(table.random_operands(instruction))
    for number, part in enumerate(parts):
        np.savez_compressed(pathlib.Path(options.out or options.dir) / f"{options.stem}-{number}.npz", **part)
    print(f"{sum(map(len, parts)) // 2} instructions")


def choose_golden(instruction):
    """Samples and stride of D's words that a small file keeps: every kind for
    the sums of mma, which wgmma shares, and what shows the layout of others."""
    if instruction.family == "mma" and instruction.acc != "s32":
        return list(range(len(table.KINDS))), 1
    if instruction.family.endswith("mma") and instruction.n == 8 and instruction.scale_d:
        return [table.KINDS.index("tiny"), table.KINDS.index("alignment")], GOLDEN_STRIDE
    return [0, 1] if instruction.family.startswith("tma") else [0], GOLDEN_STRIDE


def collect(options):
    folder = pathlib.Path(options.dir)
    outputs = {}
    for path in folder.glob("results-*.npz"):
        outputs |= dict(np.load(path))
    with open(options.out or folder / "results.bin", "wb") as file:
        for instruction in table.make_instructions():
            write_results(file, instruction, outputs, options.golden)


def write_results(file, instruction, outputs, golden):
    """A line that describes the instruction, then its operands and results."""
    operands = table.random_operands(instruction)
    if instruction.name not in outputs:
        raise RuntimeError(f"requires results of every instruction, but those of {instruction.name} are missing")
    if fingerprint(operands) != outputs[instruction.name + "_operands"]:
        raise RuntimeError(f"requires the numpy that the GPU's machine has, but operands of {instruction.name} differ")
    chosen, stride = choose_golden(instruction) if golden else (range(instruction.samples), 1)
    file.write(instruction.header(len(chosen), stride).encode())
    for array in (*operands, outputs[instruction.name][:, ::stride]):
        file.write(np.ascontiguousarray(array[list(chosen)]).astype("<u4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, action in (("build", build), ("run", run), ("collect", collect)):
        command = commands.add_parser(name)
        command.set_defaults(action=action)
        command.add_argument("--dir", required=True, help="folder of the kernels and results")
    commands.choices["build"].add_argument("--ptxas", default="ptxas", help="NVIDIA's assembler")
    for name in ("run", "collect"):
        commands.choices[name].add_argument("--out", help="where to write instead of --dir")
    commands.choices["run"].add_argument("--only", default="*", help="names of instructions, with * and ?")
    commands.choices["run"].add_argument("--stem", default="results", help="start of the results' names")
    commands.choices["collect"].add_argument("--golden", action="store_true", help="keep a few samples of each")
    options = parser.parse_args()
    options.action(options)


if __name__ == "__main__":
    main()
