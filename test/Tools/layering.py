# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the layers by looking at includes: a library depends only on
# those below it (docs/architecture.md).
#
# RUN: %python %s %vnm_src

import pathlib
import re
import sys

# Folder, under include/vnm and lib, and what no file in it may include.
RULES = {
    "Sparsity": r"mlir/|vnm/(?!Sparsity/)",
    "Support": r"vnm/(?!Support/)",
    # For C: of the compiler only its one function of values.
    "CAPI": r"mlir/|vnm/(?!Sparsity/|Compiler/)",
    "Compiler": r"vnm/(ExecutionEngine|Runtime)",
    "Dialect/VNM": r"mlir/(Dialect/(GPU|NVGPU|LLVMIR|OpenMP|X86Vector)|Conversion|ExecutionEngine|Target)/"
    r"|vnm/(Conversion|ExecutionEngine|InitAll|Pipelines|Runtime)",
    # A target dialect: it may know LLVM's and NVIDIA's ops and instructions.
    "Dialect/VNMNVVM": r"vnm/(?!Dialect/VNMNVVM/|Emulator/Instructions/)",
    "Emulator/Instructions": r"mlir/|vnm/(?!Emulator/Instructions/)",
    "Emulator": r"mlir/|vnm/(?!Emulator/)",
    "Runtime": r"mlir/|vnm/(?!Runtime/|Sparsity/)",
    "Conversion": r"vnm/(ExecutionEngine|InitAll|Pipelines)",
    "Pipelines": r"vnm/(ExecutionEngine|InitAll)",
    "ExecutionEngine": r"vnm/(Conversion|InitAll|Pipelines)",
}


# For hosts with MLIR's C API: a library of its own.
EXEMPT = "lib/CAPI/Dialect/"


def violations(root, folder, forbidden):
    for top in ("include/vnm", "lib"):
        for path in sorted((root / top / folder).rglob("*")):
            if str(path.relative_to(root)).startswith(EXEMPT):
                continue
            if path.suffix not in (".h", ".cpp", ".td"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                include = re.match(r'\s*#?include\s+["<]([^">]+)[">]', line)
                if include and re.match(forbidden, include[1]):
                    yield f"{path.relative_to(root)}:{number}: requires layer {folder} not to include {include[1]}"


def main():
    root = pathlib.Path(sys.argv[1])
    found = [v for folder, rule in RULES.items() for v in violations(root, folder, rule)]
    print("\n".join(found))
    # The rules themselves: a wrong include would be seen.
    for folder, include in [("Sparsity", "mlir/IR/Types.h"), ("CAPI", "vnm/Pipelines/Pipelines.h"), ("Dialect/VNM", "mlir/Dialect/GPU/IR/GPUDialect.h")]:
        assert re.match(RULES[folder], include), folder
    assert not re.match(RULES["Dialect/VNM"], "mlir/Dialect/Func/IR/FuncOps.h")
    sys.exit(1 if found else 0)


main()
