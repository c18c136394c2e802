# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file copies the reference generated from the .td files (build target
# vnm-doc) to docs/reference, or with --check tells whether the copy is current.
#
#   python3 scripts/update_reference.py [--check] [build folder]

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def generated(build):
    """Text of each generated page, by name, without trailing space."""
    pages = {}
    for path in sorted((build / "docs").glob("*/*.md")):
        lines = [line.rstrip() for line in path.read_text().splitlines()]
        pages[path.name] = "\n".join(lines).rstrip("\n") + "\n"
    return pages


def main():
    parser = argparse.ArgumentParser(description="Update docs/reference from a build.")
    parser.add_argument("--check", action="store_true", help="only compare; fail if out of date")
    parser.add_argument("build", nargs="?", default=ROOT / "build" / "release", type=pathlib.Path)
    options = parser.parse_args()
    pages = generated(options.build)
    if not pages:
        sys.exit(f"no generated pages in {options.build}/docs: build the target vnm-doc first")
    target = ROOT / "docs" / "reference"
    target.mkdir(exist_ok=True)
    present = {path.name: path.read_text() for path in target.glob("*.md")}
    stale = sorted(name for name in pages.keys() | present.keys() if pages.get(name) != present.get(name))
    if options.check:
        if stale:
            sys.exit(f"out of date in docs/reference: {', '.join(stale)}; run scripts/update_reference.py")
        return
    for name in stale:
        if name in pages:
            (target / name).write_text(pages[name])
        else:
            (target / name).unlink()
    print(f"docs/reference: {len(stale)} pages changed of {len(pages)}")


main()
