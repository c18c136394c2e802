# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the surface of vnm.torch.

"""V:N:M-sparse PyTorch modules, masks on any device, and training (docs/torch.md).

>>> import torch, vnm.torch
>>> model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 64))
>>> layers = vnm.torch.sparsify_(model, "64:2:8")
>>> model(torch.randn(3, 64)).shape
torch.Size([3, 64])
"""

from .._launcher import DriverError
from ..errors import LibraryError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise LibraryError("requires PyTorch (pip install torch), but it is not installed") from error

from ._calibrate import calibrate
from ._files import load_, save, storage_metadata
from ._fragments import forget_fragments
from ._kernels import MissingKernelError, compile_kernels, use_kernels
from ._layers import LayerError
from ._linear import VNMLinear
from ._ops import spmm
from ._scores import importance
from ._share import compile_options
from ._sparsify import LayerResult, sparsify_
from ._structure import Structure, prune, structure

__all__ = [
    "DriverError",
    "LayerError",
    "LayerResult",
    "MissingKernelError",
    "Structure",
    "VNMLinear",
    "calibrate",
    "compile_kernels",
    "compile_options",
    "forget_fragments",
    "importance",
    "load_",
    "prune",
    "save",
    "sparsify_",
    "spmm",
    "storage_metadata",
    "structure",
    "use_kernels",
]
