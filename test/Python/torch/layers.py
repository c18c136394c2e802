# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests sparse layers: results, gradients, tracing, files.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s

import copy
import os

import torch
from torch import nn

import vnm
import vnm.torch as vt

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}


def make_model(dtype=torch.float32):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(100, 130), nn.GELU(), nn.Linear(130, 70, bias=False)).to(dtype)


def masked(dense, sparse):
    """The dense model with the weights that the sparse one keeps."""
    for layer, packed in zip(dense, sparse):
        if isinstance(packed, vt.VNMLinear):
            layer.weight.data = torch.where(
                packed.structure().mask(), layer.weight, torch.zeros((), dtype=layer.weight.dtype)
            )
    return dense


def close(a, b, dtype):
    return bool((a.double() - b.double()).abs().max() <= TOLERANCE[dtype] * b.double().abs().max())


def test_equals_the_masked_layer():
    for dtype in TOLERANCE:
        for search in ({}, {"form": "free", "permute_rows": True}, {"column_choice": "l1"}):
            model = make_model(dtype)
            norms = vt.calibrate(model, [torch.randn(50, 100).to(dtype)])
            dense = copy.deepcopy(model)
            results = vt.sparsify_(model, "64:2:8", "ria", calibration=norms, **search)
            assert [layer.name for layer in results] == ["0", "2"]
            assert all(0.25 < layer.retained < 0.8 for layer in results)
            masked(dense, model)
            for i in (0, 2):
                assert torch.equal(model[i].to_dense(), dense[i].weight)
            for shape in ((100,), (1, 100), (3, 5, 100), (0, 100)):
                x = torch.randn(*shape).to(dtype)
                y = model(x)
                assert y.shape == (*shape[:-1], 70) and y.dtype == dtype
                assert y.numel() == 0 or close(y, dense(x), dtype)


def test_model_shapes():
    # DeiT-B and, a tenth as wide, Llama-2-7B.
    for rows, cols in ((2304, 768), (768, 768), (3072, 768), (768, 3072), (410, 1101), (1101, 410)):
        linear = nn.Linear(cols, rows)
        x = torch.randn(9, cols)
        for pattern in ("64:2:5", "128:2:8"):
            kept = vt.structure(linear.weight, pattern)
            layer = vt.VNMLinear.from_dense(linear.weight, kept, linear.bias)
            expected = nn.functional.linear(x.double(), linear.weight.double() * kept.mask(), linear.bias.double())
            assert close(layer(x), expected, torch.float32)


def test_gradients():
    torch.manual_seed(2)
    linear = nn.Linear(64, 48)
    for search in ({}, {"form": "free", "permute_rows": True}):
        kept = vt.structure(linear.weight, "16:2:8", **search)
        layer = vt.VNMLinear.from_dense(linear.weight, kept, linear.bias)
        x, upstream = torch.randn(2, 5, 64, requires_grad=True), torch.randn(2, 5, 48)
        layer(x).backward(upstream)
        weight = (linear.weight * kept.mask()).detach().requires_grad_()
        other, bias = x.detach().clone().requires_grad_(), linear.bias.detach().clone().requires_grad_()
        nn.functional.linear(other, weight, bias).backward(upstream)
        assert close(x.grad, other.grad, torch.float32)
        assert close(layer.vnm_values.grad, kept.gather(weight.grad), torch.float32)
        assert close(layer.bias.grad, bias.grad, torch.float32)


def test_operator():
    layer = make_model()[0]
    sparse = vt.VNMLinear.from_dense(layer.weight, vt.structure(layer.weight, "16:2:8"), layer.bias)
    arrays = sparse.vnm_values, sparse.vnm_metadata, sparse.vnm_columns, sparse.vnm_rows
    x = torch.randn(5, 100, requires_grad=True)
    found = torch.library.opcheck(torch.ops.vnm.spmm, (x, *arrays, sparse.bias, 16, 8, "error"))
    assert set(found.values()) == {"SUCCESS"}, found


def test_compile_and_export():
    model = make_model()
    vt.sparsify_(model, "16:2:8")
    x = torch.randn(3, 5, 100)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert close(compiled(x), model(x), torch.float32)
    compiled(x).sum().backward()
    tokens = torch.export.Dim("tokens", min=2, max=64)
    exported = torch.export.export(model, (x,), dynamic_shapes=({1: tokens},))
    longer = torch.randn(3, 17, 100)
    assert close(exported.module()(longer), model(longer), torch.float32)


def test_autocast():
    model = make_model()
    vt.sparsify_(model, "16:2:8")
    x = torch.randn(5, 100)
    with torch.autocast("cpu", torch.bfloat16):
        y = model[0](x)
    assert y.dtype == torch.bfloat16 and close(y, model[0](x), torch.bfloat16)


def test_files():
    for search in ({}, {"form": "free", "permute_rows": True}):
        model, other = make_model(torch.bfloat16), make_model(torch.bfloat16)
        vt.sparsify_(model, "16:2:8", **search)
        nn.init.normal_(other[0].weight)
        vt.sparsify_(other, "16:2:8", **search)
        vt.save(model, "a.safetensors")
        assert os.listdir(".") == ["a.safetensors"]
        assert vnm.verify("a.safetensors") == ["0", "2"]
        packed = vnm.load("a.safetensors")["0"]
        assert packed.form == model[0].form and packed.pattern == "16:2:8"
        vt.load_(other, "a.safetensors")
        assert torch.equal(other[0].to_dense(), model[0].to_dense())
        assert sorted(model.state_dict()) == sorted(other.state_dict())


def test_conv1d_and_shared_modules():
    from transformers.pytorch_utils import Conv1D

    conv = Conv1D(96, 64)
    model = nn.ModuleDict({"a": conv, "b": nn.Sequential(conv)})
    dense = copy.deepcopy(conv)
    vt.sparsify_(model, "16:2:8")
    assert model["a"] is model["b"][0] and isinstance(model["a"], vt.VNMLinear)
    dense.weight.data *= model["a"].structure().mask().t()
    x = torch.randn(4, 64)
    assert close(model["a"](x), dense(x), torch.float32)


def test_models_of_transformers():
    import transformers

    sizes = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 0}
    gpt = transformers.GPT2Config(n_positions=16, n_embd=32, n_layer=2, n_head=2, **sizes)
    llama = transformers.LlamaConfig(
        hidden_size=32, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, **sizes
    )
    tokens = torch.randint(0, 50, (3, 11))
    for config, chosen, count in ((gpt, "c_(attn|proj|fc)$", 8), (llama, "_proj$", 14)):
        torch.manual_seed(5)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        dense = copy.deepcopy(model)
        calibration = vt.calibrate(model, [{"input_ids": tokens}], filter=chosen)
        assert len(vt.sparsify_(model, "16:2:8", "wanda", calibration=calibration, filter=chosen)) == count
        for name, layer in dense.named_modules():
            sparse = model.get_submodule(name)
            if isinstance(sparse, vt.VNMLinear):
                weight = sparse.to_dense()
                layer.weight.data = weight.t().contiguous() if config is gpt else weight
        with torch.no_grad():
            assert close(model(tokens).logits, dense(tokens).logits, torch.float32)
            compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
            assert close(compiled(tokens, use_cache=False).logits, dense(tokens).logits, torch.float32)


def test_filters_and_training_of_values():
    model = make_model()
    results = vt.sparsify_(model, "16:2:8", filter="^2$")
    assert [layer.name for layer in results] == ["2"] and type(model[0]) is nn.Linear
    model = make_model()
    vt.sparsify_(model, "16:2:8", filter=lambda name, module: module.in_features == 100)
    assert type(model[2]) is nn.Linear
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model[0].to_dense() != 0
    model(torch.randn(8, 100)).square().mean().backward()
    optimizer.step()
    assert torch.equal(model[0].to_dense() != 0, before)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
