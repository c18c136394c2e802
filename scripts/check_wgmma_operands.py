#!/usr/bin/env python3
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looks for registers that are written while a sparse wgmma may still read them.

    scripts/check_wgmma_operands.py kernels/*/vnm_kernels.cubin

ptxas 13.0 does not know that wgmma.mma_async.sp reads its metadata, and weights in
registers, after it was issued. Instructions are read in their order in the code, from
each multiplication to the wait that covers it; what a loop's next round writes is seen
where the loop begins with it. Files are cubins, which need NVIDIA's nvdisasm (in PATH
or named by --nvdisasm), or what nvdisasm printed of one (.sass). Exit status 1 if a
register is overwritten, or if no file holds a sparse wgmma.
"""

import argparse
import re
import shutil
import subprocess
import sys

INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")
# What begins with a register and writes none.
WRITES_NOTHING = ("ST", "RED", "BAR", "SYNCS", "BRA", "EXIT", "UTMA", "WARPGROUP")
WEIGHT_REGISTERS = 4


def register(text):
    """The number of a general register, or None."""
    match = re.match(r"R(\d+)\b", text)
    return int(match[1]) if match else None


def width_of(op):
    return 4 if ".128" in op else 2 if ".64" in op else 1


def operands(arguments):
    """The registers that an HGMMA.SP reads asynchronously: weights and metadata."""
    parts = [part.strip() for part in arguments.split(",")]
    weights = register(parts[1])
    read = set() if weights is None else set(range(weights, weights + WEIGHT_REGISTERS))
    # Behind the sums that it adds to: a predicate perhaps, metadata, the selector.
    return read | {register(part) for part in parts[4:]} - {None}


def find_overwritten(sass):
    """(multiplications, [(instruction, register)]) of a disassembly."""
    count, found = 0, []
    pending, current = [], set()
    for op, arguments in INSTRUCTION.findall(sass):
        if op.startswith("HGMMA.SP"):
            count += 1
            current |= operands(arguments)
            if "gsb0" in arguments:
                pending.append(current)
                current = set()
        elif op.startswith("WARPGROUP.DEPBAR"):
            left = int(re.search(r"0x([0-9a-f]+)", arguments)[1], 16)
            pending = pending[-left:] if left else []
        elif not op.startswith(WRITES_NOTHING):
            first = register(arguments)
            if first is None:
                continue
            written = set(range(first, first + width_of(op)))
            for number in sorted(written & current.union(*pending)):
                found.append((f"{op} {arguments}", number))
    return count, found


def disassemble(path, nvdisasm):
    if path.endswith(".sass"):
        with open(path) as file:
            return file.read()
    if not nvdisasm:
        raise SystemExit(f"error: requires nvdisasm in PATH, or --nvdisasm, to read {path}, but there is none")
    done = subprocess.run([nvdisasm, "-c", path], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {nvdisasm} failed for {path}: {done.stderr.strip()}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="cubins, or disassemblies (.sass)")
    parser.add_argument("--nvdisasm", default=shutil.which("nvdisasm"), help="NVIDIA's disassembler")
    options = parser.parse_args()
    total, bad = 0, 0
    for path in options.files:
        count, found = find_overwritten(disassemble(path, options.nvdisasm))
        total += count
        bad += len(found)
        for instruction, number in found:
            print(f"{path}: {instruction} overwrites R{number}, which a multiplication may still read")
    print(f"{total} multiplications in {len(options.files)} files, {bad} registers overwritten")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main())
