# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file writes and compiles the MLIR of one linear layer.

"""Kernels of a linear layer with a packed weight."""

import re
from collections.abc import Sequence
from typing import Any, Optional

from ._compile import Compilation, compile
from ._pattern import Pattern, PatternLike
from ._tensor import fragment_sizes
from .errors import InvalidArgumentError

_LAYOUTS = ("feature_major", "token_major")
_FORMS = ("strict", "free")
_WEIGHT_LAYOUTS = ("canonical", "fragments")
_FLOATS = ("f16", "bf16", "f32", "f64")
# Beyond 16-bit column ids.
_MAX_SHORT_COLS = 65535

# f(%s) in f32, an op per line; the last value is the result.
_ACTIVATIONS = {
    "relu": """%zero = arith.constant 0.0 : f32
%a = arith.maximumf %s, %zero : f32""",
    "gelu": """%half = arith.constant 0.5 : f32
%one = arith.constant 1.0 : f32
%scale = arith.constant 0.70710678118654752 : f32
%scaled = arith.mulf %s, %scale : f32
%erf = math.erf %scaled : f32
%weight = arith.addf %erf, %one : f32
%product = arith.mulf %s, %weight : f32
%a = arith.mulf %product, %half : f32""",
    "gelu_tanh": """%half = arith.constant 0.5 : f32
%one = arith.constant 1.0 : f32
%scale = arith.constant 0.79788456080286536 : f32
%cubic = arith.constant 0.044715 : f32
%square = arith.mulf %s, %s : f32
%share = arith.mulf %square, %cubic : f32
%factor = arith.addf %share, %one : f32
%stretched = arith.mulf %s, %factor : f32
%scaled = arith.mulf %stretched, %scale : f32
%tanh = math.tanh %scaled : f32
%weight = arith.addf %tanh, %one : f32
%product = arith.mulf %s, %weight : f32
%a = arith.mulf %product, %half : f32""",
    "silu": """%one = arith.constant 1.0 : f32
%negative = arith.negf %s : f32
%exp = math.exp %negative : f32
%divisor = arith.addf %exp, %one : f32
%a = arith.divf %s, %divisor : f32""",
}


def _choice(what: str, value: Any, choices: Sequence[Any]) -> Any:
    if value not in choices:
        raise InvalidArgumentError(f"requires {what} of {', '.join(map(str, choices))}, but it is {value!r}")
    return value


def _extent(what: str, value: Optional[int], static: bool = False) -> str:
    """A static extent, or MLIR's "?" for None unless it must be static."""
    if value is None and not static:
        return "?"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        kinds = "a positive integer" if static else "a positive integer or None"
        raise InvalidArgumentError(f"requires {what} to be {kinds}, but it is {value!r}")
    return str(value)


def _cast(value: str, result: str, source: str, target: str) -> list[str]:
    """Lines that convert between float types, none if they are one."""
    if source == target:
        return []
    op = "extf" if _FLOATS.index(source) < _FLOATS.index(target) else "truncf"
    return [f"{result} = arith.{op} {value} : {source} to {target}"]


def _epilogue(scaled: bool, bias: Optional[str], activation: Optional[str], result_type: str) -> list[str]:
    """The region that maps the sum in f32, %s, to what is stored; `scaled`: in i32."""
    arguments = ["%sum: i32", "%scale_element: f32"] if scaled else ["%acc: f32"]
    lines = [f"^bb0({', '.join(arguments + ([f'%bias_element: {bias}'] if bias else []))}):"]
    if scaled:
        lines += ["%float = arith.sitofp %sum : i32 to f32", "%acc = arith.mulf %float, %scale_element : f32"]
    value = "%acc"
    if bias:
        cast = _cast("%bias_element", "%bias_f32", bias, "f32")
        lines += [*cast, f"%s = arith.addf %acc, {'%bias_f32' if cast else '%bias_element'} : f32"]
        value = "%s"
    if activation:
        lines += re.sub(r"%s\b", value, _ACTIVATIONS[activation]).splitlines()
        value = "%a"
    cast = _cast(value, "%stored", "f32", result_type)
    return [*lines, *cast, f"vnm.yield {'%stored' if cast else value} : {result_type}"]


def linear_mlir(
    rows: int,
    cols: int,
    tokens: Optional[int] = None,
    pattern: PatternLike = "64:2:8",
    *,
    dtype: str = "f16",
    result_dtype: Optional[str] = None,
    bias: Any = False,
    activation: Optional[str] = None,
    batch: Sequence[Optional[int]] = (),
    x_layout: str = "feature_major",
    y_layout: str = "feature_major",
    form: str = "strict",
    permuted_rows: bool = False,
    weight_layout: str = "canonical",
) -> str:
    """The module of y = activation(W x + bias), on memrefs, for a packed W of R x K.

    `tokens` and extents of `batch` may be None, for sizes that a launch decides.
    `dtype` is that of weight and activations, f16, bf16 or i8; `result_dtype` that of y,
    by default the same, or for i8 i32, the sums themselves. If they become floats, y is
    activation(scale W x + bias), with a vector of f32, of an element per row, as scale.
    `bias` is True for a vector of `dtype`, or f32 for i8, or its type.
    `activation` is None, "relu", "gelu", "gelu_tanh" or "silu". `weight_layout` is
    "canonical" or "fragments" (VNMTensor.fragments()), which kernels for a T of at most
    64, and on sm_90a for multiples of 8, read faster. Layouts of x and y are
    "feature_major", channels x tokens, or "token_major"; the fastest kernels read the first
    and store either. The function @linear
    takes values, metadata, columns, with `permuted_rows` rows, then x, y, scales, bias.

    >>> print(linear_mlir(64, 128, 32, bias=True).splitlines()[-1])
    }
    """
    _extent("R", rows, static=True)
    _extent("K", cols, static=True)
    _choice("dtype", dtype, ("f16", "bf16", "i8"))
    is_byte = dtype == "i8"
    default_type, bias_default = ("i32", "f32") if is_byte else (dtype, dtype)
    result_type = _choice("result_dtype", result_dtype or default_type, (*_FLOATS, "i32") if is_byte else _FLOATS)
    scaled = is_byte and result_type != "i32"
    bias_type = _choice("bias", bias_default if bias is True else bias or None, (None, "f16", "bf16", "f32"))
    _choice("activation", activation, (None, *_ACTIVATIONS))
    if is_byte and not scaled and (bias_type or activation):
        raise InvalidArgumentError("requires a result_dtype of floats with a bias or an activation, but it is 'i32'")
    if permuted_rows and form != "free":
        raise InvalidArgumentError("requires form='free' with permuted_rows, but it is 'strict'")
    sizes = Pattern(pattern).sizes(rows, cols)
    ids = "i16" if cols <= _MAX_SHORT_COLS else "i32"
    extents = [_extent("a batch extent", extent) for extent in batch]

    def activations(channels: int, layout: str, element: str) -> str:
        inner = [str(channels), _extent("T", tokens)]
        if _choice("a layout", layout, _LAYOUTS) == "token_major":
            inner.reverse()
        return f"memref<{'x'.join([*extents, *inner, element])}>"

    weight = {
        "values": f"memref<{rows}x{sizes.row_values}x{dtype}>",
        "metadata": f"memref<{rows}x{sizes.metadata_words}xi16>",
        "columns": f"memref<{sizes.panels}x{sizes.column_slots}x{ids}>",
    }
    if _choice("weight_layout", weight_layout, _WEIGHT_LAYOUTS) == "fragments":
        extent = fragment_sizes(pattern, rows, cols)
        weight = {
            "values": f"memref<{extent.blocks}x{extent.stages}x2x32x8x{dtype}>",
            "metadata": f"memref<{extent.blocks}x{extent.stages}x32xi32>",
            "columns": f"memref<{extent.panels}x{extent.slots}x{ids}>",
        }
    types = {
        **weight,
        "rows": f"memref<{rows}xi32>" if permuted_rows else None,
        "x": activations(cols, x_layout, dtype),
        "y": activations(rows, y_layout, result_type),
        "scales": f"memref<{rows}xf32>" if scaled else None,
        "bias": f"memref<{rows}x{bias_type}>" if bias_type else None,
    }
    encoding = f"{Pattern(pattern)}, form = {_choice('form', form, _FORMS)}, columns = {ids}"
    encoding += ", rows = permuted" if permuted_rows else ""
    encoding += ", layout = fragments" if weight_layout == "fragments" else ""
    inputs = ("values", "metadata", "columns", "x")
    lines = [
        "func.func @linear(" + ", ".join(f"%{name}: {kind}" for name, kind in types.items() if kind) + ") {",
        f"  vnm.spmm #vnm.encoding<{encoding}>",
        f"      ins({', '.join('%' + name for name in inputs)} : {', '.join(types[name] or '' for name in inputs)})",
        f"      rows(%rows : {types['rows']})" if permuted_rows else "",
        f"      outs(%y : {types['y']})",
        f"      {{x_layout = #vnm.activation_layout<{x_layout}>, y_layout = #vnm.activation_layout<{y_layout}>}}",
    ]
    if scaled or bias_type or activation:
        operands = ", ".join(f"%{name} per_row : {types[name]}" for name in ("scales", "bias") if types[name])
        region = [f"      {line}" for line in _epilogue(scaled, bias_type, activation, result_type)]
        lines += [f"      epilogue{f'({operands})' if operands else ''} {{", *region, "      }"]
    return "\n".join([*filter(None, lines), "  return", "}", ""])


def compile_linear(
    rows: int,
    cols: int,
    tokens: Optional[int] = None,
    pattern: PatternLike = "64:2:8",
    *,
    chip: str = "sm_80",
    format: str = "isa",
    toolkit: Optional[str] = None,
    family: Optional[str] = None,
    kernel_token_tile: Optional[int] = None,
    cost_table: Optional[str] = None,
    **layer: Any,
) -> Compilation:
    """Compiles the kernel of a linear layer; keywords of the layer are linear_mlir()'s.

    `chip`, `format`, `toolkit`, `family`, `kernel_token_tile` and `cost_table`, a file of
    measured times to choose the kernel by (docs/gpu.md, "Schedules"), are as in compile().

    >>> compiled = compile_linear(128, 256, None, "64:2:8", chip="sm_90a", bias=True, activation="gelu")
    >>> kernel = compiled.kernels[0]
    >>> kernel["name"], [argument["name"] for argument in kernel["arguments"]]
    ('spmm_0', ['values', 'metadata', 'columns', 'x', 'y', 'epilogue0', 'tokens'])
    >>> quantized = compile_linear(128, 256, 64, "64:2:8", chip="sm_90a", dtype="i8", result_dtype="f16", bias=True)
    >>> [argument["type"] for argument in quantized.kernels[0]["arguments"][3:]]
    ['i8', 'f16', 'f32', 'f32', 'i64']
    """
    return compile(
        linear_mlir(rows, cols, tokens, pattern, **layer),
        chip=chip,
        format=format,
        toolkit=toolkit,
        ir=None,
        source_name="linear",
        family=family,
        kernel_token_tile=kernel_token_tile,
        cost_table=cost_table,
    )
