# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file finds the layers of a model that should store results feature-major.

"""Which layers' results another linear layer reads, as it does within MLPs."""

import re
from collections.abc import Iterator, Mapping

from torch import nn

from ._layers import Filter, is_conv1d, to_selector
from ._linear import VNMLinear

#: First layers of MLPs, by their usual names.
_NAMES = re.compile(
    r"(^|\.)(fc1|fc_in|c_fc|lin1|linear_?1|wi(_\d)?|w1|w3|(gate|up|gate_up)_proj|dense_h_to_4h|intermediate\.dense)$"
)
# Element by element, and their results lie in memory as what they are given. LogSigmoid's
# and RReLU's do not. Subclasses may do anything.
_ELEMENTWISE = frozenset(
    {
        nn.AlphaDropout,
        nn.CELU,
        nn.Dropout,
        nn.ELU,
        nn.GELU,
        nn.Hardshrink,
        nn.Hardsigmoid,
        nn.Hardswish,
        nn.Hardtanh,
        nn.Identity,
        nn.LeakyReLU,
        nn.Mish,
        nn.PReLU,
        nn.ReLU,
        nn.ReLU6,
        nn.SELU,
        nn.Sigmoid,
        nn.SiLU,
        nn.Softplus,
        nn.Softshrink,
        nn.Softsign,
        nn.Tanh,
        nn.Tanhshrink,
        nn.Threshold,
    }
)


def find_feature_major(model: nn.Module, chosen: Filter, names: "Mapping[nn.Module, str]") -> "set[nn.Module]":
    """Those of the named modules whose results are to be feature-major: what `chosen`
    selects or, if it is "auto", what another linear layer seems to read.
    InvalidArgumentError: it is no filter."""
    if chosen != "auto":
        selects = to_selector(chosen, of_none=False)
        return {module for module, name in names.items() if selects(name, module)}
    found = {module for module, name in names.items() if _NAMES.search(name)}
    for module in model.modules():
        found |= _find_read(module, names)
    return found


def _find_read(module: nn.Module, names: "Mapping[nn.Module, str]") -> "set[nn.Module]":
    """Those of the named modules in an nn.Sequential between which and the next linear
    layer nothing or only elementwise modules are."""
    found, last = set(), None
    for part in _parts_of(module):
        if part in names or isinstance(part, (nn.Linear, VNMLinear)) or is_conv1d(part):
            if last in names:
                found.add(last)
            last = part
        elif type(part) not in _ELEMENTWISE:
            last = None
    return found


def _parts_of(module: nn.Module) -> "Iterator[nn.Module]":
    """The modules that an nn.Sequential calls one after the other, those within others
    too; none of another module."""
    if not _is_sequence(module):
        return
    for part in module:
        if _is_sequence(part):
            yield from _parts_of(part)
        else:
            yield part


def _is_sequence(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward
