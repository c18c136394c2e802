# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests how fragments are made of a weight, and how long they are kept.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import copy
import gc
import itertools
import sys

import torch

import vnm
import vnm.torch as vt
from vnm.torch import _fragments
from vnm.torch._structure import to_host

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402
from fake_gpu import COLS, FakeCuda, Fragment, Stream, arrays_of, make_layer  # noqa: E402


def fragments_of(layer, **options):
    return _fragments.to_fragments(*arrays_of(layer), layer.in_features, **options)[0]


def test_equal_those_of_the_library():
    patterns = [f"{v}:2:{m}" for v, m in itertools.product((16, 64, 128), (4, 5, 8, 16))]
    shapes = [(64, 128), (128, 64), (1, 1), (15, 3), (17, 129), (100, 333), (20, 40000)]
    for pattern, (rows, cols), dtype in itertools.product(patterns, shapes, (torch.float16, torch.bfloat16)):
        weight = torch.randn(rows, cols).to(dtype)
        kept = vt.structure(weight, pattern)
        values = kept.gather(weight)
        expected = to_host(kept, values).fragments()
        found, made = _fragments.to_fragments(values, kept.metadata, kept.columns, cols)
        assert made and found[0].dtype == dtype and found[2].dtype == kept.columns.dtype
        for one, other in zip(found, expected):
            ints = other.view("int16") if other.dtype.itemsize == 2 else other.astype("int32")
            wanted = torch.from_numpy(ints).to(one.dtype if one.ndim == 2 else torch.from_numpy(ints).dtype)
            assert torch.equal(one.view(wanted.dtype), wanted), (pattern, rows, cols, dtype)


def test_kept_while_they_hold():
    for dtype in (torch.float16, torch.bfloat16):
        layer = make_layer(dtype=dtype)
        values, metadata, columns = fragments_of(layer)
        assert values.shape == (5, 4, 2, 32, 8) and values.dtype == dtype
        assert metadata.shape == (5, 4, 32) and columns.shape == (3, 256) and columns.dtype == torch.int16
        # Value 1 of register 2 of lane 6, stage 1, step 0: row 1, group 16 + 2 + 4.
        assert values[0, 1, 0, 6, 5] == layer.vnm_values[1, 2 * 22 + 1]
        assert fragments_of(layer)[0] is values
        with torch.no_grad():
            layer.vnm_values.mul_(2)
        changed = fragments_of(layer)[0]
        assert changed is not values and torch.equal(changed, 2 * values)
        # A copy is another weight, and arrays that are gone are forgotten at once.
        other = copy.deepcopy(layer)
        assert fragments_of(other)[0] is not changed
        count = len(_fragments._storages)
        del other, layer
        gc.collect()
        assert len(_fragments._storages) == count - 2


def test_inference_tensors_are_not_kept():
    with torch.inference_mode():
        values, *others = (array.detach().clone() for array in arrays_of(make_layer()))
        count = len(_fragments._storages)
        first = _fragments.to_fragments(values, *others, COLS)[0][0]
        values.mul_(2)
        assert torch.equal(_fragments.to_fragments(values, *others, COLS)[0][0], 2 * first)
        assert len(_fragments._storages) == count


def test_views_and_shapes_differ():
    # Square, so that a transposed view has the same storage, offset and shape.
    values, *others = (array.detach() for array in arrays_of(make_layer(cols=180)))
    assert values.shape == (72, 72)
    first = _fragments.to_fragments(values, *others, 180)[0][0]
    turned = _fragments.to_fragments(values.t(), *others, 180)[0][0]
    fresh = _fragments.to_fragments(values.t().contiguous(), *others, 180)[0][0]
    assert torch.equal(turned, fresh) and not torch.equal(turned, first)


def test_graphs():
    """A graph keeps what it reads, and one that trains makes fragments itself."""
    layer, other = make_layer(), make_layer()
    made = fragments_of(layer)
    capturing = torch.cuda.is_current_stream_capturing
    torch.cuda.is_current_stream_capturing = lambda: True
    try:
        weight = [FakeCuda(array) for array in arrays_of(layer)]
        assert _fragments.to_fragments(*weight, COLS)[0] is made
        with torch.no_grad():
            layer.vnm_values.mul_(2)
        refuses(vnm.Error, "before a CUDA graph is captured", _fragments.to_fragments, *weight, COLS)
        fragments_of(other)
        _fragments.expect_changes(FakeCuda(other.vnm_values))
    finally:
        torch.cuda.is_current_stream_capturing = capturing
    again = fragments_of(layer)
    assert again is not made and fragments_of(layer) is again
    assert any(kept is made for kept in _fragments._storage_of(layer.vnm_values).captured)
    # What replays change, no counter says.
    before = fragments_of(other)[0]
    other.vnm_values.data.mul_(2)
    assert torch.equal(fragments_of(other)[0], 2 * before)


def test_streams():
    """Fragments are there for every stream, and stay until all are done with them."""
    layer, first, second = make_layer(), Stream(), Stream()
    weight = [FakeCuda(array) for array in arrays_of(layer)]
    names = "current_stream", "is_current_stream_capturing"
    before = [getattr(torch.cuda, name) for name in names], _fragments._make
    torch.cuda.is_current_stream_capturing = lambda: False
    _fragments._make = lambda *_: (Fragment(), Fragment(), Fragment())
    try:
        torch.cuda.current_stream = lambda _: first
        made, _ = _fragments.to_fragments(*weight, COLS)
        assert first.waits == 1 and _fragments.to_fragments(*weight, COLS) == (made, False)
        torch.cuda.current_stream = lambda _: second
        assert _fragments.to_fragments(*weight, COLS) == (made, False)
        assert [fragment.streams for fragment in made] == [[second]] * 3 and second.waits == 0
        # What is made at every call belongs to the stream that made it.
        again, _ = _fragments.to_fragments(*weight, COLS, changing=True)
        assert again is not made and second.waits == 0
    finally:
        (torch.cuda.current_stream, torch.cuda.is_current_stream_capturing), _fragments._make = before


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name, flush=True)
