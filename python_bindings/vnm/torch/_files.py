# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file writes and reads the state of sparse models.

"""Sparse models as safetensors files in the storage format."""

import json
import os
from typing import Union

from torch import Tensor, nn

from .. import errors
from ._linear import VNMLinear

_NAMES = {"torch.float16": "f16", "torch.bfloat16": "bf16", "torch.float32": "f32"}


def storage_metadata(model: nn.Module) -> "dict[str, str]":
    """What `__metadata__` of a safetensors file must say of a model's packed weights.

    For safetensors.torch.save_file(model.state_dict(), path, metadata=...); with it,
    vnm.verify() and vnm.load() know the weights (docs/storage-format.md, D4).
    """
    result = {}
    for name, layer in model.named_modules():
        if isinstance(layer, VNMLinear):
            v, n, m = map(int, layer.pattern.split(":"))
            result[f"vnm.{name}"] = json.dumps(
                {
                    "version": 1,
                    "V": v,
                    "N": n,
                    "M": m,
                    "R": layer.out_features,
                    "K": layer.in_features,
                    "form": layer.form,
                    "dtype": _NAMES[str(layer.vnm_values.dtype)],
                }
            )
    return result


def _check_metadata(model: nn.Module, found: "dict[str, str]", path: object) -> None:
    for key, text in storage_metadata(model).items():
        expected, given = json.loads(text), json.loads(found.get(key, "{}"))
        for field in ("V", "M", "R", "K", "form", "dtype"):
            if given.get(field) != expected[field]:
                raise errors.FormatError(
                    f"layer {key[4:]!r}: requires a checkpoint whose {field} is {expected[field]}, "
                    f"but in '{path}' it is {given.get(field)}"
                )


def save(model: nn.Module, path: Union[str, "os.PathLike[str]"]) -> None:
    """Writes a model's state to a safetensors file that vnm.load() reads, too.

    Needs the package safetensors. The file appears as a whole. FileError: it cannot be
    written; InvalidArgumentError: tensors that share memory.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state: "dict[str, Tensor]" = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    part = f"{os.fspath(path)}.part"
    try:
        save_file(state, part, metadata={"format": "pt", **storage_metadata(model)})
        os.replace(part, path)
    except (SafetensorError, OSError) as error:
        raise errors.FileError(f"requires a writable path, but '{path}' cannot be written: {error}") from error
    except RuntimeError as error:
        raise errors.InvalidArgumentError(f"requires a state that safetensors can hold, but: {error}") from error


def load_(model: nn.Module, path: Union[str, "os.PathLike[str]"]) -> None:
    """Reads a file of save() into a model of the same sparse layers.

    FormatError: a layer of another pattern, form, shape or dtype, which it names, or no
    safetensors file; FileError: none that can be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), "pt") as file:
            _check_metadata(model, file.metadata() or {}, path)
            state = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise errors.FormatError(f"requires a safetensors file, but '{path}' is none: {error}") from error
    except OSError as error:
        raise errors.FileError(f"requires a readable file, but '{path}' cannot be read: {error}") from error
    model.load_state_dict(state)
