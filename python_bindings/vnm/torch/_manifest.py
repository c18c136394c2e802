# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file reads manifests of compiled kernels.

"""Kernels of a manifest (docs/aot.md), loaded when they are first launched."""

import ctypes
import json
import pathlib
from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor

from .. import errors
from . import _driver

_VERSION = 1


class Key(NamedTuple):
    """What a product must have in common with the kernel that computes it."""

    pattern: str
    rows: int
    cols: int
    dtype: str  #: of weights, activations and results, as MLIR names it
    permuted: bool  #: whether there is an array of rows
    bias: bool


class Kernel:
    """One kernel. Its activations and results are feature-major."""

    def __init__(self, folder: pathlib.Path, entry: "dict[str, Any]") -> None:
        self.entry = entry
        self._path = folder / entry["code"]
        self._functions: "dict[int, ctypes.c_void_p]" = {}

    @property
    def tokens(self) -> Optional[int]:
        """T, or None for any."""
        tokens = self.entry["tokens"]
        return None if isinstance(tokens, str) else tokens

    @property
    def chip(self) -> str:
        return self.entry["chip"]

    def key(self) -> Optional[Key]:
        """The products that it computes; None if it is none that a layer launches."""
        arguments = {argument["name"]: argument for argument in self.entry["arguments"]}
        extra = [argument for name, argument in arguments.items() if name.startswith("epilogue")]
        x, y, values = (arguments.get(name) for name in ("x", "y", "values"))
        if not (x and y and values) or self.entry["batch"] or self.entry["accumulate"]:
            return None
        if any(argument.get("layout") != "feature_major" for argument in (x, y)):
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

    def launch(self, buffers: "dict[str, Tensor]", tokens: int) -> None:
        """Launches on the current stream of the buffers' device, x and y of `tokens` columns."""
        device = buffers["y"].device
        grid = self.entry["grid"]
        blocks = grid["row_tiles"] * -(-tokens // grid["token_tile"])
        blocks = min(blocks, grid.get("max_blocks", blocks))
        if blocks == 0:
            return
        values: "list[Any]" = []
        for argument in self.entry["arguments"]:
            if argument["kind"] == "size":
                values.append(ctypes.c_int64(tokens))
                continue
            if argument["kind"] == "tensor_map":
                values.append(_driver.encode_tensor_map(argument, buffers[argument["buffer"]].data_ptr()))
                continue
            tensor = buffers["bias" if argument["name"].startswith("epilogue") else argument["name"]]
            pointer = ctypes.c_void_p(tensor.data_ptr())
            values += [pointer, pointer, ctypes.c_int64(0), ctypes.c_int64(tensor.numel()), ctypes.c_int64(1)]
        with torch.cuda.device(device):
            function = self._load(device.index)
            stream = torch.cuda.current_stream(device).cuda_stream
            _driver.launch(function, blocks, self.entry["threads"], self.entry["shared_memory"], stream, values)

    def _load(self, device: int) -> ctypes.c_void_p:
        if device not in self._functions:
            try:
                code = self._path.read_bytes()
            except OSError as error:
                raise errors.FileError(f"requires the code of a kernel, but '{self._path}' cannot be read") from error
            self._functions[device] = _driver.load_function(code, self.entry["name"], self.entry["shared_memory"])
        return self._functions[device]


def read_manifest(path: pathlib.Path) -> "list[Kernel]":
    """The kernels of a manifest. FormatError: it is none, or of another version."""
    try:
        manifest = json.loads(path.read_text())
        version, entries = manifest["version"], manifest["kernels"]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.FormatError(f"requires a manifest of kernels, but '{path}' is none: {error}") from error
    if version != _VERSION:
        raise errors.FormatError(f"requires a manifest of version {_VERSION}, but '{path}' has version {version}")
    return [Kernel(path.parent, entry) for entry in entries]
