# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file imports a PyTorch module to linalg on tensors and writes it with its
# input and its reference output.
"""PyTorch module -> linalg on tensors (torch-mlir) -> fixture files."""

import copy
import pathlib

import numpy as np
import torch
from torch_mlir import fx

FOLDER = pathlib.Path(__file__).resolve().parent

_OWN_LICENCE = """\
// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
_RXNMAPPER_LICENCE = """\
// Weights: Copyright 2020 RXN4Chemistry team (rxnmapper 0.4.3), MIT License.
// See the file LICENSE.rxnmapper for license information.
// SPDX-License-Identifier: MIT
"""


def write_fixture(name, module, example, *, decompose, pretrained, about, dynamic=None):
    """Writes `<name>.mlir`, `<name>.input.npy` and `<name>.reference.npy`.

    `decompose` chooses between the two forms in which linear layers arrive:
    with PyTorch's decompositions (`addmm` on collapsed tokens) or without
    (`linear` kept whole until torch-mlir lowers it). `dynamic` names the
    dimensions of the input that stay open, as torch.export takes it. The printed module is
    stored as it comes; only the comment at the top is ours. The reference is
    computed in float32 by PyTorch, from the weights and the input rounded to
    the types they have in the module.
    """
    with torch.no_grad():
        imported = fx.export_and_import(
            module,
            example,
            output_type="linalg-on-tensors",
            func_name="main",
            dynamic_shapes=None if dynamic is None else (dynamic,),
            decomposition_table=None if decompose else {},
        )
        reference = copy.deepcopy(module).float()(example.float())
    licence = _RXNMAPPER_LICENCE if pretrained else _OWN_LICENCE
    comment = "".join(f"// {line}\n" for line in about.strip().splitlines())
    path = FOLDER / f"{name}.mlir"
    path.write_text(f"{licence}//\n{comment}\n{imported}", encoding="utf-8")
    np.save(FOLDER / f"{name}.input.npy", example.numpy())
    np.save(FOLDER / f"{name}.reference.npy", reference.numpy())
    print(f"{path.name}: {path.stat().st_size} bytes, {tuple(example.shape)}")
