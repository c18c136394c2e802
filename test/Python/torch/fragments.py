# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests that layers never compute with fragments of a weight that has changed:
# what would run on a GPU runs on the CPU, with a kernel in PyTorch that reads fragments.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s

import contextlib
import copy
import gc
import io
import itertools
import pickle
import threading
import warnings

import torch
from torch import nn

import vnm
import vnm.torch as vt
from vnm.torch import _fragments, _ops
from vnm.torch._manifest import Launch
from vnm.torch._structure import to_dense, to_host

PATTERN, V, M, COLS = "32:2:5", 32, 5, 300


def refuses(kind, text, function, *arguments, **keywords):
    """Checks that a call raises `kind` with a diagnostic that contains `text`."""
    try:
        function(*arguments, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"requires {kind.__name__}: {text}")


def make_layer(cols=COLS, dtype=torch.float16, rows=72, bias=True, pattern=PATTERN):
    torch.manual_seed(6)
    linear = nn.Linear(cols, rows, bias=bias).to(dtype)
    return vt.VNMLinear.from_dense(linear.weight, vt.structure(linear.weight, pattern), linear.bias)


def arrays_of(layer):
    return layer.vnm_values, layer.vnm_metadata, layer.vnm_columns


def fragments_of(layer, **options):
    return _fragments.to_fragments(*arrays_of(layer), layer.in_features, **options)[0]


def from_fragments(values, metadata, columns, rows, cols):
    """The dense weight, in the order of its stored rows."""
    blocks, stages = values.shape[:2]
    pairs = values.reshape(blocks, stages, 2, 8, 4, 2, 2, 2).permute(0, 6, 3, 1, 2, 5, 4, 7)  # b r g s step c q pair
    stored = pairs.reshape(16 * blocks, 32 * stages)[:rows]
    halves = metadata.contiguous().view(torch.int16).view(blocks, stages, 8, 4, 2).permute(0, 4, 2, 1, 3)
    words = halves.reshape(16 * blocks, 4 * stages)[:rows]
    return to_dense(stored, words, columns, None, V, cols)


class Kernel(Launch):
    """A kernel that reads fragments or, if it is `canonical`, arrays as they are."""

    adds_bias = True

    def __init__(self, width, canonical=False):
        self.width, self.reads_fragments = width, not canonical
        self._made, self._product = 0, "a weight"

    def __call__(self, values, metadata, columns, rows, x, y, bias):
        tensors = [tensor for tensor in (values, metadata, columns, rows, x, bias) if tensor is not None]
        assert all(tensor.is_contiguous() and tensor.data_ptr() % 16 == 0 for tensor in tensors)
        read = from_fragments if self.reads_fragments else lambda *a: to_dense(*a[:3], None, V, a[4])
        dense = read(values, metadata, columns, y.shape[0], x.shape[0])
        stored = dense.float() @ x.float()
        if rows is not None:
            stored = torch.empty_like(stored).index_copy_(0, rows.long(), stored)
        y.copy_(stored if bias is None else stored + bias.float()[:, None])


class Kernels:
    """Lets layers on the CPU compute as on a GPU, with kernels of these layouts."""

    def __init__(self, *layouts):
        self.layouts, self.used, self.made = layouts or ("fragments",), [], {}

    def find(self, v, m, rows, cols, dtype, permuted, bias, tokens, device, changing=False):
        wanted = "canonical" if changing else "fragments"
        layout = wanted if wanted in self.layouts else self.layouts[0]
        self.used.append(layout)
        return self.made.setdefault((tokens, layout), Kernel(tokens, layout == "canonical"))

    def __enter__(self):
        self.before, _ops.find_launch = _ops.find_launch, self.find
        self.library = torch.library.Library("vnm", "IMPL")
        self.library.impl("spmm", _ops._on_cuda, "CPU", allow_override=True)
        return self

    def __exit__(self, *_):
        _ops.find_launch = self.before
        self.library._destroy()


@torch.no_grad()
def check(layer, x=None):
    """The layer computes with the weight that it has."""
    x = torch.randn(8, layer.in_features).to(layer.vnm_values.dtype) if x is None else x
    expected = x.float() @ layer.to_dense().float().t()
    expected += 0 if layer.bias is None else layer.bias.float()
    error = (layer(x).float() - expected).abs().max() / expected.abs().max()
    assert error < (2e-2 if x.dtype == torch.bfloat16 else 2e-3), error


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


class FakeCuda:
    """A tensor that says that it is on a GPU."""

    is_cuda = True

    def __init__(self, tensor):
        self.tensor = tensor

    def __getattr__(self, name):
        return getattr(self.tensor, name)


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
