# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the sparse linear layer.

"""A linear layer with a packed weight."""

from typing import Any, Optional

import torch
from torch import Tensor, nn

from .. import errors
from .._pattern import Pattern
from . import _ops
from ._kernels import Key, make_key
from ._structure import Structure, to_dense, to_host
from ._transpose import check_layout

_FALLBACKS = ("error", "dense")
_ARRAYS = ("vnm_values", "vnm_metadata", "vnm_columns", "vnm_rows")


def check_fallback(fallback: str) -> str:
    """The fallback. InvalidArgumentError: it is none."""
    if fallback not in _FALLBACKS:
        raise errors.InvalidArgumentError(f"requires a fallback of error or dense, but it is {fallback!r}")
    return fallback


def default_layout(permuted: bool) -> str:
    """How results lie where nothing else says it: as torch.nn.Linear's, but for permuted
    rows, whose fast kernels store feature-major ones only."""
    return "feature_major" if permuted else "token_major"


def _copies_in_graph(x: Tensor) -> bool:
    """Whether x is copied by an operator that torch.compile sees, so that layers which
    read the same x can share its copy."""
    return x.is_cuda and torch.compiler.is_compiling()


class VNMLinear(nn.Module):
    """y = x W' + b with a V:N:M-sparse weight W, R x K; x is ... x K, y is ... x R.

    Its state are the arrays of the storage format (docs/storage-format.md), under
    their names there: the parameter vnm_values and the buffers vnm_metadata,
    vnm_columns and, if rows are permuted, vnm_rows; and `bias`. Values may be trained;
    what is kept stays as it is. On a GPU it launches compiled kernels (use_kernels);
    where there is none, it raises MissingKernelError, or multiplies by the dense weight
    with `fallback="dense"`. `y_layout` says how y lies in memory: "token_major" as that of
    torch.nn.Linear, "feature_major" in eager mode as a view with a token stride of 1, which
    the next sparse layer reads without a copy. It may be set at any time; by default it is
    token-major, of a weight with permuted rows feature-major.

    >>> import torch
    >>> from vnm.torch import structure
    >>> linear = torch.nn.Linear(64, 32)
    >>> sparse = VNMLinear.from_dense(linear.weight, structure(linear.weight, "16:2:8"), linear.bias)
    >>> sparse(torch.ones(5, 64)).shape
    torch.Size([5, 32])
    """

    def __init__(
        self,
        kept: Structure,
        values: Tensor,
        bias: Optional[Tensor] = None,
        *,
        fallback: str = "error",
        y_layout: Optional[str] = None,
    ) -> None:
        """Takes arrays as they are; from_dense() makes them of a weight."""
        super().__init__()
        self.out_features, self.in_features = kept.shape
        self.pattern, self.form, self.fallback = str(kept.pattern), kept.form, check_fallback(fallback)
        self.y_layout = check_layout(y_layout or default_layout(kept.rows is not None))
        self._v, self._m = kept.pattern.v, kept.pattern.m
        self.vnm_values = nn.Parameter(values.detach(), requires_grad=values.requires_grad)
        self.register_buffer("vnm_metadata", kept.metadata)
        self.register_buffer("vnm_columns", kept.columns)
        self.register_buffer("vnm_rows", kept.rows)
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=bias.requires_grad)

    @classmethod
    def from_dense(
        cls,
        weight: Tensor,
        kept: Structure,
        bias: Optional[Tensor] = None,
        *,
        fallback: str = "error",
        y_layout: Optional[str] = None,
    ) -> "VNMLinear":
        """Packs what `kept` keeps of a weight, R x K."""
        if tuple(weight.shape) != tuple(kept.shape):
            raise errors.InvalidArgumentError(f"requires a weight of {kept.shape}, but it is {tuple(weight.shape)}")
        values = kept.gather(weight.detach()).contiguous().requires_grad_(weight.requires_grad)
        return cls(kept, values, bias, fallback=fallback, y_layout=y_layout)

    def structure(self) -> Structure:
        """What is kept, sharing the buffers."""
        shape = (self.out_features, self.in_features)
        return Structure(Pattern(self.pattern), self.form, shape, self.vnm_metadata, self.vnm_columns, self.vnm_rows)

    def to_dense(self) -> Tensor:
        """The dense weight, R x K; pruned elements are +0."""
        arrays = self.vnm_values, self.vnm_metadata, self.vnm_columns, self.vnm_rows
        return to_dense(*arrays, self._v, self.in_features)

    def kernel_key(self) -> Key:
        """What a compiled kernel must have to compute this layer."""
        rows, cols = self.out_features, self.in_features
        permuted, bias = self.vnm_rows is not None, self.bias is not None
        return make_key(self.pattern, rows, cols, self.vnm_values.dtype, permuted, bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.in_features:
            raise errors.InvalidArgumentError(
                f"requires x of ... x {self.in_features}, but its shape is {tuple(x.shape)}"
            )
        values, bias = self.vnm_values, self.bias
        changing = values.requires_grad and (self.training or torch.is_grad_enabled())
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            changing = changing or values.dtype != dtype
            x, values = x.to(dtype), values.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        if x.dtype != values.dtype or x.device != values.device:
            raise errors.InvalidArgumentError(
                f"requires x of {values.dtype} on {values.device}, but it is of {x.dtype} on {x.device}"
            )
        arrays = values, self.vnm_metadata, self.vnm_columns, self.vnm_rows
        flat = x.reshape(-1, self.in_features)
        if _copies_in_graph(x):
            flat = _ops.feature_major(flat)
        y = _ops.spmm(flat, *arrays, bias, self._v, self._m, self.fallback, changing, self.y_layout).t()
        return y.reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, pattern={self.pattern}, form={self.form}"
        )

    def _apply(self, function: Any, recurse: bool = True) -> "VNMLinear":
        # Ids are integers, but to(dtype) of a whole model may be a function of its own.
        super()._apply(function, recurse)
        for name in _ARRAYS[1:]:
            buffer = getattr(self, name)
            if buffer is not None and buffer.is_floating_point():
                raise errors.InvalidArgumentError(f"requires {name} to stay integers, but it became {buffer.dtype}")
        return self

    def _load_from_state_dict(self, state, prefix, metadata, strict, missing, unexpected, messages):  # noqa: ANN001, ANN202
        assigns = metadata.get("assign_to_params_buffers", False)
        problem = self._find_problem({name: state.get(prefix + name) for name in _ARRAYS}, state, prefix, assigns)
        if problem:
            messages.append(f"layer {prefix[:-1]!r}: {problem}")
            return
        super()._load_from_state_dict(state, prefix, metadata, strict, missing, unexpected, messages)

    def _find_problem(
        self, arrays: "dict[str, Optional[Tensor]]", state: Any, prefix: str, assigns: bool
    ) -> Optional[str]:
        """Why a checkpoint is none of this layer; None if it is one, or holds nothing of it."""
        if prefix + "weight" in state:
            return "requires packed arrays, but the checkpoint holds a dense weight: load it before sparsify_()"
        for name, given in arrays.items():
            own = getattr(self, name)
            if given is None and own is not None and all(other is None for other in arrays.values()):
                return None
            if (given is None) != (own is None):
                return f"requires {'a' if given is None else 'no'} {name} in the checkpoint, but there is {'none' if given is None else 'one'}"
            if given is not None and given.shape != own.shape:
                return (
                    f"requires a checkpoint of {self.pattern} with {name} of {tuple(own.shape)}, "
                    f"but its shape is {tuple(given.shape)}"
                )
            if assigns and given is not None and name != "vnm_values" and given.dtype != own.dtype:
                return f"requires {name} of {own.dtype} in the checkpoint, but its dtype is {given.dtype}"
        values, words, columns, rows = arrays.values()
        try:
            to_host(self.structure()._replace(metadata=words, columns=columns, rows=rows), values)
        except errors.Error as error:
            return f"requires a checkpoint of {self.pattern}, but it breaks the format: {error}"
        return None
