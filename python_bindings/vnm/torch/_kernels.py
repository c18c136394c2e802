# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the compiled kernels that layers launch.

"""The compiled kernels that layers launch, and how they are made."""

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any, Optional, Union

import torch

from .. import errors
from .._pattern import Pattern
from ._manifest import Kernel, Key, read_manifest

_DTYPES = {torch.float16: "f16", torch.bfloat16: "bf16"}
_kernels: "dict[Key, list[Kernel]]" = {}
_chosen: "dict[tuple[Key, int, torch.device], Kernel]" = {}


class MissingKernelError(errors.Error, LookupError):
    """No compiled kernel computes a product on this GPU; says how to make one."""


def use_kernels(*folders: Union[str, "os.PathLike[str]"]) -> int:
    """Lets layers on a GPU launch the kernels of all manifests below `folders`.

    Replaces what earlier calls gave; no folder means no kernels. Returns how many of
    the kernels layers can launch: feature-major, f16 or bf16, alone or with a bias.
    Code is loaded when it is first launched. FileError: no manifest in a folder.
    """
    found: "dict[Key, list[Kernel]]" = {}
    for folder in folders:
        manifests = sorted(pathlib.Path(folder).rglob("manifest.json"))
        if not manifests:
            raise errors.FileError(f"requires a folder with a manifest.json, but '{folder}' holds none")
        for manifest in manifests:
            for kernel in read_manifest(manifest):
                key = kernel.key()
                if key is not None:
                    found.setdefault(key, []).append(kernel)
    _kernels.clear()
    _chosen.clear()
    _kernels.update(found)
    return sum(map(len, found.values()))


def make_key(
    pattern: str, rows: int, cols: int, dtype: torch.dtype, permuted: bool, bias: bool
) -> Key:
    """InvalidArgumentError: a dtype that kernels do not have."""
    if dtype not in _DTYPES:
        raise errors.InvalidArgumentError(f"requires f16 or bf16 on a GPU, but the dtype is {dtype}")
    return Key(pattern, rows, cols, _DTYPES[dtype], permuted, bias)


def find_kernel(key: Key, tokens: int, device: torch.device) -> Kernel:
    """The kernel for the fewest tokens that are enough, else one for any number.

    MissingKernelError: none. A product with a bias takes a kernel without one if
    there is none with it.
    """
    cached = _chosen.get((key, tokens, device))
    if cached is not None:
        return cached
    candidates = _kernels.get(key, []) or _kernels.get(key._replace(bias=False), [])
    enough = [
        kernel for kernel in candidates if kernel.fits(device) and (kernel.tokens is None or kernel.tokens >= tokens)
    ]
    if not enough:
        raise MissingKernelError(_advice(key, tokens, device, candidates))
    chosen = min(enough, key=lambda kernel: (kernel.tokens is None, kernel.tokens))
    _chosen[key, tokens, device] = chosen
    return chosen


def _advice(key: Key, tokens: int, device: torch.device, candidates: "list[Kernel]") -> str:
    major, minor = torch.cuda.get_device_capability(device)
    chip = f"sm_{major}{minor}" + ("a" if (major, minor) == (9, 0) else "")
    there = ", ".join(f"T = {kernel.tokens or 'any'} on {kernel.chip}" for kernel in candidates) or "none"
    return (
        f"requires a kernel for {key.pattern}, {key.rows} x {key.cols}, {key.dtype}, T of at least {tokens} on {chip}, "
        f"but there are: {there}. vnm.torch.compile_kernels(model, 'kernels', tokens=[{tokens}], chip='{chip}') "
        "makes it by\n  vnm-opt product.mlir "
        f"--vnm-lower-to-nvvm='chip={chip} format=bin' --vnm-write-kernels=dir=kernels -o /dev/null\n"
        "of\n" + to_mlir(key, padded_tokens(tokens)) + "and vnm.torch.use_kernels('kernels') finds it; or make layers with "
        "fallback='dense'"
    )


def to_mlir(key: Key, tokens: int) -> str:
    """The module whose kernel computes products of a key, T as given."""
    pattern = Pattern(key.pattern)
    sizes = pattern.sizes(key.rows, key.cols)
    ids = "i16" if key.cols <= 0xFFFF else "i32"
    packed = {
        "values": f"memref<{key.rows}x{sizes.row_values}x{key.dtype}>",
        "metadata": f"memref<{key.rows}x{sizes.metadata_words}xi16>",
        "columns": f"memref<{sizes.panels}x{sizes.column_slots}x{ids}>",
        "x": f"memref<{key.cols}x{tokens}x{key.dtype}>",
    }
    y, order, bias = f"memref<{key.rows}x{tokens}x{key.dtype}>", f"memref<{key.rows}xi32>", f"memref<{key.rows}x{key.dtype}>"
    arguments = {**packed, "y": y}
    encoding = str(pattern) + (", columns = i32" if ids == "i32" else "")
    rows = epilogue = ""
    if key.permuted:
        arguments["rows"], encoding, rows = order, encoding + ", rows = permuted", f" rows(%rows : {order})"
    if key.bias:
        arguments["bias"] = bias
        epilogue = f"""
      epilogue(%bias per_row : {bias}) {{
      ^bb0(%sum: f32, %b: {key.dtype}):
        %wide = arith.extf %b : {key.dtype} to f32
        %biased = arith.addf %sum, %wide : f32
        %result = arith.truncf %biased : f32 to {key.dtype}
        vnm.yield %result : {key.dtype}
      }}"""
    signature = ", ".join(f"%{name}: {kind}" for name, kind in arguments.items())
    return f"""func.func @product({signature}) {{
  vnm.spmm #vnm.encoding<{encoding}>
      ins({', '.join('%' + name for name in packed)} : {', '.join(packed.values())}){rows}
      outs(%y : {y}){epilogue}
  return
}}
"""


def compile_kernels(
    model: torch.nn.Module,
    folder: Union[str, "os.PathLike[str]"],
    *,
    tokens: "Iterable[int]",
    chip: str,
    options: str = "",
    vnm_opt: Optional[str] = None,
) -> "list[pathlib.Path]":
    """Compiles a kernel for every kind of VNMLinear in a model and number of tokens.

    Numbers are rounded up to a multiple of 8. Needs the program vnm-opt (in PATH, or
    named) and NVIDIA's ptxas, but no GPU. Returns the folders of the kernels, which
    use_kernels(folder) finds. `options` are further ones of vnm-lower-to-nvvm. Errors:
    MissingKernelError with what vnm-opt printed; no vnm-opt.
    """
    from ._linear import VNMLinear

    program = vnm_opt or shutil.which("vnm-opt")
    if not program or not shutil.which(program):
        raise errors.FileError(f"requires the program vnm-opt in PATH or by name, but there is no '{program or 'vnm-opt'}'")
    keys = {layer.kernel_key() for layer in model.modules() if isinstance(layer, VNMLinear)}
    made = []
    for key in sorted(keys):
        for count in sorted({padded_tokens(number) for number in tokens}):
            name = "_".join(str(part).replace(":", "_") for part in (*key, count))
            made.append(_compile(program, pathlib.Path(folder) / name, to_mlir(key, count), chip, options))
    return made


def _compile(program: str, target: pathlib.Path, source: str, chip: str, options: str) -> pathlib.Path:
    target.mkdir(parents=True, exist_ok=True)
    (target / "product.mlir").write_text(source)
    command: "list[Any]" = [
        program,
        target / "product.mlir",
        f"--vnm-lower-to-nvvm=chip={chip} format=bin {options}",
        f"--vnm-write-kernels=dir={target}",
        "-o",
        os.devnull,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingKernelError(f"requires vnm-opt to compile '{target}/product.mlir', but it says: {done.stderr}")
    return target


def padded_tokens(tokens: Any) -> Any:
    """T rounded up to a multiple of 8, which lets kernels copy 16 bytes at a time."""
    return (tokens + 7) // 8 * 8
