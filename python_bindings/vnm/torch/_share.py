# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file lets layers of a compiled model share what they copy.

"""One feature-major copy of activations for all sparse layers that read them."""

from typing import Any

import torch
from torch import fx

_VIEWS = (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default, torch.ops.aten.reshape.default)


def _what(node: Any) -> Any:
    """What tells the value of a node from others: views of one shape of one node are equal."""
    if isinstance(node, fx.Node) and node.target in _VIEWS:
        return node.target, _what(node.args[0]), repr(node.args[1:])
    return node


def share_copies(graph: fx.Graph) -> None:
    """Lets sparse layers that read the same x read the same copy of it, in a functional
    graph, where equal arguments are equal values."""
    first: "dict[Any, fx.Node]" = {}
    for node in graph.nodes:
        if node.target is torch.ops.vnm.to_feature_major.default:
            kept = first.setdefault(_what(node.args[0]), node)
            if kept is not node:
                node.replace_all_uses_with(kept)
                graph.erase_node(node)


def compile_options() -> "dict[str, Any]":
    """Options of torch.compile, with which layers that read the same x, such as those of
    q, k and v, share its copy:

        torch.compile(model, options=vnm.torch.compile_options())
    """
    # Takes a second, and nothing else needs it.
    from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files

    class ShareCopies(CustomGraphPass):
        def __call__(self, graph: fx.Graph) -> None:
            share_copies(graph)

        def uuid(self) -> bytes:
            return get_hash_for_files((__file__,))

    return {"post_grad_custom_pre_pass": ShareCopies()}
