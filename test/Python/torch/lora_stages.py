# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests training in three stages in a plain loop: masks, gradients, resuming, merging.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: %vnm_torch_python %s %S/Inputs

import copy
import sys

import torch
from torch import nn
from torch.nn import functional

import vnm
import vnm.torch as vt
from vnm.torch import lora

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402

torch.manual_seed(0)
INPUTS, TARGETS = torch.randn(64, 40), torch.randint(0, 10, (64,))
WAYS = (
    {},
    {"criterion": "ria"},
    {"form": "free", "permute_rows": True},
    {"rank": 0, "srste_decay": 1e-3},
    {"dense_steps": 0},
    {"dynamic_steps": 0},
    {"dense_steps": 0, "dynamic_steps": 0},
)


def make_model():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10, bias=False))


def make_config(**changes):
    settings = {"total_steps": 40, "dense_steps": 8, "dynamic_steps": 12, "refresh_every": 5, "learning_rate": 5e-3}
    return lora.LoraConfig("16:2:8", **{**settings, **changes})


def start(config):
    model = make_model()
    torch.manual_seed(2)
    training = lora.ThreeStageLora(model, config, filter="[02]")
    return training, torch.optim.AdamW(training.parameter_groups())


def train(training, optimizer, until, check=False):
    losses = []
    while training.step < until:
        loss = functional.cross_entropy(training.model(INPUTS), TARGETS)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        training.advance()
        losses.append(loss.item())
        if check:
            check_masks(training)
    return losses


def check_masks(training):
    """A mask is there from stage 2 on, and the C library takes it for one."""
    for layer in training.layers.values():
        assert (layer.vnm_mask is None) == (training.stage == 1)
        if layer.vnm_mask is None:
            continue
        assert layer.kept.to_host().form == training.config.form
        assert torch.equal(layer.vnm_mask, layer.kept.mask())
        assert torch.equal(layer.sum_weight() != 0, layer.vnm_mask & (layer.sum_weight(masked=False) != 0))


def snapshot(training, optimizer):
    return copy.deepcopy((training.model.state_dict(), optimizer.state_dict(), training.state_dict()))


def test_stages():
    for way in WAYS:
        training, optimizer = start(make_config(**way))
        frozen = [layer.base().weight.clone() for layer in training.layers.values()]
        losses = train(training, optimizer, 40, check=True)
        assert losses[-1] < 0.8 * losses[0], (way, losses)
        for weight, layer in zip(frozen, training.layers.values()):
            assert torch.equal(weight, layer.base().weight) == (way.get("rank") != 0)


def test_masks_follow_the_schedule():
    training, optimizer = start(make_config())
    changes, last = [], None
    while training.step < 40:
        train(training, optimizer, training.step + 1)
        kept = training.layers["0"].kept
        if kept is not last:
            changes.append(training.step)
        last = kept
    assert changes == [8, 13, 18, 20]


def test_resumed_is_uninterrupted():
    for way in WAYS[1:5]:
        config = make_config(**way)
        whole, optimizer = start(config)
        train(whole, optimizer, 40)
        for stop in (4, 15, 30):
            training, optimizer = start(config)
            train(training, optimizer, stop)
            model_state, optimizer_state, state = snapshot(training, optimizer)
            resumed, optimizer = start(config)
            resumed.model.load_state_dict(model_state)
            optimizer.load_state_dict(optimizer_state)
            resumed.load_state_dict(state)
            assert resumed.step == stop and resumed.stage == config.stage(stop)
            train(resumed, optimizer, 40)
            for name, tensor in whole.model.state_dict().items():
                assert torch.equal(tensor, resumed.model.state_dict()[name]), (way, stop, name)
            for name, layer in whole.layers.items():
                assert torch.equal(layer.vnm_mask, resumed.layers[name].vnm_mask)


def test_merged_is_masked():
    for way in WAYS:
        training, optimizer = start(make_config(**way))
        train(training, optimizer, 25)
        packed = copy.deepcopy(training)
        expected = {name: layer.sum_weight() for name, layer in training.layers.items()}
        y = training.model(INPUTS)
        assert training.merge() is training.model
        assert torch.equal(training.model(INPUTS), y)
        packed.merge(pack=True)
        assert all(packed.model[index].y_layout == "feature_major" for index in (0, 2))
        for name, weight in expected.items():
            assert torch.equal(training.model.get_submodule(name).weight, weight)
            layer = packed.model.get_submodule(name)
            assert isinstance(layer, vt.VNMLinear) and torch.equal(layer.to_dense(), weight)
            if layer.form == "strict":
                array = vnm.pack(weight.numpy(), "16:2:8", mask=(weight != 0).numpy()).to_dense()
                assert (array == weight.numpy()).all()


def test_gradients():
    torch.manual_seed(3)
    weight, mask = torch.randn(12, 20), torch.rand(12, 20) < 0.4
    for factored in (True, False):
        x, w = torch.randn(2, 3, 20, requires_grad=True), weight.clone().requires_grad_(not factored)
        a = torch.randn(4, 20, requires_grad=True) if factored else None
        b = torch.randn(12, 4, requires_grad=True) if factored else None
        bias, upstream = torch.randn(12, requires_grad=True), torch.randn(2, 3, 12)
        lora.masked_linear(x, w, a, b, bias, mask, 0.5, 0.0 if factored else 0.1).backward(upstream)
        flat, up = x.detach().reshape(-1, 20), upstream.reshape(-1, 12)
        dense = (weight + 0.5 * b.detach() @ a.detach() if factored else weight) * mask
        gradient = up.t() @ flat
        expected = {"x": ((up @ dense).view(x.shape), x.grad), "bias": (up.sum(0), bias.grad)}
        if factored:
            kept = gradient * mask
            expected["a"] = (0.5 * b.detach().t() @ kept, a.grad)
            expected["b"] = (0.5 * kept @ a.detach().t(), b.grad)
        else:
            expected["w"] = (gradient + 0.1 * ~mask * weight, w.grad)
        for name, (wanted, found) in expected.items():
            assert torch.allclose(wanted, found, rtol=1e-5, atol=1e-5), name


def test_low_precision_weights():
    model = make_model().bfloat16()
    training = lora.ThreeStageLora(model, make_config(dense_steps=2), filter="[02]")
    optimizer = torch.optim.AdamW(training.parameter_groups())
    for _ in range(10):
        functional.cross_entropy(model(INPUTS.bfloat16()).float(), TARGETS).backward()
        optimizer.step()
        optimizer.zero_grad()
        training.advance()
    y = model(INPUTS.bfloat16())
    training.merge()
    assert torch.equal(model(INPUTS.bfloat16()), y)
    with torch.autocast("cpu", torch.bfloat16):
        x = lora.masked_linear(INPUTS, torch.randn(8, 40), None, None, None, torch.ones(8, 40, dtype=torch.bool), 1.0)
    assert x.dtype == torch.bfloat16


def test_memory():
    training, optimizer = start(make_config())
    elements = 40 * 64 + 64 * 48
    report = training.memory_report()
    assert (report.weights, report.masks, report.second_copies) == (4 * elements, 0, 0)
    assert report.factors == 4 * 16 * (40 + 64 + 64 + 48)
    train(training, optimizer, 10)
    report = training.memory_report()
    assert (report.weights, report.masks, report.transient) == (4 * elements, elements, 8 * 64 * 48)
    # The sum W' of no layer outlives its use.
    held = {
        t.untyped_storage().data_ptr()
        for layer in training.layers.values()
        for t in (*layer.parameters(), *layer.buffers())
    }
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        training.model(INPUTS)
    shapes = [tuple(t.shape) for t in saved if t.untyped_storage().data_ptr() not in held and t.is_floating_point()]
    assert (64, 40) not in [shape for shape in shapes if shape != tuple(INPUTS.shape)] and (48, 64) not in shapes


def test_refuses():
    for changes, text in (
        ({"total_steps": 0}, "total_steps to be an integer of at least 1"),
        ({"dense_steps": -1}, "dense_steps"),
        ({"dense_steps": 30, "dynamic_steps": 30}, "at most 40 steps, but they take 30 + 30"),
        ({"refresh_every": 0}, "refresh_every"),
        ({"rank": 1.5}, "rank"),
        ({"alpha": float("nan")}, "alpha"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"srste_decay": 0.1}, "rank=0 trains W"),
        ({"criterion": "l2"}, "criterion"),
        ({"form": "loose"}, "form"),
    ):
        refuses(vnm.InvalidArgumentError, text, make_config, **changes)
    refuses(vnm.InvalidArgumentError, "V is 3", lora.LoraConfig, "3:2:8", total_steps=1)
    model = make_model()
    refuses(
        vt.LayerError,
        "layer '0': requires activation norms",
        lora.ThreeStageLora,
        model,
        make_config(criterion="wanda"),
    )
    assert type(model[0]) is nn.Linear
    with torch.no_grad():
        model[2].weight[3, 4] = torch.nan
    refuses(vt.LayerError, "layer '2': requires finite weights", lora.ThreeStageLora, model, make_config())
    assert type(model[0]) is nn.Linear and model[0].weight.requires_grad
    training, optimizer = start(make_config())
    refuses(vnm.InvalidArgumentError, "stage 1, without masks", training.merge)
    train(training, optimizer, 10)
    other = make_config(refresh_every=3)
    refuses(vnm.FormatError, "refresh_every = 3", start(other)[0].load_state_dict, training.state_dict())
    refuses(vnm.FormatError, "version 1", training.load_state_dict, {})
    state = copy.deepcopy(training.state_dict())
    state["kept"]["0"]["columns"] = state["kept"]["0"]["columns"].flip(1)
    refuses(vnm.FormatError, "layer '0': [S", training.load_state_dict, state)
    with torch.no_grad():
        training.layers["2"].lora_B[0, 0] = torch.nan
    refuses(vt.LayerError, "layer '2': requires finite weights", training.refresh)
    training.step = 40
    refuses(vnm.InvalidArgumentError, "this is one more", training.advance)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
