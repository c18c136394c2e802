# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The IR, the inputs and the references of the products of gpu_cases.py."""

import math

import numpy as np
from fragments import to_fragments

# --------------------------------------------------------------------------- #
# IR
# --------------------------------------------------------------------------- #

# Body on the accumulator %acc: f32, operands as (broadcast, name); result %r: f32.
# Sums of i8 are floats there, too, unless the result is i32.
EPILOGUES = {
    "bias": ([("per_row", "b")], "%r = arith.addf %acc, %b : f32"),
    "relu": (
        [("per_row", "b")],
        """%s = arith.addf %acc, %b : f32
        %zero = arith.constant 0.0 : f32
        %r = arith.maximumf %s, %zero : f32""",
    ),
    "gelu_erf": (
        [("per_row", "b")],
        """%s = arith.addf %acc, %b : f32
        %root = arith.constant 0.707106769 : f32
        %scaled = arith.mulf %s, %root : f32
        %e = math.erf %scaled : f32
        %one = arith.constant 1.0 : f32
        %half = arith.constant 0.5 : f32
        %e1 = arith.addf %e, %one : f32
        %h = arith.mulf %s, %half : f32
        %r = arith.mulf %h, %e1 : f32""",
    ),
    "gelu_tanh": (
        [("per_row", "b")],
        """%s = arith.addf %acc, %b : f32
        %c = arith.constant 0.044715 : f32
        %root = arith.constant 0.797884583 : f32
        %one = arith.constant 1.0 : f32
        %half = arith.constant 0.5 : f32
        %s2 = arith.mulf %s, %s : f32
        %s3 = arith.mulf %s2, %s : f32
        %cs = arith.mulf %s3, %c : f32
        %in = arith.addf %s, %cs : f32
        %arg = arith.mulf %in, %root : f32
        %t = math.tanh %arg : f32
        %t1 = arith.addf %t, %one : f32
        %h = arith.mulf %s, %half : f32
        %r = arith.mulf %h, %t1 : f32""",
    ),
    "silu": (
        [("per_row", "b")],
        """%s = arith.addf %acc, %b : f32
        %n = arith.negf %s : f32
        %e = math.exp %n : f32
        %one = arith.constant 1.0 : f32
        %d = arith.addf %e, %one : f32
        %r = arith.divf %s, %d : f32""",
    ),
    "integer_relu": (
        [],
        """%zero = arith.constant 0 : i32
        %r = arith.maxsi %acc, %zero : i32""",
    ),
    "scale_bias": (
        [("per_row", "b"), ("per_row", "c")],
        """%s = arith.mulf %acc, %b : f32
        %r = arith.addf %s, %c : f32""",
    ),
    "scale_residual": (
        [("per_token", "b"), ("full", "c")],
        """%s = arith.mulf %acc, %b : f32
        %r = arith.addf %s, %c : f32""",
    ),
}


def shaped(kind, sizes, element, layout=""):
    return f"{kind}<{'x'.join(map(str, sizes))}x{element}{layout}>"


def function(case):
    """The MLIR function of a case."""
    kind = "tensor" if case.tensor else "memref"

    def activation(channels, token_major, element, strided=False):
        sizes = list(case.shape(channels, token_major))
        if case.dynamic:
            sizes[len(case.batch) + (not token_major)] = "?"
        layout = ""
        if strided:
            layout = f", strided<[{', '.join('?' * len(sizes))}], offset: ?>"
        return shaped(kind, sizes, element, layout)

    g = case.groups
    ids = "i32" if case.wide_ids else "i16"
    blocks, stages = -(-case.rows // 16), -(-g // 16)
    types = [
        ("values", shaped(kind, (blocks, stages, 2, 32, 8) if case.fragments else (case.rows, 2 * g), case.dtype)),
        ("metadata", shaped(kind, (blocks, stages, 32), "i32") if case.fragments
         else shaped(kind, (case.rows, -(-g // 4)), "i16")),
        ("columns", shaped(kind, (case.panels, 64 * stages if case.fragments else 4 * g), ids)),
        ("x", activation(case.cols, case.x_token_major, case.dtype, case.strided)),
        ("y", activation(case.rows, case.y_token_major, case.out, case.strided)),
    ]
    named = dict(types)
    parameters = list(types)
    rows = ""
    if case.permuted:
        parameters.append(("rows", shaped(kind, (case.rows,), "i32")))
        rows = f"rows(%rows : {parameters[-1][1]})"
    epilogue = ""
    if case.epilogue:
        operands, body = EPILOGUES[case.epilogue]
        clauses = []
        for broadcast, name in operands:
            t = "?" if case.dynamic else case.tokens
            type_ = {
                "per_row": shaped(kind, (case.rows,), "f32"),
                "per_token": shaped(kind, (t,), "f32"),
                "full": activation(case.rows, case.y_token_major, "f32"),
            }[broadcast]
            parameters.append((f"{name}_buffer", type_))
            clauses.append(f"%{name}_buffer {broadcast} : {type_}")
        sums = "%acc: f32"
        if case.dtype == "i8":
            sums = "%acc: i32" if case.out == "i32" else "%sum: i32"
        if sums.startswith("%sum"):
            body = "%acc = arith.sitofp %sum : i32 to f32\n        " + body
        arguments = ", ".join([sums] + [f"%{name}: f32" for _, name in operands])
        convert, result = "", "%r"
        if case.out not in ("f32", "i32"):
            op = "extf" if case.out == "f64" else "truncf"
            convert, result = f"%o = arith.{op} %r : f32 to {case.out}", "%o"
        epilogue = f"""epilogue{f"({', '.join(clauses)})" if clauses else ''} {{
      ^bb0({arguments}):
        {body}
        {convert}
        vnm.yield {result} : {case.out}
      }}"""
    attributes = []
    if case.accumulate:
        attributes.append("accumulate")
    for name, flag in (("x", case.x_token_major), ("y", case.y_token_major)):
        if flag:
            attributes.append(f"{name}_layout = #vnm.activation_layout<token_major>")
    if case.schedule:
        attributes.append(f"schedule = #vnm.schedule<{case.schedule}>")
    attributes = f"{{{', '.join(attributes)}}}" if attributes else ""
    encoding = f"{case.v}:2:{case.m}"
    if case.wide_ids:
        encoding += ", columns = i32"
    if case.permuted:
        encoding += ", rows = permuted"
    if case.fragments:
        encoding += ", layout = fragments"
    signature = ", ".join(f"%{n}: {t}" for n, t in parameters)
    result = f" -> {named['y']}" if case.tensor else ""
    return f"""
  func.func @case_{case.name}({signature}){result} attributes {{llvm.emit_c_interface}} {{
    {'%result = ' if case.tensor else ''}vnm.spmm #vnm.encoding<{encoding}>
      ins(%values, %metadata, %columns, %x
          : {named['values']}, {named['metadata']}, {named['columns']}, {named['x']})
      {rows} outs(%y : {named['y']}) {attributes} {epilogue}{result}
    return{f' %result : {named["y"]}' if case.tensor else ''}
  }}"""


# --------------------------------------------------------------------------- #
# Weights and the reference
# --------------------------------------------------------------------------- #


def to_storage(values, dtype):
    """float64 values rounded to `dtype`: (array to pass, the values it holds)."""
    if dtype == "bf16":
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        nan = np.isnan(values)
        packed = np.where(nan, 0x7FC0, rounded).astype(np.uint16)
        return packed, from_storage(packed, dtype)
    types = {"f16": np.float16, "f32": np.float32, "f64": np.float64, "i8": np.int8, "i32": np.int32}
    packed = values.astype(types[dtype])
    return packed, packed.astype(np.float64)


def from_storage(array, dtype):
    if dtype == "bf16":
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def draw(rng, shape, dtype):
    """Random float64 elements; all of i8, and as many of i32 as i8 products make."""
    if dtype in ("i8", "i32"):
        bound = 2 ** (7 if dtype == "i8" else 20)
        return rng.integers(-bound, bound, shape).astype(np.float64)
    return rng.standard_normal(shape)


def make_weight(case, rng):
    """Storage parts, the dense float64 weight and its mask, in output row order.

    With `poison` no row selects a group's last column, which the kernel then
    gathers but must not multiply.
    """
    g = case.groups
    raw = draw(rng, (case.rows, 2 * g), case.dtype)
    columns = np.full((case.panels, g, 4), case.cols, np.int64)
    for panel in range(case.panels):
        for group in range(g):
            lo, hi = group * case.m, min((group + 1) * case.m, case.cols)
            keep = min(4, hi - lo)
            columns[panel, group, :keep] = np.sort(rng.choice(np.arange(lo, hi), keep, replace=False))
    count = np.sum(columns < case.cols, axis=2)
    limit = np.where(case.poison & (count > 2), count - 1, count)
    pairs = np.array([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)])
    choices = np.array([1, 1, 1, 3, 6])[np.repeat(limit, case.v, axis=0)[: case.rows]]
    which = (rng.random((case.rows, g)) * choices).astype(np.int64)
    position = pairs[which]  # rows x g x 2
    panel_of_row = np.arange(case.rows) // case.v
    ids = np.take_along_axis(columns[panel_of_row], position, axis=2)
    raw.reshape(case.rows, g, 2)[ids == case.cols] = 0.0
    values, exact = to_storage(raw, case.dtype)
    nibbles = position[:, :, 0] | position[:, :, 1] << 2
    padded = np.full((case.rows, -(-g // 4) * 4), 4, np.int64)
    padded[:, :g] = nibbles
    words = padded.reshape(case.rows, -1, 4) << np.array([0, 4, 8, 12])
    metadata = np.bitwise_or.reduce(words, axis=2).astype(np.uint16)
    rows = rng.permutation(case.rows) if case.permuted else np.arange(case.rows)
    dense = np.zeros((case.rows, case.cols + 1))
    mask = np.zeros((case.rows, case.cols + 1), bool)
    row_index = np.repeat(rows, 2 * g)
    dense[row_index, ids.ravel()] = exact.ravel()
    mask[row_index, ids.ravel()] = True
    id_type = np.int32 if case.wide_ids else np.uint16
    parts = [values, metadata, columns.reshape(case.panels, -1).astype(id_type)]
    if case.fragments:
        parts = list(to_fragments(*parts, sentinel=case.cols))
    return parts, rows.astype(np.int32), dense[:, :-1], mask[:, :-1]


def reference(case, dense, used, x, y0, operands):
    """Epilogue(W X + Y0) in float64; x and the result are batch, channel, token."""
    acc = dense[:, used] @ x[:, used, :] + y0
    erf = np.vectorize(math.erf, otypes=[np.float64])
    if not case.epilogue:
        return acc
    if case.epilogue == "integer_relu":
        return np.maximum(acc, 0)
    if case.epilogue == "scale_bias":
        return acc * operands[0][:, None] + operands[1][:, None]
    if case.epilogue == "scale_residual":
        return acc * operands[0] + operands[1]
    s = acc + operands[0][:, None]
    if case.epilogue == "relu":
        return np.maximum(s, 0)
    if case.epilogue == "gelu_erf":
        return 0.5 * s * (1 + erf(s / math.sqrt(2)))
    if case.epilogue == "gelu_tanh":
        return 0.5 * s * (1 + np.tanh(math.sqrt(2 / math.pi) * (s + 0.044715 * s**3)))
    if case.epilogue == "silu":
        return s / (1 + np.exp(-s))
    return s
