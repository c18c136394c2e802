# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests how results of layers lie in memory, and what is copied for that: what
# would run on a GPU runs on the CPU, with a kernel in PyTorch.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import contextlib
import itertools
import json
import sys

import torch
from torch import nn
from torch.nn import functional

import vnm
import vnm.torch as vt
from vnm.torch import _kernels, _layouts, _linear
from vnm.torch._share import share_copies

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402
from fake_gpu import COLS, Kernels, M, V, arrays_of, check, make_layer  # noqa: E402

LAYOUTS = ("feature_major", "token_major")
DEVICE = torch.device("cuda", 0)


def multiply(layer, x, layout):
    return vt.spmm(x, *arrays_of(layer), None, layer.bias, V, M, "error", y_layout=layout)


@torch.no_grad()
def test_results_lie_as_they_are_wanted():
    """Whatever kernels there are, and for any number of tokens."""
    layer = make_layer().eval()
    for stored, wanted, step, tokens in itertools.product((None, *LAYOUTS), LAYOUTS, (1, 8), (1, 8, 11, 70)):
        with Kernels(y_layout=stored, step=step):
            x = torch.randn(tokens, COLS).half()
            y = multiply(layer, x, wanted)
            assert y.shape == (72, tokens)
            assert (y if wanted == "feature_major" else y.t()).is_contiguous(), (stored, wanted, step, tokens)
            expected = layer.to_dense().float() @ x.float().t() + layer.bias.float()[:, None]
            assert torch.allclose(y.float(), expected, rtol=2e-3, atol=2e-3)
            layer.y_layout = wanted
            check(layer, x)
            check(layer, x.reshape(tokens, 1, COLS))


def test_operator():
    layer = make_layer(dtype=torch.float32)
    x = torch.randn(5, COLS, requires_grad=True)
    for layout in LAYOUTS:
        arguments = (x, *arrays_of(layer), None, layer.bias, V, M, "error", False, layout)
        found = torch.library.opcheck(torch.ops.vnm.spmm, arguments)
        assert set(found.values()) == {"SUCCESS"}, found
        y, grads = multiply(layer, x, layout), []
        expected = functional.linear(x, layer.to_dense(), layer.bias).t()
        for result in (y, expected):
            grads.append(torch.autograd.grad(result.square().sum(), x, retain_graph=True)[0])
        assert torch.allclose(y, expected, atol=1e-4) and torch.allclose(*grads, atol=1e-3)
    for matrix in (x, torch.randn(COLS, 5).t()):
        found = torch.library.opcheck(torch.ops.vnm.to_feature_major, (matrix,))
        assert set(found.values()) == {"SUCCESS"}, found
    refuses(vnm.InvalidArgumentError, "feature_major or token_major, but it is 'rows'", multiply, layer, x, "rows")


def test_results_may_be_changed_in_place():
    layer, x = make_layer(), torch.randn(5, COLS).half()
    for layout, kernels in itertools.product(LAYOUTS, (None, {}, {"step": 8}, {"y_layout": "feature_major"})):
        layer.y_layout = layout
        with contextlib.nullcontext() if kernels is None else Kernels("canonical", **kernels):
            y = layer(x)
            y += 1
            y.sum().backward()


class Block(nn.Module):
    """Attention and an MLP as Llama's, for rows of tokens."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(COLS), nn.LayerNorm(COLS)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(COLS, COLS, bias=False))
        self.gate_proj, self.up_proj = nn.Linear(COLS, 2 * COLS), nn.Linear(COLS, 2 * COLS)
        self.down_proj = nn.Linear(2 * COLS, COLS)

    def forward(self, x):
        normed = self.norm1(x)
        mixed = functional.scaled_dot_product_attention(*(p(normed) for p in (self.q_proj, self.k_proj, self.v_proj)))
        x = x + self.o_proj(mixed)
        normed = self.norm2(x)
        return x + self.down_proj(functional.silu(self.gate_proj(normed)) * self.up_proj(normed))


def make_block(**options):
    torch.manual_seed(8)
    block = Block().half().eval()
    vt.sparsify_(block, "32:2:5", **options)
    return block.requires_grad_(False)


def layouts_of(model):
    return {name: layer.y_layout for name, layer in model.named_modules() if isinstance(layer, vt.VNMLinear)}


def test_layers_that_feed_others():
    found = layouts_of(make_block())
    assert [name for name, layout in found.items() if layout == "feature_major"] == ["gate_proj", "up_proj"], found
    assert set(layouts_of(make_block(feature_major=None)).values()) == {"token_major"}
    assert set(layouts_of(make_block(form="free", permute_rows=True)).values()) == {"feature_major"}
    found = layouts_of(make_block(feature_major=lambda name, _: name == "q_proj"))
    assert [name for name, layout in found.items() if layout == "feature_major"] == ["q_proj"]
    refuses(vnm.InvalidArgumentError, "'(' is none", make_block, feature_major="(")
    names = ["h.0.mlp.c_fc", "layer.3.intermediate.dense", "blocks.1.mlp.fc1", "layers.0.linear1", "b.wi_0", "e.1.w3"]
    others = ["h.0.attn.c_attn", "layer.3.output.dense", "blocks.1.mlp.fc2", "layers.0.linear2", "b.wo", "e.1.w2"]
    layers = {nn.Linear(1, 1): name for name in names + others}
    found = _layouts.find_feature_major(nn.Module(), "auto", layers)
    assert sorted(layers[layer] for layer in found) == sorted(names)


class Gate(nn.GELU):
    """Not element by element."""

    def forward(self, x):
        return super().forward(x) * x.softmax(-1)


class Residual(nn.Sequential):
    """Whose first result not only the second module reads."""

    def forward(self, x):
        hidden = self[0](x)
        return hidden + self[2](self[1](hidden))


def feature_major_of(model, **options):
    vt.sparsify_(model, "16:2:8", **options)
    return [name for name, layout in layouts_of(model).items() if layout == "feature_major"]


def linear():
    return nn.Linear(16, 16)


def test_sequences():
    """Results go to the next linear layer as they are through activations and dropout only."""
    mlp = nn.Sequential(linear(), nn.GELU(), nn.Dropout(0.1), linear(), nn.Dropout(0.1))
    assert feature_major_of(nn.ModuleDict({"norm": nn.LayerNorm(16), "mlp": mlp})) == ["mlp.0"]
    chain = nn.Sequential(linear(), nn.ReLU(), linear(), nn.SiLU(), linear(), linear())
    assert feature_major_of(chain) == ["0", "2", "4"]
    for between in (nn.LayerNorm(16), nn.Softmax(-1), nn.Flatten(), nn.LogSigmoid(), Gate()):
        assert feature_major_of(nn.Sequential(linear(), nn.ReLU(), between, linear())) == []
    assert feature_major_of(Residual(linear(), nn.GELU(), linear())) == []
    assert feature_major_of(nn.ModuleList([linear(), nn.GELU(), linear()])) == []
    # Sequences within sequences are flat, but for those that compute otherwise.
    half = nn.Sequential(nn.LayerNorm(16), linear(), nn.Tanh())
    assert feature_major_of(nn.Sequential(half, nn.Sequential(nn.Identity(), linear()))) == ["0.1"]
    assert feature_major_of(nn.Sequential(linear(), Residual(linear(), nn.GELU(), linear()), linear())) == []


def test_sequences_made_sparse_in_parts():
    """What reads a result may be dense, or become sparse later; what is sparse stays as it is."""
    model = nn.Sequential(linear(), nn.GELU(), linear(), nn.GELU(), linear())
    assert feature_major_of(model, filter="^2$") == ["2"]
    assert feature_major_of(model, filter="^0$") == ["0", "2"]
    model = nn.Sequential(linear(), nn.GELU(), linear())
    assert feature_major_of(model, filter="0", feature_major=None) == [] == feature_major_of(model, filter="2")


def test_elementwise_modules_keep_layouts():
    for kind, training in itertools.product(_layouts._ELEMENTWISE, (False, True)):
        module = (kind(0.1, 0.2) if kind is nn.Threshold else kind()).train(training)
        for shape in ((10, 64), (2, 5, 64)):
            y = module(torch.randn(64, 10).t().view(shape))
            assert y.view(10, 64).t().is_contiguous(), kind


def test_sequences_copy_once():
    """The second layer of a compiled MLP copies nothing."""
    torch.manual_seed(9)
    model = nn.Sequential(nn.Linear(COLS, 2 * COLS), nn.GELU(), nn.Dropout(), nn.Linear(2 * COLS, COLS)).half().eval()
    vt.sparsify_(model, "32:2:5")
    graphs, x = [], torch.randn(2, 16, COLS).half()
    _linear._copies_in_graph = lambda _: torch.compiler.is_compiling()
    try:
        torch._dynamo.reset()
        with Kernels(), torch.no_grad():
            assert torch.equal(torch.compile(model, fullgraph=True, backend=record(graphs))(x), model(x))
    finally:
        _linear._copies_in_graph = lambda x: x.is_cuda and torch.compiler.is_compiling()
    assert targets(graphs[0]).count("vnm.to_feature_major.default") == 1, targets(graphs[0])


def record(graphs):
    """A backend that keeps the graphs of operators."""
    from torch._dynamo.backends.common import aot_autograd

    def keep(module, _):
        graphs.append(module.graph)
        return module.forward

    return aot_autograd(fw_compiler=keep, bw_compiler=keep)


def targets(graph):
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


def test_copies_of_compiled_models():
    """One copy of x per norm and of the attention's result; none within the MLP, nor of y."""
    block, x = make_block(), torch.randn(2, 16, COLS).half()
    _linear._copies_in_graph = lambda _: torch.compiler.is_compiling()
    try:
        for options in ({}, {"y_layout": "token_major"}, {"step": 24}):
            torch._dynamo.reset()
            graphs = []
            with Kernels(**options), torch.no_grad():
                expected = block(x)
                assert torch.equal(torch.compile(block, fullgraph=True, backend=record(graphs))(x), expected)
                if not options:
                    compiled = torch.compile(block, fullgraph=True, options=vt.compile_options())
                    assert torch.allclose(compiled(x), expected, rtol=1e-2, atol=1e-2)
            (graph,) = graphs
            names = targets(graph)
            assert names.count("vnm.to_feature_major.default") == 3 + 1 + 2, names
            assert not any("clone" in name or "contiguous" in name for name in names), names
            share_copies(graph)
            graph.lint()
            assert targets(graph).count("vnm.to_feature_major.default") == 3
    finally:
        _linear._copies_in_graph = lambda x: x.is_cuda and torch.compiler.is_compiling()


def stored(path):
    entry = json.loads((path / "manifest.json").read_text())["kernels"][0]
    return next(argument["layout"] for argument in entry["arguments"] if argument["name"] == "y")


def test_kernels():
    model = nn.ModuleDict({"qkv": nn.Linear(64, 128), "fc1": nn.Linear(64, 128), "fc2": nn.Linear(128, 64)}).half()
    options = {"tokens": [1, 128], "chip": "sm_90a", "format": "isa"}
    dense = vt.compile_kernels(model, "dense", pattern="64:2:8", **options)
    vt.sparsify_(model, "64:2:8")
    made = vt.compile_kernels(model, "made", **options)
    assert [path.name for path in made] == [path.name for path in dense]
    assert sorted(map(stored, made)) == ["feature_major"] * 2 + ["token_major"] * 4
    mlp = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64)).half()
    made = vt.compile_kernels(mlp, "mlp", pattern="64:2:8", **options)
    assert sorted(map(stored, made)) == ["feature_major"] * 2 + ["token_major"] * 2
    assert vt.use_kernels("made") == 6
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    for layer, layouts in ((model["qkv"], LAYOUTS), (model["fc2"], ["token_major"] * 2)):
        for wanted, found in zip(LAYOUTS, layouts):
            for tokens in (1, 128):
                kernel = _kernels.find_kernel(layer.kernel_key(), tokens, DEVICE, y_layout=wanted)
                assert (kernel.tokens, kernel.y_layout) == (tokens, found)
    every = vt.compile_kernels(model, "every", y_layout="feature_major", **options)
    assert set(map(stored, every)) == {"feature_major"} and len(every) == 4
    refuses(vnm.InvalidArgumentError, "y_layout of", vt.compile_kernels, model, "f", y_layout="rows", **options)


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name, flush=True)
