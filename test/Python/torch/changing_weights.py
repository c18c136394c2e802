# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests that layers never compute with fragments of a weight that has changed:
# what would run on a GPU runs on the CPU, with a kernel in PyTorch that reads fragments.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import contextlib
import copy
import gc
import io
import pickle
import sys
import threading
import warnings

import torch
from torch import nn

import vnm
import vnm.torch as vt
from vnm.torch import _ops

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402
from fake_gpu import COLS, PATTERN, Kernels, M, V, check, make_layer  # noqa: E402


def replace_data(layer):
    layer.vnm_values.data = layer.vnm_values.data * 2


def load(layer, **options):
    state = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    state["vnm_values"] *= 2
    layer.load_state_dict(state, **options)


def load_other_structure(layer):
    other = make_layer()
    weight = torch.randn(72, COLS).half()
    kept = vt.structure(weight, PATTERN)
    other = vt.VNMLinear.from_dense(weight, kept, layer.bias)
    layer.load_state_dict(other.state_dict())


def through_double(layer):
    layer.double()
    layer.vnm_values.data *= 2
    layer.half()


@torch.no_grad()
def in_place(layer):
    layer.vnm_values.mul_(2)


@torch.inference_mode()
def in_inference_mode(layer):
    layer.vnm_values.mul_(2)


def by_optimizer(kind, **options):
    def step(layer):
        layer.vnm_values.grad = torch.ones_like(layer.vnm_values)
        kind([layer.vnm_values], lr=0.1, **options).step()

    step.__name__ = f"{kind.__name__} {options}"
    return step


def from_a_vector(layer):
    parameters = [layer.vnm_values]
    nn.utils.vector_to_parameters(2 * nn.utils.parameters_to_vector(parameters), parameters)


def from_a_misaligned_vector(layer):
    parameters = [layer.bias, layer.vnm_values]
    flat = nn.utils.parameters_to_vector(parameters)
    vector = torch.empty(len(flat) + 1, dtype=flat.dtype)[1:].copy_(2 * flat)
    nn.utils.vector_to_parameters(vector, parameters)


def offload(layer):
    """As hooks that keep a weight elsewhere between calls."""
    elsewhere = layer.vnm_values.data.clone() * 2
    layer.vnm_values.data = torch.empty(0, dtype=torch.float16)
    gc.collect()
    layer.vnm_values.data = elsewhere


def test_changes_are_seen():
    changes = [replace_data, load, lambda layer: load(layer, assign=True), load_other_structure, through_double]
    changes += [in_place, in_inference_mode, from_a_vector, from_a_misaligned_vector, offload]
    for kind in (torch.optim.Adam, torch.optim.AdamW):
        changes += [by_optimizer(kind, **options) for options in ({}, {"foreach": True}, {"fused": True})]
    for change in changes:
        for canonical in (False, True):
            layer = make_layer().eval()
            with Kernels("canonical" if canonical else "fragments"):
                check(layer)
                before = layer.to_dense().clone()
                change(layer)
                assert not torch.equal(layer.to_dense(), before), change.__name__
                check(layer)
                check(layer)


def test_copies_are_apart():
    with Kernels():
        layer = make_layer().eval()
        check(layer)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        copies = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(file, weights_only=False)]
        for other in copies:
            in_place(other)
            check(other)
            check(layer)
        in_place(layer)
        for one in (*copies, layer):
            check(one)


def test_what_pytorch_does_not_count():
    with Kernels():
        layer = make_layer().eval()
        check(layer)
        layer.vnm_values.data.mul_(2)
        refuses(AssertionError, "", check, layer)
        vt.forget_fragments()
        check(layer)


def test_threads():
    """Threads that share weights, and threads whose weights come and go."""
    shared, wrong = [make_layer().eval() for _ in range(3)], []

    def work(seed):
        try:
            for _ in range(20):
                for layer in shared:
                    check(layer, torch.ones(8, COLS).half() * (seed + 1))
                own = copy.deepcopy(shared[0])
                check(own)
                in_place(own)
                check(own)
                vt.forget_fragments()
        except BaseException as error:
            wrong.append(error)

    with Kernels():
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong, wrong


def train(layer, kernels, steps, evaluate=True, **options):
    """Trains; returns what the calls of the layer used."""
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.01, eps=1e-3, **options)
    model = torch.compile(layer, fullgraph=True, backend="aot_eager")
    kernels.used.clear()
    for _ in range(steps):
        layer.train()
        x = torch.randn(8, COLS).half()
        y = model(x)
        wanted = x.float() @ layer.to_dense().float().t() + layer.bias.float()
        assert torch.allclose(y.float(), wanted, rtol=1e-2, atol=1e-2)
        y.square().mean().backward()
        if evaluate:
            layer.eval()
            check(layer)
        optimizer.step()
        optimizer.zero_grad()
        if evaluate:
            check(layer)
    return kernels.used


def test_training():
    for options in ({}, {"fused": True}):
        torch._dynamo.reset()
        with Kernels("fragments", "canonical") as kernels:
            used = train(make_layer(), kernels, 12, **options)
            assert used == ["canonical", "fragments", "fragments"] * 12, used
        torch._dynamo.reset()
        with Kernels("fragments") as kernels, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train(make_layer(), kernels, 12, **options)
        texts = [str(warning.message) for warning in caught if "fragments" in str(warning.message)]
        assert len(texts) == 1 and "weight_layout='canonical'" in texts[0], texts


def test_compiled_models():
    """What a compiled graph hands to the operator is known by its memory, too."""
    for backend in ("aot_eager", "inductor"):
        torch._dynamo.reset()
        layer = make_layer().eval()
        compiled = torch.compile(layer, fullgraph=True, backend=backend)
        with Kernels("fragments", "canonical") as kernels:
            for change in (by_optimizer(torch.optim.AdamW, fused=True, eps=1e-3), in_place, load, replace_data) * 2:
                kernels.used.clear()
                with torch.no_grad():
                    x = torch.randn(8, COLS).half()
                    expected = x.float() @ layer.to_dense().float().t() + layer.bias.float()
                    assert torch.allclose(compiled(x).float(), expected, rtol=1e-2, atol=1e-2), change.__name__
                assert kernels.used == ["fragments"]
                change(layer)


def test_when_a_weight_may_change():
    with Kernels("fragments", "canonical") as kernels, torch.no_grad():
        layer, x = make_layer(), torch.randn(8, COLS).half()

        def used(context=torch.no_grad):
            kernels.used.clear()
            with context():
                layer(x)
            return kernels.used[0]

        assert used() == "canonical"
        layer.eval()
        assert used() == "fragments" and used(torch.enable_grad) == "canonical"
        assert used(torch.inference_mode) == "fragments"
        assert used(lambda: torch.autocast("cpu", torch.bfloat16)) == "canonical"
        layer.train().requires_grad_(False)
        assert used(torch.enable_grad) == "fragments"


def test_refuses_other_arrays():
    """A kernel would take them for what they are not."""
    layer = make_layer().eval()
    x, values = torch.randn(8, COLS).half(), layer.vnm_values
    arrays = {"metadata": layer.vnm_metadata, "columns": layer.vnm_columns, "rows": None, "bias": layer.bias}

    def call(x=x, **given):
        return vt.spmm(x, **{"values": values, **arrays, **given}, v=V, m=M, fallback="error")

    with torch.no_grad():
        with Kernels():
            call()
        for context in (contextlib.nullcontext, Kernels):
            with context():
                refuses(vnm.InvalidArgumentError, "requires x of (8, 300), torch.float16 on cpu", call, x.float())
                refuses(vnm.InvalidArgumentError, "requires values of (72, 118)", call, x[:, :295])
                refuses(vnm.InvalidArgumentError, "requires metadata of (72, 15), torch.int16", call, metadata=values)
                ids = layer.vnm_columns.int()
                refuses(vnm.InvalidArgumentError, "requires columns of (3, 240), torch.int16", call, columns=ids)
                refuses(vnm.InvalidArgumentError, "requires rows of (72,), torch.int32", call, rows=torch.arange(72))
                refuses(
                    vnm.InvalidArgumentError, "requires bias of (72,), torch.float16", call, bias=layer.bias.float()
                )
                elsewhere = layer.vnm_metadata.to("meta")
                refuses(
                    vnm.InvalidArgumentError,
                    "torch.int16 on meta",
                    _ops._check,
                    x,
                    values,
                    elsewhere,
                    ids,
                    *[None] * 2,
                    V,
                    M,
                )


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name, flush=True)
