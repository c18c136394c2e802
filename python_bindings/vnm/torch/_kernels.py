# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the compiled kernels that layers launch.

"""The compiled kernels that layers launch, and how they are made."""

import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any, Optional, Union

import torch

from .. import _compile, errors
from .._linear import linear_mlir
from .._pattern import Pattern, PatternLike
from ._manifest import Kernel, Key, Launch, read_manifest
from ._transpose import check_layout

_DTYPES = {torch.float16: "f16", torch.bfloat16: "bf16"}
_kernels: "dict[Key, list[Kernel]]" = {}
_launches: "dict[tuple[Any, ...], Launch]" = {}


class MissingKernelError(errors.Error, LookupError):
    """No compiled kernel computes a product on this GPU; says how to make one."""


def use_kernels(*folders: Union[str, "os.PathLike[str]"]) -> int:
    """Lets layers on a GPU launch the kernels of all manifests below `folders`.

    Replaces what earlier calls gave; no folder means no kernels. Returns how many of
    the kernels layers can launch: of feature-major x, f16 or bf16, alone or with a bias.
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
    _launches.clear()
    _kernels.update(found)
    return sum(map(len, found.values()))


def make_key(pattern: str, rows: int, cols: int, dtype: torch.dtype, permuted: bool, bias: bool) -> Key:
    """InvalidArgumentError: a dtype that kernels do not have."""
    if dtype not in _DTYPES:
        raise errors.InvalidArgumentError(f"requires f16 or bf16 on a GPU, but the dtype is {dtype}")
    return Key(pattern, rows, cols, _DTYPES[dtype], permuted, bias)


def find_kernel(
    key: Key, tokens: int, device: torch.device, changing: bool = False, y_layout: str = "feature_major"
) -> Kernel:
    """The kernel for the fewest tokens that are enough, else one for any number.

    Of two that differ in the layout of the weight, that for fragments, or, if the weight
    is `changing`, the other; then one that stores y as `y_layout` says. MissingKernelError:
    none. A product with a bias takes a kernel without one if there is none with it.
    """
    candidates = _kernels.get(key, []) or _kernels.get(key._replace(bias=False), [])
    enough = [
        kernel for kernel in candidates if kernel.fits(device) and (kernel.tokens is None or kernel.tokens >= tokens)
    ]
    if not enough:
        raise MissingKernelError(_advice(key, tokens, device, candidates))
    return min(
        enough,
        key=lambda kernel: (
            kernel.tokens or math.inf,
            kernel.reads_fragments == changing,
            kernel.y_layout != y_layout,
        ),
    )


def find_launch(
    v: int,
    m: int,
    rows: int,
    cols: int,
    dtype: torch.dtype,
    permuted: bool,
    bias: bool,
    tokens: int,
    device: torch.device,
    changing: bool = False,
    y_layout: str = "feature_major",
) -> Launch:
    """What computes a product of T columns. Errors are those of make_key(), of find_kernel()
    and of the driver."""
    # Every call of a layer comes here: a product that was seen takes one look-up.
    product = (v, m, rows, cols, dtype, permuted, bias, tokens, device, changing, y_layout)
    found = _launches.get(product)
    if found is None:
        count = padded_tokens(tokens)
        key = make_key(f"{v}:2:{m}", rows, cols, dtype, permuted, bias)
        kernel = find_kernel(key, count, device, changing, y_layout)
        found = _launches[product] = Launch(kernel, kernel.tokens or count, device)
    return found


def _advice(key: Key, tokens: int, device: torch.device, candidates: "list[Kernel]") -> str:
    major, minor = torch.cuda.get_device_capability(device)
    chip = f"sm_{major}{minor}" + ("a" if (major, minor) == (9, 0) else "")
    there = ", ".join(f"T = {kernel.tokens or 'any'} on {kernel.chip}" for kernel in candidates) or "none"
    return (
        f"requires a kernel for {key.pattern}, {key.rows} x {key.cols}, {key.dtype}, T of at least {tokens} on {chip}, "
        f"but there are: {there}. vnm.torch.compile_kernels(model, 'kernels', tokens=[{tokens}], chip='{chip}') "
        "and vnm.torch.use_kernels('kernels') provide it, or, by hand, vnm-opt product.mlir "
        f"--vnm-lower-to-nvvm='chip={chip} format=bin' --vnm-write-kernels=dir=kernels of\n"
        + to_mlir(key, padded_tokens(tokens))
        + "Layers made with fallback='dense' do without."
    )


def fastest_layout(v: int, tokens: int, chip: str) -> str:
    """The layout of weights that the fastest kernel for a static T on a chip reads."""
    reads = tokens <= 64 or (chip == "sm_90a" and v >= 64 and tokens % 8 == 0)
    return "fragments" if reads else "canonical"


def to_mlir(key: Key, tokens: int, layout: str = "canonical", y_layout: str = "feature_major") -> str:
    """The module whose kernel computes products of a key, T as given; layouts are those
    of the weight and of y."""
    return linear_mlir(
        key.rows,
        key.cols,
        tokens,
        key.pattern,
        dtype=key.dtype,
        bias=key.bias,
        # Of M = 4 the strict form has kernels of its own, which read no column ids; of
        # other patterns both forms have the same. Permuted rows are of the free one.
        form="free" if key.permuted or Pattern(key.pattern).m == 4 else "strict",
        permuted_rows=key.permuted,
        weight_layout=layout,
        y_layout=y_layout,
    )


def _keys_of(
    model: torch.nn.Module, pattern: Optional[PatternLike], chosen: Any, permuted: bool, feature_major: Any
) -> "set[tuple[Key, str]]":
    """The keys and layouts of y of a model's sparse layers and, with a pattern, of what
    dense ones become."""
    # These modules need this one.
    from ._layers import LayerError, find_candidates, weight_of
    from ._layouts import find_feature_major
    from ._linear import VNMLinear, default_layout

    keys = {(layer.kernel_key(), layer.y_layout) for layer in model.modules() if isinstance(layer, VNMLinear)}
    if pattern is None:
        return keys
    names = {}
    for name, module, reason in find_candidates(model, chosen, with_data=False):
        if isinstance(module, VNMLinear):
            continue
        if reason is not None:
            raise LayerError(name, reason)
        names[module] = name
    read = find_feature_major(model, feature_major, names)
    for module in names:
        weight = weight_of(module)
        key = make_key(str(Pattern(pattern)), *weight.shape, weight.dtype, permuted, module.bias is not None)
        keys.add((key, "feature_major" if module in read else default_layout(permuted)))
    return keys


def compile_kernels(
    model: torch.nn.Module,
    folder: Union[str, "os.PathLike[str]"],
    *,
    tokens: "Iterable[int]",
    chip: str,
    pattern: Optional[PatternLike] = None,
    filter: Any = None,  # noqa: A002
    permute_rows: bool = False,
    feature_major: Any = "auto",
    weight_layout: Optional[str] = None,
    y_layout: Optional[str] = None,
    format: str = "bin",  # noqa: A002
    **options: Any,
) -> "list[pathlib.Path]":
    """Compiles a kernel for every kind of VNMLinear in a model and number of tokens.

    With a `pattern`, also for dense layers as sparsify_() would make them of the same
    `pattern`, `filter`, `permute_rows` and `feature_major`; weights on the device meta do,
    so that neither their data nor a search is needed.
    Numbers from 8 on are rounded up to a multiple of 8. Kernels read weights in fragments
    (docs/gpu.md) where that is faster; layers make these when they are first called, and
    keep them beside their own arrays. With `weight_layout="canonical"` they read the layers'
    arrays, which is for layers that are trained. They store results as each layer's
    `y_layout` says or, if it is given, as this `y_layout` does. `format`, `toolkit` and further
    options of vnm-lower-to-nvvm (docs/gpu.md), such as cost_table=FILE, are those of
    vnm.compile(): "bin" needs NVIDIA's ptxas, none needs a GPU. Returns the folders of
    the kernels, which use_kernels(folder) finds. LayerError: a dense layer that does not
    fit; other errors are the compiler's.
    """
    keys = _keys_of(model, pattern, filter, permute_rows, feature_major)
    if y_layout is not None:
        keys = {(key, check_layout(y_layout)) for key, _ in keys}
    if weight_layout not in (None, "canonical", "fragments"):
        raise errors.InvalidArgumentError(
            f"requires weight_layout of canonical, fragments or None, but it is {weight_layout!r}"
        )
    counts = sorted({padded_tokens(number) for number in tokens})
    made = []
    for key, stored in sorted(keys):
        for count in counts:
            layout = weight_layout or fastest_layout(Pattern(key.pattern).v, count, chip)
            compiled = _compile.compile(to_mlir(key, count, layout, stored), chip=chip, format=format, ir=None, **options)
            name = "_".join(str(part).replace(":", "_") for part in (*key, count, layout, stored))
            made.append(pathlib.Path(folder) / name)
            compiled.write(made[-1])
    return made


def padded_tokens(tokens: int) -> int:
    """T rounded up to a multiple of 8, which lets kernels copy 16 bytes at a time; few
    tokens as they are."""
    return tokens if tokens < 8 else -(-tokens // 8) * 8
