# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the command line.

"""The command `vnm`, also `python -m vnm`."""

import argparse
import json
import sys
from typing import Any, Optional

from . import version
from ._compress import CompressOptions, compress_checkpoint
from ._files import SafetensorsFile, verify
from ._kernel_commands import add_bench, add_compile
from ._plot_command import add_plot
from .errors import Error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vnm", description="V:N:M sparsity for checkpoints and kernels", epilog="vnm COMMAND --help explains each"
    )
    parser.add_argument("--version", action="store_true", help="print the library's version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    compress = commands.add_parser(
        "compress",
        help="prune and pack the weights of a checkpoint",
        description="Prunes the weights of a checkpoint to V:N:M and packs them: matrices of f16, bf16 or f32 whose "
        "name ends in 'weight', except embeddings, heads and norms, or those that --layers names. All else is copied. "
        "After a kill the same command goes on where it was.",
        epilog="example: vnm compress model.safetensors -o sparse.safetensors --pattern 64:2:8 --report report.html",
    )
    compress.set_defaults(action=_compress)
    compress.add_argument("input", help="a safetensors file, an index of shards, or a folder that holds either")
    compress.add_argument("-o", "--output", required=True, help="a file; a folder if the input is sharded")
    compress.add_argument("--pattern", default="64:2:8", help="V:N:M, as 64:2:8, the default: of M columns 2 per row")
    compress.add_argument("--layers", metavar="REGEX", help="compress weights whose name matches, and no others")
    compress.add_argument("--transposed", metavar="REGEX", help="weights stored as in x out, such as GPT-2's Conv1D")
    compress.add_argument("--free", action="store_true", help="search for better columns than strict form can have")
    compress.add_argument("--permute", action="store_true", help="choose rows of panels too; implies --free")
    compress.add_argument(
        "--effort", choices=["fast", "default", "high"], default="default", help="how hard --free searches"
    )
    compress.add_argument(
        "--criterion",
        choices=["magnitude", "wanda", "ria"],
        default="magnitude",
        help="what makes a weight important: its magnitude (default), with the norms of inputs (wanda), or beside "
        "others of its row and column, with or without norms (ria)",
    )
    compress.add_argument("--norms", metavar="FILE", help="norms of the layers' inputs (safetensors, by weight name)")
    compress.add_argument("--keep-bad", action="store_true", help="leave layers dense that cannot be pruned")
    compress.add_argument(
        "--report", metavar="FILE", help="write what became of each tensor, as HTML or JSON by the name"
    )
    compress.add_argument("--force", action="store_true", help="write over an output that exists")
    compress.add_argument("--quiet", action="store_true", help="show no progress")

    inspect = commands.add_parser(
        "inspect",
        help="list the tensors of files",
        description="Lists the tensors of safetensors files: name, type, shape, bytes, and the pattern of packed ones.",
    )
    inspect.set_defaults(action=_inspect)
    inspect.add_argument("files", nargs="+", metavar="FILE", help="a safetensors file")
    inspect.add_argument("--json", action="store_true", help="print JSON")

    check = commands.add_parser(
        "verify",
        help="check files and every rule of their packed weights",
        description="Checks safetensors files and every rule of their packed weights; the exit status is 1 if one "
        "is broken.",
    )
    check.set_defaults(action=_verify)
    check.add_argument("files", nargs="+", metavar="FILE", help="a safetensors file")

    add_compile(commands)
    add_bench(commands)
    add_plot(commands)
    return parser


def _compress(arguments: Any) -> int:
    options = CompressOptions(
        pattern=arguments.pattern,
        layers=arguments.layers,
        transposed=arguments.transposed,
        form="free" if arguments.free or arguments.permute else "strict",
        permute_rows=arguments.permute,
        effort=arguments.effort,
        criterion=arguments.criterion,
        keep_bad=arguments.keep_bad,
        norms=arguments.norms,
    )
    rows = compress_checkpoint(
        arguments.input,
        arguments.output,
        options,
        report=arguments.report,
        force=arguments.force,
        quiet=arguments.quiet,
    )
    if rows is None:
        print(f"{arguments.output} is complete already")
        return 0
    packed = [row for row in rows if "pattern" in row]
    before, after = (sum(row.get(key, row["bytes"]) for row in rows) for key in ("dense_bytes", "bytes"))
    print(f"{len(packed)} of {len(rows)} tensors compressed, {before} -> {after} bytes")
    return 0


def _rows(path: str) -> list[dict[str, Any]]:
    """A row per tensor and packed weight of a file."""
    rows: list[dict[str, Any]] = []
    with SafetensorsFile(path) as file:
        for name in file.plain_names():
            tensor = file.read_raw(name)
            rows.append({"name": name, "shape": list(tensor.shape), "dtype": tensor.dtype, "bytes": tensor.data.nbytes})
        for name in file.packed_names():
            packed = file.read_packed(name)
            row = {"name": name, "shape": list(packed.shape), "dtype": packed.element_type.upper()}
            row.update(bytes=packed.nbytes, pattern=str(packed.pattern), form=packed.form)
            rows.append({**row, "rows": "permuted" if packed.rows is not None else "in order"})
    return sorted(rows, key=lambda row: row["name"])


def _inspect(arguments: Any) -> int:
    found = {path: _rows(path) for path in arguments.files}
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for path, rows in found.items():
        print(f"{path}: {len(rows)} tensors, {sum(row['bytes'] for row in rows)} bytes")
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            shape = "x".join(map(str, row["shape"])) or "scalar"
            packed = f"  {row['pattern']} {row['form']}, rows {row['rows']}" if "pattern" in row else ""
            print(f"  {row['name']:{width}}  {row['dtype']:5} {shape:>14} {row['bytes']:>12}{packed}")
    return 0


def _verify(arguments: Any) -> int:
    failed = 0
    for path in arguments.files:
        try:
            names = verify(path)
        except Error as error:
            print(f"error: {error}", file=sys.stderr)
            failed = 1
        else:
            print(f"{path}: {len(names)} packed weights are as the format says")
    return failed


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.version:
        print(f"vnm {version()}")
        return 0
    if parsed.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return parsed.action(parsed)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resumes = "; the same command goes on where this one stopped" if parsed.command == "compress" else ""
        print(f"error: interrupted{resumes}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
