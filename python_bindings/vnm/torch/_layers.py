# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file finds the layers of a model that can be made sparse.

"""Which layers of a model can be made sparse, and why others cannot."""

import re
import sys
from collections.abc import Iterator
from typing import Callable, NamedTuple, Optional, Union

import torch
from torch import Tensor, nn

from .. import errors
from ._linear import VNMLinear

Filter = Union[str, Callable[[str, nn.Module], bool], None]
_DTYPES = (torch.float16, torch.bfloat16, torch.float32)


class LayerError(errors.InvalidArgumentError):
    """A layer that cannot be made sparse; `layer` is its name."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"layer {layer!r}: {reason}")
        self.layer = layer


class Candidate(NamedTuple):
    """A layer, and why it cannot be made sparse; None if it can."""

    name: str
    module: nn.Module
    reason: Optional[str]


def is_conv1d(module: nn.Module) -> bool:
    """Whether it is Hugging Face's Conv1D, which keeps its weight as K x R."""
    return type(module).__name__ == "Conv1D" and type(module).__module__.startswith("transformers.")


def weight_of(module: nn.Module) -> Tensor:
    """The weight as R x K."""
    return module.weight.t() if is_conv1d(module) else module.weight


def to_selector(chosen: Filter, of_none: bool = True) -> "Callable[[str, nn.Module], bool]":
    """What tells the layers that a filter names from others; None names all or, without
    `of_none`, none. InvalidArgumentError: it is no filter."""
    if chosen is None:
        return lambda *_: of_none
    if callable(chosen):
        return chosen
    if not isinstance(chosen, str):
        raise errors.InvalidArgumentError(f"requires a filter that is a text or a function, but it is {chosen!r}")
    try:
        expression = re.compile(chosen)
    except re.error as error:
        raise errors.InvalidArgumentError(
            f"requires a filter that is a regular expression, but {chosen!r} is none: {error}"
        ) from error
    return lambda name, _: expression.search(name) is not None


def find_candidates(model: nn.Module, chosen: Filter = None, *, with_data: bool = True) -> "Iterator[Candidate]":
    """Linear layers that `chosen` names: a regular expression that a name must contain
    a match of, or a function of name and module. None means all. Without `with_data`,
    weights on the device meta are as good as others. InvalidArgumentError: neither;
    LayerError is for the caller to raise."""
    if not isinstance(model, nn.Module):
        raise errors.InvalidArgumentError(f"requires a torch.nn.Module, but it is a {type(model).__qualname__}")
    selects = to_selector(chosen)
    owners = _owners_of_storages(model)
    for name, module in model.named_modules():
        if (isinstance(module, (nn.Linear, VNMLinear)) or _is_linear_like(module)) and selects(name, module):
            yield Candidate(name, module, _reason(name, module, owners, with_data))


def _is_linear_like(module: nn.Module) -> bool:
    """Whether it has the shape of a linear layer, of another kind than ours."""
    if is_conv1d(module):
        return True
    sizes = getattr(module, "in_features", None), getattr(module, "out_features", None)
    return all(isinstance(size, int) for size in sizes) and hasattr(module, "weight")


class _Owner(NamedTuple):
    """A parameter's place in memory, and who holds it."""

    module: str
    start: int  #: bytes from the storage's begin
    end: int


def _owners_of_storages(model: nn.Module) -> "dict[int, list[_Owner]]":
    """Who holds a parameter in a storage, by its address."""
    owners: "dict[int, list[_Owner]]" = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            if parameter.device.type != "meta":
                owners.setdefault(_address(parameter), []).append(_Owner(name, *_extent(parameter)))
    return owners


def _address(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError, ValueError):
        return id(tensor)  # A wrapper subclass, whose storage is elsewhere, or one without data.


def _extent(tensor: Tensor) -> "tuple[int, int]":
    """The bytes of its storage from the first to behind the last."""
    if not _is_plain(tensor) or tensor.layout != torch.strided:
        return 0, sys.maxsize
    steps = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride()) if size)
    first = tensor.storage_offset()
    return first * tensor.itemsize, (first + steps + 1) * tensor.itemsize


def find_tied(tensor: Tensor, name: str, owners: "dict[int, list[_Owner]]") -> Optional[str]:
    """The name of another module that holds some of a parameter's memory."""
    start, end = _extent(tensor)
    others = owners.get(_address(tensor), [])
    return next((o.module for o in others if o.module != name and o.start < end and start < o.end), None)


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) in (Tensor, nn.Parameter)


def _reason(name: str, module: nn.Module, owners: "dict[int, list[_Owner]]", with_data: bool) -> Optional[str]:
    if isinstance(module, VNMLinear):
        return f"requires a dense layer, but it is sparse already ({module.pattern})"
    if type(module) is not nn.Linear and not is_conv1d(module):
        kind = f"{type(module).__module__}.{type(module).__qualname__}"
        return f"requires torch.nn.Linear or Conv1D itself, but it is a {kind}: quantised or wrapped"
    weight = module.weight
    if not isinstance(weight, Tensor) or weight.dtype not in _DTYPES:
        return f"requires a weight of f16, bf16 or f32, but its dtype is {getattr(weight, 'dtype', None)}"
    if not _is_plain(weight):
        return f"requires a plain weight, but it is a {type(weight).__qualname__}: quantised or sharded"
    if with_data and weight.device.type == "meta":
        return "requires a weight with data, but it is on the device meta"
    if weight.layout != torch.strided:
        return f"requires a dense weight, but its layout is {weight.layout}: sparse already"
    if "weight" not in module._parameters:
        return "requires a weight that is a parameter, but it is computed of others: by weight_norm or another hook"
    if with_data:
        for what in ("weight", "bias"):
            tensor = getattr(module, what, None)
            tied = None if tensor is None else find_tied(tensor, name, owners)
            if tied is not None:
                return f"requires a {what} of its own, but it is tied to that of {tied!r}"
    return None
