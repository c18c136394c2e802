# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file lets layers on the CPU compute as on a GPU, with kernels in PyTorch.

import torch
from torch import nn

import vnm.torch as vt
from vnm.torch import _ops
from vnm.torch._manifest import Launch
from vnm.torch._structure import to_dense

PATTERN, V, M, COLS = "32:2:5", 32, 5, 300


def make_layer(cols=COLS, dtype=torch.float16, rows=72, bias=True, pattern=PATTERN):
    torch.manual_seed(6)
    linear = nn.Linear(cols, rows, bias=bias).to(dtype)
    return vt.VNMLinear.from_dense(linear.weight, vt.structure(linear.weight, pattern), linear.bias)


def arrays_of(layer):
    return layer.vnm_values, layer.vnm_metadata, layer.vnm_columns


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

    def __init__(self, width, canonical=False, y_layout="feature_major", bias=True):
        self.adds_bias = bias
        self.width, self.reads_fragments, self.y_layout = width, not canonical, y_layout
        self._made, self._product = 0, "a weight"

    def __call__(self, values, metadata, columns, rows, x, y, bias):
        tensors = [tensor for tensor in (values, metadata, columns, rows, x, bias) if tensor is not None]
        assert all(tensor.is_contiguous() and tensor.data_ptr() % 16 == 0 for tensor in tensors)
        assert (y if self.y_layout == "feature_major" else y.t()).is_contiguous()
        read = from_fragments if self.reads_fragments else lambda *a: to_dense(*a[:3], None, V, a[4])
        dense = read(values, metadata, columns, y.shape[0], x.shape[0])
        stored = dense.float() @ x.float()
        if rows is not None:
            stored = torch.empty_like(stored).index_copy_(0, rows.long(), stored)
        y.copy_(stored if bias is None else stored + bias.float()[:, None])


class Kernels:
    """Lets layers on the CPU compute as on a GPU, with kernels of these layouts. Of both
    layouts of y, unless `y_layout` is given; for multiples of `step` tokens."""

    def __init__(self, *layouts, y_layout=None, step=1):
        self.layouts, self.used, self.made = layouts or ("fragments",), [], {}
        self.y_layout, self.step = y_layout, step

    def find(self, v, m, rows, cols, dtype, permuted, bias, tokens, device, changing=False, y_layout="feature_major"):
        wanted = "canonical" if changing else "fragments"
        layout = wanted if wanted in self.layouts else self.layouts[0]
        self.used.append(layout)
        width, stored = -(-tokens // self.step) * self.step, self.y_layout or y_layout
        return self.made.setdefault((width, layout, stored, bias), Kernel(width, layout == "canonical", stored, bias))

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


class FakeCuda:
    """A tensor that says that it is on a GPU."""

    is_cuda = True

    def __init__(self, tensor):
        self.tensor = tensor

    def __getattr__(self, name):
        return getattr(self.tensor, name)


class Stream:
    """A stream, and what was asked of it."""

    def __init__(self):
        self.waits = 0

    def synchronize(self):
        self.waits += 1


class Fragment:
    """An array that remembers who uses it."""

    def __init__(self, *_):
        self.streams = []

    def record_stream(self, stream):
        self.streams.append(stream)
