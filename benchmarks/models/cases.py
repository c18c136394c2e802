# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which networks are measured, on what input."""

import dataclasses
from collections.abc import Callable

import networks
import torch


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and its input; `tokens` are the columns its products have."""

    name: str
    make: Callable[[], torch.nn.Module]
    shape: "tuple[int, ...]"
    tokens: int


def llama(past, batch):
    return lambda: networks.LlamaLayer(past=past, batch=batch)


CASES = [
    Case("deit-b", networks.DeiTBase, (128, 3, 224, 224), 128 * 197),
    Case("llama-prefill-2048", llama(0, 1), (1, 2048, 4096), 2048),
    Case("llama-prefill-4096", llama(0, 1), (1, 4096, 4096), 4096),
    Case("llama-decode-1", llama(2048, 1), (1, 1, 4096), 1),
    Case("llama-decode-16", llama(2048, 16), (16, 1, 4096), 16),
]


def choose(names):
    """The cases of names, separated by commas; all of an empty text."""
    known = {case.name: case for case in CASES}
    unknown = [name for name in filter(None, names.split(",")) if name not in known]
    if unknown:
        raise SystemExit(f"error: requires a case of {', '.join(known)}, but it is {unknown[0]}")
    return [known[name] for name in filter(None, names.split(","))] or CASES


def is_measured(name, module):
    """The layers made sparse: all but a classifier of a thousand rows."""
    del module
    return not name.endswith("head")


def layers_to_compile(chosen):
    """(name, module of every kind of layer, numbers of tokens); weights have no data."""
    layers = {"deit": lambda: networks.EncoderLayer(768, 12, 3072), "llama": networks.LlamaLayer}
    for name, make in layers.items():
        tokens = [case.tokens for case in chosen if case.name.startswith(name)]
        if tokens:
            with torch.device("meta"):
                yield name, make().half(), tokens
