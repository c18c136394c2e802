# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the package's surface.

"""V:N:M sparsity on numpy arrays: prune, pack, permute, select, update, compile, files.

>>> import numpy as np, vnm
>>> w = np.random.default_rng(0).standard_normal((128, 256), dtype=np.float32)
>>> packed = vnm.pack(w, pattern="64:2:8")
>>> packed
VNMTensor(128x256, f32, 64:2:8, strict)
>>> dense = packed.to_dense()
>>> float((dense != 0).mean())
0.25
"""

from . import plot
from ._compile import Compilation, Remark, compile
from ._files import RawTensor, SafetensorsFile, SafetensorsWriter, load, save, verify
from ._library import find_library, library
from ._linear import compile_linear, linear_mlir
from ._pattern import Pattern, Sizes
from ._permute import (
    SharedPermutation,
    SharedWeight,
    StrictPermutation,
    permute,
    permute_shared,
    permute_strict,
)
from ._prune import importance, pack, prune, structure
from ._select import Cost, CostTable, Layer, SelectedLayer, Selection, select
from ._tensor import Structure, VNMTensor
from ._update import gram, relative_output_error, update
from ._venom import VenomArrays, from_venom, to_venom
from .errors import (
    CompileError,
    Diagnostic,
    Error,
    FileError,
    FormatError,
    InternalError,
    InvalidArgumentError,
    LibraryError,
    OutOfMemoryError,
)

__all__ = [
    "Compilation",
    "CompileError",
    "Cost",
    "CostTable",
    "Diagnostic",
    "Error",
    "FileError",
    "FormatError",
    "InternalError",
    "InvalidArgumentError",
    "Layer",
    "LibraryError",
    "OutOfMemoryError",
    "Pattern",
    "RawTensor",
    "Remark",
    "SafetensorsFile",
    "SafetensorsWriter",
    "SelectedLayer",
    "Selection",
    "SharedPermutation",
    "SharedWeight",
    "Sizes",
    "StrictPermutation",
    "Structure",
    "VNMTensor",
    "VenomArrays",
    "compile",
    "compile_linear",
    "find_library",
    "from_venom",
    "gram",
    "importance",
    "linear_mlir",
    "load",
    "pack",
    "permute",
    "permute_shared",
    "permute_strict",
    "plot",
    "prune",
    "relative_output_error",
    "save",
    "select",
    "structure",
    "to_venom",
    "update",
    "verify",
    "version",
]


def version() -> str:
    """The version of the C library."""
    return library().vnmGetVersion().text()
