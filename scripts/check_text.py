# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file checks the text of the files it is given: licence headers, trailing
# space, merge markers, length of sources, words that do not belong.

import pathlib
import re
import sys

LICENCE = [
    "Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.",
    "See the file LICENSE for license information.",
    "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception",
]
LICENSED_SUFFIXES = {".c", ".cmake", ".cpp", ".h", ".py", ".sh", ".td"}
MAX_LINES = 500
SOURCES = {".c", ".cpp", ".h", ".td"}
# Words, and where they may stand nevertheless.
BANNED = [
    (re.compile(r"\b(TODO|FIXME|XXX|NYI)\b"), {"scripts/check_text.py", "test/docs/doc_examples.py"}),
    (re.compile(r"(?<![\w.])/(home|root)/"), {"scripts/check_text.py"}),
    (re.compile(r"^(<{7}|={7}|>{7})( |$)"), set()),
    (re.compile(r"[ \t]+$"), set()),
    (re.compile(r"builder\.create<"), {"scripts/check_text.py"}),
]


def problems(path, text):
    lines = text.splitlines()
    name = path.as_posix()
    if path.suffix in LICENSED_SUFFIXES or path.name == "CMakeLists.txt":
        head = lines[1:4] if lines and lines[0].startswith("#!") else lines[:3]
        if [line.lstrip("#/ ") for line in head] != LICENCE:
            yield 1, "requires the licence header of three lines"
    if path.suffix in SOURCES and len(lines) > MAX_LINES:
        yield MAX_LINES, f"requires at most {MAX_LINES} lines, but there are {len(lines)}"
    if text and not text.endswith("\n"):
        yield len(lines), "requires a newline at the end"
    for number, line in enumerate(lines, 1):
        for pattern, allowed in BANNED:
            match = pattern.search(line)
            # Models are as an importer printed them.
            is_model = name.startswith("examples/") and path.suffix == ".mlir"
            if match and name not in allowed and not is_model:
                yield number, f"requires no {match[0]!r}"


def main():
    found = 0
    for argument in sys.argv[1:]:
        path = pathlib.Path(argument)
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # A binary fixture.
        if len(text) > 1_000_000:
            continue  # A model with its weights.
        for number, message in problems(path, text):
            print(f"{argument}:{number}: {message}")
            found += 1
    return 1 if found else 0


sys.exit(main())
