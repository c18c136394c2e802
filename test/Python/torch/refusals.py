# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests what vnm.torch refuses: it names the layer and changes nothing.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import sys

import torch
from torch import nn
from torch.nn.utils import prune

import vnm
import vnm.torch as vt

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402


def make_model(**factory):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(32, 64, **factory), nn.ReLU(), nn.Linear(64, 32, **factory))


def leaves_alone(text, model, pattern="16:2:8", **keywords):
    """Checks that sparsify_ fails, naming `text`, and that the model is as before."""
    modules = list(model.modules())
    refuses(vt.LayerError, text, vt.sparsify_, model, pattern, **keywords)
    assert all(a is b for a, b in zip(modules, model.modules()))


def test_weights_that_are_not_finite():
    model = make_model()
    with torch.no_grad():
        model[2].weight[1, 2] = torch.inf
    leaves_alone("layer '2': requires finite weights, but element (1, 2) is inf", model)
    results = vt.sparsify_(model, "16:2:8", on_unfit="skip")
    assert "inf" in results[1].reason and results[0].reason is None
    assert type(model[2]) is nn.Linear and isinstance(model[0], vt.VNMLinear)


def test_tied_weights():
    model = nn.ModuleDict(
        {"embed": nn.Embedding(64, 32), "up": nn.Linear(32, 64), "head": nn.Linear(32, 64, bias=False)}
    )
    model["head"].weight = model["embed"].weight
    leaves_alone("layer 'head': requires a weight of its own, but it is tied to that of 'embed'", model)
    model = make_model()
    model[2].weight = nn.Parameter(model[0].weight.t())
    leaves_alone("tied", model)


def test_other_kinds():
    model = make_model()
    vt.sparsify_(model, "16:2:8", filter="0")
    leaves_alone("layer '0': requires a dense layer, but it is sparse already (16:2:8)", model)

    class Quantised(nn.Linear):
        pass

    model = make_model()
    model[2] = Quantised(64, 32)
    leaves_alone("Quantised: quantised or wrapped", model)
    leaves_alone("torch.float64", make_model(dtype=torch.float64))
    leaves_alone("meta", make_model(device="meta"))
    leaves_alone("it is the model itself", nn.Linear(16, 16))


def test_calibration():
    model = make_model()
    norms = vt.calibrate(model, [torch.randn(4, 32)])
    leaves_alone("layer '0': requires activation norms for wanda", model, criterion="wanda")
    leaves_alone("layer '2': requires activation norms for ria", model, criterion="ria", calibration={"0": norms["0"]})
    norms["2"][5] = torch.nan
    leaves_alone("layer '2': requires activation norms to be finite", model, criterion="wanda", calibration=norms)
    leaves_alone("K = 32", model, criterion="wanda", calibration={"0": torch.ones(3), "2": norms["2"]})
    for wrong in ([1.0] * 32, norms["0"].numpy(), norms["0"].to("meta")):
        given = {"0": wrong, "2": norms["2"].nan_to_num()}
        leaves_alone(
            "layer '0': requires activation norms that are a tensor", model, criterion="wanda", calibration=given
        )
    large = make_model()
    with torch.no_grad():
        large[2].weight.mul_(100)
    given = {"0": norms["0"], "2": torch.full((64,), 3e38)}
    leaves_alone("layer '2': requires scores to be finite", large, criterion="wanda", calibration=given)
    bad = torch.randn(4, 32)
    bad[0, 7] = torch.nan
    model.train()
    refuses(
        vt.LayerError,
        "layer '0': requires finite activations, but those of input channel 7",
        vt.calibrate,
        model,
        [bad],
    )
    refuses(vt.LayerError, "no batch reached it", vt.calibrate, model, [])
    refuses(vnm.InvalidArgumentError, "there is none", vt.calibrate, nn.ReLU(), [bad])
    assert model.training and not model[0]._forward_pre_hooks


def test_arguments():
    model = make_model()
    for keywords, text in (
        ({"pattern": "16:1:8"}, "N is 1"),
        ({"criterion": "l2"}, "criterion"),
        ({"on_unfit": "maybe"}, "on_unfit"),
        ({"column_choice": "best"}, "column choice"),
        ({"form": "loose"}, "loose"),
        ({"effort": "no", "form": "free"}, "effort"),
        ({"fallback": "cpu"}, "fallback"),
        ({"filter": "nothing"}, "filter names"),
        ({"filter": 3}, "filter"),
        ({"filter": "["}, "regular expression, but '[' is none"),
        ({"effort": "no"}, "effort"),
        ({"permute_rows": True}, "form='free' with permute_rows"),
        ({"pattern": 8}, "requires a pattern V:N:M"),
        ({"calibration": [1]}, "calibration as calibrate() gives it"),
    ):
        refuses(vnm.InvalidArgumentError, text, vt.sparsify_, model, **keywords)
        assert type(model[0]) is nn.Linear
    refuses(vnm.InvalidArgumentError, "torch.nn.Module, but it is a dict", vt.sparsify_, {})
    lazy = nn.Sequential(nn.LazyLinear(8), nn.Linear(8, 8))
    leaves_alone("layer '0': requires torch.nn.Linear", lazy)


def test_what_a_sparse_layer_would_lose():
    """Hooks, and what a weight or a bias has in common with others."""
    model = make_model()
    handle = model[0].register_forward_hook(lambda *_: None)
    leaves_alone("layer '0': requires a layer without hooks", model)
    handle.remove()
    forward, model[2].forward = model[2].forward, lambda x: x
    leaves_alone("layer '2': requires a layer without hooks", model)
    del model[2].forward, forward
    for change in (nn.utils.weight_norm, nn.utils.spectral_norm, lambda m: prune.l1_unstructured(m, "weight", 0.5)):
        other = make_model()
        change(other[2])
        leaves_alone("layer '2': requires a weight that is a parameter", other)
    tied = nn.ModuleDict({"a": nn.Linear(32, 32), "b": nn.Linear(32, 32)})
    tied["b"].bias = tied["a"].bias
    leaves_alone("layer 'a': requires a bias of its own, but it is tied to that of 'b'", tied)
    # Parameters that lie beside one another in one storage are not tied.
    vector = nn.utils.parameters_to_vector(model.parameters())
    nn.utils.vector_to_parameters(vector, model.parameters())
    assert [layer.reason for layer in vt.sparsify_(model, "16:2:8")] == [None, None]


def test_weights_of_any_strides():
    for weight in (torch.randn(32, 64).t(), torch.randn(128, 64)[::2, ::2], torch.randn(1, 32).expand(64, 32)):
        model = make_model()
        model[0].weight = nn.Parameter(weight)
        x = torch.randn(3, 32)
        vt.sparsify_(model, "16:2:8", filter="0")
        expected = nn.functional.linear(x, weight * model[0].structure().mask(), model[0].bias)
        assert torch.allclose(model[0](x), expected, atol=1e-5)


def test_inputs():
    model = make_model()
    vt.sparsify_(model, "16:2:8")
    refuses(vnm.InvalidArgumentError, "x of ... x 32", model, torch.ones(4, 33))
    refuses(vnm.InvalidArgumentError, "torch.float16", model, torch.ones(4, 32).half())


def test_checkpoints_of_another_pattern():
    model, other = make_model(), make_model()
    vt.sparsify_(model, "16:2:8")
    vt.sparsify_(other, "32:2:8")
    refuses(
        RuntimeError,
        "layer '0': requires a checkpoint of 16:2:8 with vnm_columns",
        model.load_state_dict,
        other.state_dict(),
    )
    refuses(RuntimeError, "holds a dense weight", model.load_state_dict, make_model().state_dict())
    state = model.state_dict()
    state["2.vnm_columns"] = state["2.vnm_columns"].flip(1)
    refuses(
        RuntimeError,
        "layer '2': requires a checkpoint of 16:2:8, but it breaks the format: [S",
        model.load_state_dict,
        state,
    )
    free = make_model()
    vt.sparsify_(free, "16:2:8", form="free", permute_rows=True)
    refuses(
        RuntimeError,
        "requires no vnm_rows in the checkpoint, but there is one",
        model.load_state_dict,
        free.state_dict(),
    )
    vt.save(free, "free.safetensors")
    refuses(
        vnm.FormatError, "layer '0': requires a checkpoint whose form is strict", vt.load_, model, "free.safetensors"
    )


def test_files():
    model = make_model()
    vt.sparsify_(model, "16:2:8")
    refuses(vnm.FileError, "'none.safetensors' cannot be read", vt.load_, model, "none.safetensors")
    with open("junk.safetensors", "wb") as file:
        file.write(b"junk")
    refuses(vnm.FormatError, "'junk.safetensors' is none", vt.load_, model, "junk.safetensors")
    refuses(vnm.FileError, "cannot be written", vt.save, model, "none/a.safetensors")
    model.extra = nn.Linear(4, 4)
    model.other = nn.Linear(4, 4)
    model.other.weight = model.extra.weight
    refuses(vnm.InvalidArgumentError, "safetensors can hold", vt.save, model, "tied.safetensors")


def test_ids_of_another_type():
    model = make_model()
    vt.sparsify_(model, "16:2:8")
    state = model.state_dict()
    state["0.vnm_columns"] = state["0.vnm_columns"].int()
    text = "layer '0': requires vnm_columns of torch.int16 in the checkpoint, but its dtype is torch.int32"
    refuses(RuntimeError, text, model.load_state_dict, state, assign=True)
    x, expected = torch.randn(3, 32), model.state_dict()["0.vnm_columns"].clone()
    for convert in (torch.int32, torch.uint16):
        state = model.state_dict()
        state["0.vnm_columns"] = expected.to(convert)
        model.load_state_dict(state)
        assert torch.equal(model[0].vnm_columns, expected) and model(x).shape == (3, 32)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
