# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests masks in torch ops: bit for bit those of the C library.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: %vnm_torch_python %s %S/Inputs

import itertools
import sys

import numpy as np
import torch

import vnm
import vnm.torch as vt

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402

RNG = torch.Generator().manual_seed(7)
SHAPES = [(64, 64), (40, 50), (1, 5), (17, 129), (130, 96), (16, 3), (200, 67), (33, 1)]
PATTERNS = ["16:2:4", "16:2:5", "64:2:8", "128:2:8", "32:2:13", "16:2:33", "64:2:40"]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]
CRITERIA = ["magnitude", "wanda", "ria"]


def normal(*shape):
    return torch.randn(*shape, generator=RNG)


def as_numpy(weight):
    if weight.dtype == torch.bfloat16:
        return weight.view(torch.int16).numpy().view(np.uint16), "bf16"
    return weight.numpy(), None


def check(scores, pattern, choice):
    ours = vt.structure(scores=scores, pattern=pattern, column_choice=choice)
    theirs = vnm.structure(scores=scores.numpy(), pattern=pattern, column_choice=choice)
    label = (tuple(scores.shape), pattern, choice)
    assert np.array_equal(ours.metadata.numpy().view(np.uint16), theirs.metadata), label
    columns = ours.columns.to(torch.int32) & 0xFFFF if ours.columns.dtype == torch.int16 else ours.columns
    assert np.array_equal(columns.numpy(), theirs.columns), label
    assert np.array_equal(ours.mask().numpy(), theirs.mask()), label


def test_equals_the_library():
    # Every shape meets every pattern; dtype, criterion and choice take turns.
    turns = itertools.cycle(itertools.product(DTYPES, CRITERIA, ("exact", "l1")))
    for rows, cols in SHAPES:
        for pattern in PATTERNS:
            for dtype, criterion, choice in itertools.islice(turns, 5):
                weight = normal(rows, cols).to(dtype)
                norms = torch.rand(cols, generator=RNG) if criterion != "magnitude" else None
                scores = vt.importance(weight, criterion, activation_norms=norms)
                array, name = as_numpy(weight)
                expected = vnm.importance(
                    array, criterion=criterion, activation_norms=None if norms is None else norms.numpy(), dtype=name
                )
                assert np.array_equal(scores.numpy().view(np.int32), expected.view(np.int32)), (rows, cols, criterion)
                check(scores, pattern, choice)


def test_ties_and_extremes():
    for scores in (
        torch.zeros(70, 45),
        torch.ones(70, 45),
        torch.randint(0, 3, (70, 45), generator=RNG).float(),
        normal(70, 45).abs() * torch.tensor([1e-40, 1.0, 1e30] * 15),
        torch.full((64, 40), 3e38),
    ):
        for pattern in ("16:2:5", "64:2:8", "16:2:12", "32:2:36"):
            for choice in ("exact", "l1"):
                check(scores, pattern, choice)


def test_wide_magnitudes_in_ria():
    # Sums that round: their order shows.
    weight = normal(300, 257) * 10.0 ** torch.randint(-18, 18, (300, 257), generator=RNG)
    scores = vt.importance(weight, "ria")
    assert np.array_equal(scores.numpy(), vnm.importance(weight.numpy(), criterion="ria"))
    norms = torch.rand(257, generator=RNG) * 100
    for exponent in (0.0, 0.3, 0.5, 2.0):
        ours = vt.importance(weight, "ria", activation_norms=norms, ria_exponent=exponent)
        theirs = vnm.importance(weight.numpy(), criterion="ria", activation_norms=norms.numpy(), ria_exponent=exponent)
        assert np.array_equal(ours.numpy(), theirs), exponent


def test_strides():
    weight = normal(96, 80)
    assert torch.equal(vt.prune(weight.t(), "16:2:8"), vt.prune(weight.t().contiguous(), "16:2:8"))
    scores = weight.abs()
    assert torch.equal(vt.prune(scores=scores.t(), pattern="16:2:8"), vt.prune(weight.t(), "16:2:8"))


def test_free_form():
    weight = normal(70, 90)
    ours = vt.structure(weight, "16:2:8", form="free", permute_rows=True)
    theirs = vnm.structure(weight.numpy(), "16:2:8", form="free", permute_rows=True)
    assert np.array_equal(ours.mask().numpy(), theirs.mask())
    assert np.array_equal(ours.rows.numpy(), theirs.rows)
    assert np.array_equal(ours.gather(weight).numpy(), vnm.pack(weight.numpy(), structure=theirs).values)


def test_refuses():
    bad = normal(16, 16)
    bad[3, 5] = torch.nan
    refuses(vnm.InvalidArgumentError, "element (3, 5) is nan", vt.prune, bad, "16:2:8")
    refuses(vnm.InvalidArgumentError, "score (3, 5) is nan", vt.prune, scores=bad.abs(), pattern="16:2:8")
    refuses(vnm.InvalidArgumentError, "V is 17", vt.prune, normal(16, 16), "17:2:8")
    refuses(vnm.InvalidArgumentError, "there are none", vt.prune, normal(16, 16), "16:2:8", criterion="wanda")
    refuses(vnm.InvalidArgumentError, "criterion", vt.prune, normal(16, 16), "16:2:8", criterion="l2")
    refuses(vnm.InvalidArgumentError, "column choice", vt.prune, normal(16, 16), "16:2:8", column_choice="x")
    refuses(vnm.InvalidArgumentError, "both or none", vt.structure)
    refuses(vnm.InvalidArgumentError, "dtype is torch.int8", vt.prune, torch.ones(16, 16, dtype=torch.int8))
    refuses(vnm.InvalidArgumentError, "shape is (16,)", vt.prune, torch.ones(16))
    norms = torch.ones(16)
    norms[2] = torch.nan
    refuses(vnm.InvalidArgumentError, "norm 2 is nan", vt.importance, normal(16, 16), "wanda", activation_norms=norms)
    refuses(vnm.InvalidArgumentError, "K = 16", vt.importance, normal(16, 16), "ria", activation_norms=torch.ones(4))
    refuses(vnm.InvalidArgumentError, "exponent", vt.importance, normal(16, 16), "ria", ria_exponent=-1.0)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
