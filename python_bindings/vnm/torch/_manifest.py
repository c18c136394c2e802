# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file says which kernels of a manifest layers can launch, and launches them.

"""Kernels of a manifest (docs/aot.md) on tensors."""

import pathlib
import warnings
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from .. import _launcher

# Calls that make fragments before a warning says so.
_MANY = 9


class Key(NamedTuple):
    """What a product must have in common with the kernel that computes it."""

    pattern: str
    rows: int
    cols: int
    dtype: str  #: of weights, activations and results, as MLIR names it
    permuted: bool  #: whether there is an array of rows
    bias: bool


class Kernel(_launcher.Kernel):
    """One kernel. Its activations are feature-major."""

    @property
    def tokens(self) -> Optional[int]:
        """T, or None for any."""
        tokens = self.entry["tokens"]
        return None if isinstance(tokens, str) else tokens

    @property
    def reads_fragments(self) -> bool:
        """Whether it reads the weight in fragments."""
        return any(argument.get("layout") == "fragments" for argument in self.entry["arguments"])

    @property
    def y_layout(self) -> Optional[str]:
        """How it stores its result, feature_major or token_major."""
        return next((argument.get("layout") for argument in self.entry["arguments"] if argument["name"] == "y"), None)

    def key(self) -> Optional[Key]:
        """The products that it computes; None if it is none that a layer launches."""
        arguments = {argument["name"]: argument for argument in self.entry["arguments"]}
        # A kernel with a map of x takes columns to be all of them, in order, which a
        # layer's need not be.
        if any(argument["kind"] == "tensor_map" for argument in arguments.values()):
            return None
        extra = [argument for name, argument in arguments.items() if name.startswith("epilogue")]
        x, y, values = (arguments.get(name) for name in ("x", "y", "values"))
        if not (x and y and values) or self.entry["batch"] or self.entry["accumulate"]:
            return None
        if x.get("layout") != "feature_major" or self.y_layout not in ("feature_major", "token_major"):
            return None
        # What an epilogue computes, a manifest does not say: one operand per row,
        # of the weight's type, is taken for a bias.
        bias = [(argument.get("broadcast"), argument["type"]) for argument in extra] == [("per_row", values["type"])]
        if len({argument["type"] for argument in (x, y, values)}) != 1 or self.entry["epilogue"] != bias:
            return None
        return Key(
            self.entry["pattern"], self.entry["rows"], self.entry["cols"], values["type"], "rows" in arguments, bias
        )

    def fits(self, device: torch.device) -> bool:
        """Whether it was compiled for a device: its very chip, or PTX of an older one."""
        major, minor = torch.cuda.get_device_capability(device)
        number = int("".join(c for c in self.chip if c.isdigit()))
        own = number == 10 * major + minor
        return own or (self.entry["format"] == "ptx" and self.chip[-1].isdigit() and number < 10 * major + minor)


class Launch:
    """A kernel, ready for one device and x and y of `width` columns."""

    def __init__(self, kernel: Kernel, width: int, device: torch.device) -> None:
        self.width = width
        #: Whether the kernel adds the bias.
        self.adds_bias: bool = kernel.entry["epilogue"]
        self.reads_fragments = kernel.reads_fragments
        self.y_layout = kernel.y_layout
        self._made = 0
        self._product = f"a weight of {kernel.pattern}, {kernel.rows} x {kernel.cols}, with T = {width}"
        self._device = device
        with torch.cuda.device(device):
            self._launch = kernel.prepare({"tokens": width}, device=device.index)

    def count_made(self) -> None:
        """Warns, once, if calls make fragments again and again."""
        self._made += 1
        if self._made == _MANY:
            warnings.warn(
                f"{self._product} is put into fragments at every call, since it may change: it is trained, cast by "
                "autocast or an inference tensor. For training, vnm.torch.compile_kernels(..., "
                "weight_layout='canonical') makes kernels that read it as it is; for inference, call the model in "
                "eval mode, under torch.no_grad() and with weights of the dtype that it computes in",
                stacklevel=2,
            )

    def __call__(
        self,
        values: Tensor,
        metadata: Tensor,
        columns: Tensor,
        rows: Optional[Tensor],
        x: Tensor,
        y: Tensor,
        bias: Optional[Tensor],
    ) -> None:
        """Launches on the current stream of the device. Tensors are contiguous, y in the
        kernel's layout; rows and bias are there where the kernel has them."""
        buffers = {
            "values": values.data_ptr(),
            "metadata": metadata.data_ptr(),
            "columns": columns.data_ptr(),
            "x": x.data_ptr(),
            "y": y.data_ptr(),
        }
        if rows is not None:
            buffers["rows"] = rows.data_ptr()
        if bias is not None:
            buffers["epilogue0"] = bias.data_ptr()
        stream = torch.cuda.current_stream(self._device).cuda_stream
        if torch.cuda.current_device() == self._device.index:
            self._launch(buffers, stream)
            return
        with torch.cuda.device(self._device):
            self._launch(buffers, stream)


def read_manifest(path: pathlib.Path) -> "list[Kernel]":
    """The kernels of a manifest. FormatError: it is none, or of another version."""
    return [Kernel(kernel.folder, kernel.entry) for kernel in _launcher.read_manifest(path.parent)]
