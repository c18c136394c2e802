# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file compares what the package declares of the C interface with what a C
# compiler makes of the headers: sizes of structures, offsets of fields, functions
# and the numbers of their parameters.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && %vnm_python %s "%c_host" %vnm_src/include/vnm-c %t

import ctypes
import pathlib
import re
import subprocess
import sys

from vnm import _prototypes

compiler, headers, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
C_NAMES = {"Tensor": "VnmSafetensorsTensor"}
# What Python has no use for: Pattern() parses and prints by itself.
UNUSED = {
    "vnmElementTypeGetSize",
    "vnmPatternVerify",
    "vnmPatternPrint",
    "vnmCriterionGetName",
    "vnmColumnChoiceGetName",
    "vnmEffortGetName",
    "vnmCompress",
}


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def check_structures():
    structures = {
        name: value
        for name, value in vars(_prototypes).items()
        if isinstance(value, type) and issubclass(value, ctypes.Structure) and value is not ctypes.Structure
    }
    expected, lines = [], []
    for name, structure in structures.items():
        c_name = C_NAMES.get(name, f"Vnm{name}")
        lines.append(f'  printf("{name} %zu\\n", sizeof({c_name}));')
        expected.append(f"{name} {ctypes.sizeof(structure)}")
        for field, _ in structure._fields_:
            lines.append(f'  printf("{name}.{field} %zu\\n", offsetof({c_name}, {camel(field)}));')
            expected.append(f"{name}.{field} {getattr(structure, field).offset}")
    includes = [f'#include "vnm-c/{header.name}"' for header in sorted(headers.glob("*.h"))]
    source = work / "layouts.c"
    source.write_text("\n".join([*includes, "#include <stdio.h>", "int main(void) {", *lines, "  return 0;", "}\n"]))
    subprocess.run([*compiler.split(), str(source), "-o", str(work / "layouts")], check=True)
    found = subprocess.run([str(work / "layouts")], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert found == expected, [pair for pair in zip(found, expected) if pair[0] != pair[1]]
    text = "".join(path.read_text() for path in headers.glob("*.h"))
    declared = set(re.findall(r"typedef struct (Vnm\w+) \{", text))
    assert {C_NAMES.get(name, f"Vnm{name}") for name in structures} == declared, declared


def check_functions():
    text = re.sub(r"///.*", "", "".join(path.read_text() for path in sorted(headers.glob("*.h"))))
    declared = {
        name: 0 if parameters.strip() == "void" else parameters.count(",") + 1
        for name, parameters in re.findall(r"VNM_CAPI_EXPORTED\s[^;(]*?\b(vnm\w+)\(([^)]*)\)", text)
    }
    fallible = set(re.findall(r"VNM_CAPI_EXPORTED\s+VnmError\s*\*\s*(vnm\w+)\(", text))
    known = {name: len(parameters) for name, parameters in _prototypes._FALLIBLE.items()}
    known.update((name, len(parameters)) for name, (_, parameters) in _prototypes._OTHERS.items())
    wrong = {name: (count, declared.get(name)) for name, count in known.items() if declared.get(name) != count}
    assert not wrong, wrong
    assert set(_prototypes._FALLIBLE) <= fallible and not set(_prototypes._OTHERS) & fallible
    missing = set(declared) - set(known)
    assert missing <= UNUSED, missing - UNUSED


check_structures()
check_functions()
print("passed")
