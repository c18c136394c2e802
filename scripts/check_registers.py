#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Assembles the default schedules of mma_sp, or of another family, and reports what
they use.

    scripts/check_registers.py --chips sm_80 sm_86 sm_89 sm_90a

compiles a product for every V, kind of T and chip to PTX, has NVIDIA's assembler
compile that, and prints a table of tiles, shared memory and registers. It exits with
status 1 if a kernel spills registers. Needs ptxas, but no GPU.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Per name: V, M, R, K, T (None: dynamic), x and y token-major, type of the weight,
# schedule.
PRODUCTS = {
    f"{v}:2:8, {what}{', i8' if dtype == 'i8' else ''}": (v, 8, rows, cols, tokens, token_major, dtype, "")
    for dtype in ("f16", "i8")
    for v in (128, 64, 32, 16)
    for what, rows, cols, tokens, token_major in (
        ("4096^3", 4096, 4096, 4096, False),
        ("4096^2, T = 128", 4096, 4096, 128, False),
        ("dynamic T", 4096, 4096, None, False),
        ("ragged", 4000, 4100, 4001, False),
        ("token-major", 4096, 4096, 4096, True),
    )
}
# Windows of 128 and 256 rows, which only a schedule asks for.
WINDOWS = {
    f"window {rows // v}, {v}:2:{m}, {what}": (
        v, m, size, size, tokens, False, "f16", f"family = mma_sp, window = {rows // v}")
    for v, m in ((64, 8), (32, 8), (16, 8), (64, 5), (16, 4))
    for rows in (128, 256)
    for what, size, tokens in (("large", 4096, 4096), ("any T", 4100, None), ("odd", 4100, 4001))
}


def module(v, m, rows, cols, tokens, token_major, dtype, schedule):
    """A function of one product on memrefs."""
    groups = -(-cols // m)
    t = "?" if tokens is None else tokens
    pair = lambda channels: f"{t}x{channels}" if token_major else f"{channels}x{t}"
    types = (f"memref<{rows}x{2 * groups}x{dtype}>, memref<{rows}x{-(-groups // 4)}xi16>, "
             f"memref<{-(-rows // v)}x{4 * groups}xi16>, memref<{pair(cols)}x{dtype}>")
    names = ("%v", "%m", "%c", "%x")
    signature = ", ".join(f"{name}: {kind}" for name, kind in zip(names, types.split(", ")))
    layout = "#vnm.activation_layout<token_major>"
    attributes = [f"x_layout = {layout}, y_layout = {layout}"] if token_major else []
    attributes += [f"schedule = #vnm.schedule<{schedule}>"] if schedule else []
    y = f"memref<{pair(rows)}x{'i32' if dtype == 'i8' else dtype}>"
    return f"""func.func @product({signature}, %y: {y}) {{
  vnm.spmm #vnm.encoding<{v}:2:{m}> ins({', '.join(names)} : {types}) outs(%y : {y}) {{{', '.join(attributes)}}}
  return
}}
"""


def assemble(product, chip, options):
    """(the kernel's entry of the manifest, registers, bytes that are spilled), of all
    kernels if activations are transposed first."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "product.mlir")
        with open(source, "w") as file:
            file.write(module(*product))
        command = [options.vnm_opt, source, f"--vnm-lower-to-nvvm=chip={chip} family={options.family}",
                   f"--vnm-write-kernels=dir={folder}", "-o", os.devnull]
        subprocess.run(command, check=True)
        with open(os.path.join(folder, "manifest.json")) as file:
            kernel = next(k for k in json.load(file)["kernels"] if k["family"] == options.family)
        ptx = os.path.join(folder, kernel["code"])
        command = [options.ptxas, "-v", f"-arch={chip}", ptx, "-o", os.path.join(folder, "cubin")]
        text = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr
    registers = max(int(count) for count in re.findall(r"Used (\d+) registers", text))
    spilled = sum(int(size) for size in re.findall(r"(\d+) bytes spill", text))
    return kernel, registers, spilled


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", nargs="+", default=["sm_80", "sm_86", "sm_89", "sm_90a"], help="chips to compile for")
    parser.add_argument("--products", nargs="+", help="only these, or those whose names contain one of these texts")
    parser.add_argument("--family", default="mma_sp", help="kernel family; the others cannot compute all products")
    parser.add_argument("--vnm-opt", default=os.path.join(ROOT, "build", "release", "bin", "vnm-opt"), help="the compiler")
    parser.add_argument("--ptxas", default="/usr/local/cuda/bin/ptxas", help="NVIDIA's assembler")
    options = parser.parse_args()
    spills = 0
    print("| product | chip | tile | shared memory | registers | spilled |\n|---|---|---|---:|---:|---:|")
    products = PRODUCTS | (WINDOWS if options.family == "mma_sp" else {})
    for name, product in products.items():
        if options.products and not any(text == name or text not in products and text in name
                                        for text in options.products):
            continue
        for chip in options.chips:
            kernel, registers, spilled = assemble(product, chip, options)
            grid = kernel["grid"]
            rows = -(-product[2] // grid["row_tiles"])
            tile = 1 << (rows - 1).bit_length()
            print(f"| {name} | {chip} | {tile} x {grid['token_tile']} | {kernel['shared_memory']} "
                  f"| {registers} | {spilled} |", flush=True)
            spills += spilled > 0
    print(f"\n{spills} kernels spill registers")
    return 1 if spills else 0


if __name__ == "__main__":
    sys.exit(main())
