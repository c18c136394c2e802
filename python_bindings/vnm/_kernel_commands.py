# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the command line's part on kernels: compile, bench.

"""The commands `vnm compile` and `vnm bench`."""

import argparse
import inspect
import re
import sys
from typing import Any, Optional

from ._bench import bench
from ._compile import Compilation, compile
from ._linear import compile_linear
from .errors import FileError, InvalidArgumentError

_PATTERNS = ["64:2:5", "64:2:8", "64:2:16", "128:2:8", "128:2:16"]
# What describes a layer, and of a module is in its text.
_LAYER_OPTIONS = ("dtype", "bias", "activation", "token_major", "y_layout", "free", "permuted", "weight_layout")
_ACTIVATION_LAYOUTS = {"feature-major": "feature_major", "token-major": "token_major"}
# Options of the pipeline that are options of the command.
_OWN_OPTIONS = ("chip", "format", "toolkit", "pipeline")


def add_compile(commands: Any) -> None:
    """Adds the command's options."""
    parser = commands.add_parser(
        "compile",
        help="compile a module, or a linear layer, to PTX or a cubin",
        description="Compiles the sparse products of a module, or of one linear layer, for an NVIDIA GPU. No GPU is "
        "needed; --format bin needs ptxas.",
        epilog="examples: vnm compile model.mlir --pattern 64:2:8 --chip sm_90a --kernels kernels; "
        "vnm compile --linear 4096x4096x16 --bias --chip sm_90a --kernels kernels",
    )
    parser.set_defaults(action=run_compile)
    parser.add_argument("input", nargs="?", help="a module in MLIR's text or bytecode; - for standard input")
    parser.add_argument("--linear", metavar="RxK[xT]", help="a linear layer instead; without T any number of tokens")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where the module goes, or a layer's code (default, without --kernels: standard output)",
    )
    parser.add_argument("--kernels", metavar="FOLDER", help="where code and its manifest.json go (docs/aot.md)")
    parser.add_argument("--bytecode", action="store_true", help="write the module as bytecode")
    parser.add_argument("--pattern", help="V:N:M; makes dense weights of a module sparse; of a layer 64:2:8 by default")
    parser.add_argument("--chip", help="such as sm_90a (default sm_80)")
    parser.add_argument("--format", choices=["isa", "bin"], default="isa", help="PTX (default) or a cubin, by ptxas")
    parser.add_argument("--toolkit", metavar="FOLDER", help="CUDA toolkit whose ptxas to run")
    parser.add_argument("--cost-table", metavar="FILE", help="measured times to choose kernels by")
    parser.add_argument("--pipeline", help="passes to run instead of vnm-lower-to-nvvm")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="further ones of vnm-lower-to-nvvm"
    )
    parser.add_argument("--remarks", action="store_true", help="print what passes decided, and why")
    layer = parser.add_argument_group("a linear layer")
    layer.add_argument("--dtype", choices=["f16", "bf16"], help="of weight, x and y (default f16)")
    layer.add_argument("--bias", action="store_true", help="add a vector of R elements")
    layer.add_argument("--activation", choices=["relu", "gelu", "gelu_tanh", "silu"], help="applied to the sums")
    layer.add_argument("--token-major", action="store_true", help="x and y as tokens x channels")
    layer.add_argument("--y-layout", choices=list(_ACTIVATION_LAYOUTS), help="of y alone (default: as x)")
    layer.add_argument("--free", action="store_true", help="a weight in free form")
    layer.add_argument("--permuted", action="store_true", help="a weight with permuted rows; implies --free")
    layer.add_argument(
        "--weight-layout",
        choices=["canonical", "fragments"],
        help="what the kernel takes: a packed weight as it is (default), or what VNMTensor.fragments() makes of one, "
        "which kernels for T of at most 64 and, on sm_90a with V of at least 64, for multiples of 8 read faster; "
        "other kernels do not read it",
    )


def _count(text: str) -> int:
    """A positive integer. ArgumentTypeError: it is none."""
    if not re.fullmatch(r"0*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"requires a positive integer, but it is '{text}'")
    return int(text)


def add_bench(commands: Any) -> None:
    """Adds the command's options."""
    parser = commands.add_parser(
        "bench",
        help="measure kernels on this machine's GPU beside cuBLAS",
        description="Compiles a kernel per shape and pattern for this machine's GPU, checks its results and times it "
        "beside cuBLAS. Needs an NVIDIA GPU, a driver for CUDA 12.5 or later, and PyTorch with CUDA.",
        epilog="example: vnm bench --shapes 4096x4096x4096 llama2-7b --patterns 64:2:8 --json results.json",
    )
    parser.set_defaults(action=run_bench)
    parser.add_argument(
        "--shapes",
        nargs="+",
        default=["4096x4096x4096"],
        metavar="RxKxT",
        help="rows, columns and tokens, or names of sets such as quick, deit-b, llama2-7b (default 4096x4096x4096)",
    )
    parser.add_argument(
        "--patterns", nargs="+", default=_PATTERNS, metavar="V:N:M", help=f"(default: {' '.join(_PATTERNS)})"
    )
    parser.add_argument("--chip", help="to compile for (default: this GPU's)")
    parser.add_argument("--dtype", choices=["f16", "bf16"], default="f16", help="of weight, x and y (default f16)")
    parser.add_argument("--token-major", action="store_true", help="x and y as tokens x channels")
    parser.add_argument(
        "--weight-layout",
        choices=["canonical", "fragments"],
        default="fragments",
        help="order of packed weights: as files have them, or that of registers for kernels that read it (default)",
    )
    parser.add_argument("--dir", metavar="FOLDER", help="keep the kernels there")
    parser.add_argument("--json", metavar="FILE", help="write the results, which `vnm plot` draws")
    parser.add_argument("--jobs", type=_count, default=1, help="kernels to compile at a time (default 1)")
    parser.add_argument("--sustained", type=float, metavar="SECONDS", help="load before a time counts as sustained")
    parser.add_argument("--cusparselt", action="store_true", help="measure cuSPARSELt, too")


def _read(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileError(f"requires a readable file, but '{path}' cannot be read: {error.strerror}") from error


def _write(path: Optional[str], content: bytes) -> None:
    if path is None or path == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise FileError(f"requires a writable path, but '{path}' cannot be written: {error.strerror}") from error


def _options(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if not re.match(r"[\w-]+=", text):
            raise InvalidArgumentError(f"requires options NAME=VALUE, but found '{text}'")
        name = text.split("=")[0].replace("-", "_")
        if name in _OWN_OPTIONS:
            raise InvalidArgumentError(f"requires --{name} VALUE instead of --option {text}")
        if name in inspect.signature(compile).parameters:
            raise InvalidArgumentError(f"requires options of vnm-lower-to-nvvm, but '{name}' is none")
    return dict(text.split("=", 1) for text in texts)


def _compile_layer(arguments: Any) -> Compilation:
    match = re.fullmatch(r"(\d+)x(\d+)(?:x(\d+))?", arguments.linear)
    if not match:
        raise InvalidArgumentError(f"requires a layer RxK or RxKxT, but it is '{arguments.linear}'")
    rows, cols, tokens = (int(text) if text else None for text in match.groups())
    if arguments.bytecode:
        raise InvalidArgumentError("requires a module with --bytecode, but there is a layer, whose output is code")
    if arguments.pipeline or arguments.option:
        raise InvalidArgumentError("requires no pipeline and no options beside a layer, but they are given")
    layout = "token_major" if arguments.token_major else "feature_major"
    return compile_linear(
        rows or 0,
        cols or 0,
        tokens,
        arguments.pattern or "64:2:8",
        chip=arguments.chip or "sm_80",
        format=arguments.format,
        toolkit=arguments.toolkit,
        cost_table=arguments.cost_table,
        dtype=arguments.dtype or "f16",
        bias=arguments.bias,
        activation=arguments.activation,
        x_layout=layout,
        y_layout=_ACTIVATION_LAYOUTS.get(arguments.y_layout, layout),
        form="free" if arguments.free or arguments.permuted else "strict",
        permuted_rows=arguments.permuted,
        weight_layout=arguments.weight_layout or "canonical",
    )


def _compile_module(arguments: Any) -> Compilation:
    for name in _LAYER_OPTIONS:
        if getattr(arguments, name):
            raise InvalidArgumentError(f"requires --{name.replace('_', '-')} with --linear, but there is a module")
    options = _options(arguments.option)
    for name, value in (("pattern", arguments.pattern), ("cost-table", arguments.cost_table)):
        if value:
            options[name] = value
    return compile(
        _read(arguments.input),
        source_name=arguments.input,
        pipeline=arguments.pipeline,
        chip=arguments.chip,
        format=arguments.format,
        toolkit=arguments.toolkit,
        ir="bytecode" if arguments.bytecode else "text",
        **options,
    )


def run_compile(arguments: Any) -> int:
    """Runs `vnm compile`."""
    if (arguments.input is None) == (arguments.linear is None):
        raise InvalidArgumentError("requires a module or --linear, but there are both or none")
    compiled = _compile_layer(arguments) if arguments.linear else _compile_module(arguments)
    if arguments.remarks:
        for remark in compiled.remarks:
            print(f"{remark.location}: remark: {remark.category}: {remark.message}", file=sys.stderr)
    for diagnostic in compiled.diagnostics:
        print(f"{diagnostic.location}: {diagnostic.severity}: {diagnostic.message}", file=sys.stderr)
    if arguments.kernels:
        compiled.write(arguments.kernels)
    if arguments.output or not arguments.kernels:
        code = next(iter(compiled.code.values()), b"")
        content = code if arguments.linear else compiled.ir
        _write(arguments.output, content.encode("utf-8") if isinstance(content, str) else content)
    return 0


def run_bench(arguments: Any) -> int:
    """Runs `vnm bench`."""
    return bench(
        arguments.shapes,
        arguments.patterns,
        chip=arguments.chip,
        dtype=arguments.dtype,
        token_major=arguments.token_major,
        weight_layout=arguments.weight_layout,
        folder=arguments.dir,
        json=arguments.json,
        jobs=arguments.jobs,
        sustained=arguments.sustained,
        cusparselt=arguments.cusparselt,
    )
