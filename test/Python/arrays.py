# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests packing of numpy arrays: dtypes, strides, ragged shapes, masks,
# lifetimes, and what is refused. An instrumented library needs an instrumented
# Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: %vnm_python %s

import gc

import numpy as np
import vnm
from vnm import _arrays

RNG = np.random.default_rng(1)


def refuses(kind, text, function, *arguments, **keywords):
    """Checks that a call raises `kind` with a diagnostic that contains `text`."""
    try:
        function(*arguments, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"requires {kind.__name__}: {text}")


def normal(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


def test_dtypes_and_shapes():
    for rows, cols in [(64, 64), (40, 50), (1, 5), (17, 129)]:
        for dtype in (np.float32, np.float16, np.int8):
            weight = (normal(rows, cols) * 20).astype(dtype)
            packed = vnm.pack(weight, "16:2:8")
            mask = packed.mask()
            assert packed.dtype == dtype and packed.shape == (rows, cols)
            assert np.array_equal(packed.to_dense(), np.where(mask, weight, 0))
            per_group = np.add.reduceat(mask, np.arange(0, cols, 8), axis=1)
            assert (per_group <= 2).all() and (per_group[:, :-1] == 2).all()
            assert np.array_equal(vnm.prune(weight, "16:2:8"), mask)


def test_bf16():
    bits = (normal(32, 64).view(np.uint32) >> 16).astype(np.uint16)
    packed = vnm.pack(bits, "16:2:8", dtype="bf16")
    assert packed.element_type == "bf16"
    dense = packed.to_dense()
    assert dense.dtype == (_arrays.BFLOAT16 or np.uint16)
    assert np.array_equal(dense.view(np.uint16), np.where(packed.mask(), bits, 0))
    if _arrays.BFLOAT16 is not None:
        assert np.array_equal(vnm.pack(bits.view(_arrays.BFLOAT16), "16:2:8").mask(), packed.mask())
    refuses(vnm.InvalidArgumentError, "but its dtype is uint16", vnm.pack, bits)
    refuses(vnm.InvalidArgumentError, "requires a weight of f16", vnm.pack, bits, dtype="f16")


def test_strides():
    weight = normal(48, 64)
    expected = vnm.pack(weight, "16:2:8").values
    padded = np.zeros((48, 100), np.float32)
    padded[:, 3:67] = weight
    record = np.zeros((48, 64), [("x", np.float32), ("y", np.int8)])  # Strides of 5 bytes.
    record["x"] = weight
    views = [
        np.asfortranarray(weight),
        padded[:, 3:67],
        weight[::-1][::-1],
        record["x"],
        weight.astype(weight.dtype.newbyteorder()),
    ]
    for view in views:
        assert np.array_equal(vnm.pack(view, "16:2:8").values, expected)
    # A broadcast has strides of 0.
    row = np.broadcast_to(weight[0], (16, 64))
    assert np.array_equal(vnm.pack(row, "16:2:8").to_dense()[5], vnm.pack(row.copy(), "16:2:8").to_dense()[0])


def test_masks_and_scores():
    weight = normal(32, 64)
    packed = vnm.pack(weight, "16:2:8", form="free", permute_rows=True)
    assert packed.form == "free"
    strict = vnm.pack(weight, "16:2:8")
    mask = strict.mask()
    mask[3] = False  # A row may keep less.
    dense = vnm.pack(weight, "16:2:8", mask=mask).to_dense()
    assert np.array_equal(dense, weight * mask)
    scores = abs(normal(32, 64))
    by_scores = vnm.structure(scores=scores, pattern="16:2:8")
    assert np.array_equal(vnm.pack(weight, "16:2:8", scores=scores).mask(), by_scores.mask())
    assert abs(by_scores.retained(scores) - scores[by_scores.mask()].sum() / scores.sum()) < 1e-6
    mask[0, :8] = True
    refuses(vnm.Error, "requires", vnm.pack, weight, "16:2:8", mask=mask)
    refuses(vnm.InvalidArgumentError, "both", vnm.pack, weight, mask=mask, structure=by_scores)
    refuses(vnm.InvalidArgumentError, "beside a mask", vnm.pack, weight, mask=mask, form="free")
    refuses(vnm.InvalidArgumentError, "both or none", vnm.prune, weight, scores=scores)
    refuses(vnm.InvalidArgumentError, "one shape", vnm.pack, weight[:16], structure=by_scores)


def test_arrays_make_the_same():
    weight = normal(40, 50).astype(np.float16)
    packed = vnm.pack(weight, "16:2:8", form="free", permute_rows=True)
    arrays = [packed.values, packed.metadata, packed.columns, packed.rows]
    keywords = {"cols": 50, "pattern": "16:2:8", "form": "free"}
    again = vnm.VNMTensor.from_arrays(*arrays, **keywords)
    assert np.array_equal(again.to_dense(), packed.to_dense())
    arrays[1] = np.zeros_like(arrays[1])
    refuses(vnm.FormatError, "[S13]", vnm.VNMTensor.from_arrays, *arrays, **keywords)
    arrays[1] = packed.metadata.astype(np.int64) + 65536
    refuses(vnm.InvalidArgumentError, "fit uint16", vnm.VNMTensor.from_arrays, *arrays, **keywords)
    keywords["cols"] = 40
    refuses(vnm.FormatError, "[S3]", vnm.VNMTensor.from_arrays, packed.values, packed.metadata, *arrays[2:], **keywords)


def test_lifetimes():
    values = vnm.pack(normal(64, 64)).values
    columns = vnm.structure(normal(64, 64)).columns
    copies = values.copy(), columns.copy()
    gc.collect()
    for _ in range(20):
        vnm.pack(normal(64, 64))  # Would take the memory if it were free.
    assert np.array_equal(values, copies[0]) and np.array_equal(columns, copies[1])
    refuses(ValueError, "read-only", values.__setitem__, (0, 0), 1)


def test_refusals():
    weight = normal(32, 64)
    weight[1, 2] = np.nan
    refuses(vnm.InvalidArgumentError, "element (1, 2) is nan", vnm.pack, weight)
    refuses(ValueError, "element (1, 2) is nan", vnm.importance, weight)
    kept = vnm.structure(np.nan_to_num(weight), "16:2:8")
    vnm.pack(weight, structure=kept, allow_non_finite=True)
    refuses(vnm.InvalidArgumentError, "two dimensions", vnm.pack, np.float32([1, 2]))
    refuses(vnm.InvalidArgumentError, "float64", vnm.pack, np.zeros((16, 16)))
    refuses(vnm.InvalidArgumentError, "are 0 and 16", vnm.pack, np.zeros((0, 16), np.float32))
    refuses(vnm.InvalidArgumentError, "but found 'x'", vnm.pack, kept.mask().astype(np.int8), form="x")
    refuses(vnm.InvalidArgumentError, "at most 1024 threads", vnm.prune, np.zeros((16, 16), np.int8), threads=5000)
    refuses(vnm.InvalidArgumentError, "but they are -1", vnm.prune, np.zeros((16, 16), np.int8), threads=-1)
    refuses(vnm.InvalidArgumentError, "wanda", vnm.prune, np.zeros((16, 16), np.int8), criterion="wanda")
    refuses(vnm.InvalidArgumentError, "V is 48", vnm.Pattern, "48:2:8")
    wanda = vnm.importance(np.float32([[1, -2]]), criterion="wanda", activation_norms=[3, 4])
    assert wanda.tolist() == [[3, 8]]


def test_update_and_select():
    weight, x = normal(64, 64), normal(512, 64).cumsum(axis=1)
    packed, gram = vnm.pack(weight, "16:2:8"), vnm.gram(x)
    updated = vnm.update(weight, packed, gram)
    assert not updated[~packed.mask()].any()
    before, after = (np.linalg.norm((weight - w) @ x.T) for w in (packed.to_dense(), updated))
    assert after < 0.8 * before
    refuses(vnm.InvalidArgumentError, "shape (64, 64)", vnm.update, weight, packed, gram[:3])

    table = vnm.CostTable()
    for pattern, time in [(None, 100), ("16:2:8", 45), ("16:2:16", 30)]:
        table.add(64, 64, 128, time, pattern=pattern)
    layers = [vnm.Layer(name, 64, 64, 128, scores=lambda: abs(weight)) for name in "ab"]
    patterns = ["16:2:8", "16:2:16"]
    chosen = vnm.select(layers, patterns, speedup=2, costs=table, rule="per-layer")
    assert chosen.speedup >= 2 and [x.name for x in chosen.layers] == ["a", "b"]
    assert all(str(x.pattern) == "16:2:8" for x in chosen.layers)
    retained = vnm.structure(weight, "16:2:8").retained(abs(weight))
    assert abs(chosen.retained - retained) < 1e-6

    def fails():
        raise KeyError("no such layer")

    broken = [layers[0], layers[1]._replace(scores=fails)]
    refuses(KeyError, "no such layer", vnm.select, broken, patterns, speedup=2, costs=table, rule="retained")
    refuses(vnm.InvalidArgumentError, "3.333", vnm.select, layers, patterns, speedup=4, costs=table)
    refuses(vnm.InvalidArgumentError, "rule", vnm.select, layers, patterns, speedup=2, rule="x")
    refuses(vnm.FormatError, "version", vnm.CostTable, '{"version": 7}')
    assert vnm.CostTable(str(table)).look_up(64, 64, 128).microseconds == 100


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
