# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the command line's part on pictures.

"""The command `vnm plot`."""

from typing import Any

from . import plot
from ._files import SafetensorsFile
from ._prune import importance
from .errors import InvalidArgumentError


def add_plot(commands: Any) -> None:
    """Adds the command's options."""
    parser = commands.add_parser(
        "plot",
        help="draw speed by pattern, or a packed weight's mask",
        description="Draws the results of vnm bench, speed over cuBLAS by pattern, or what a packed weight keeps. "
        "Needs matplotlib (pip install 'vnm[plot]').",
        epilog="examples: vnm plot results.json -o speed.svg; vnm plot sparse.safetensors --layer NAME -o mask.png",
    )
    parser.set_defaults(action=run_plot)
    parser.add_argument("input", help="results of vnm bench (.json), or packed weights (.safetensors)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="a .png, .svg or .pdf")
    parser.add_argument("--layer", metavar="NAME", help="the packed weight to draw")
    parser.add_argument("--dense", metavar="FILE", help="the weight before: draw what each panel retains of it instead")
    parser.add_argument("--rows", type=int, default=0, help="draw these first rows only")
    parser.add_argument("--cols", type=int, default=0, help="draw these first columns only")


def run_plot(arguments: Any) -> int:
    """Runs `vnm plot`."""
    if arguments.input.endswith(".json"):
        plot.speed(arguments.input, arguments.output)
        return 0
    if arguments.layer is None:
        raise InvalidArgumentError("requires --layer with a file of weights, but it is not given")
    with SafetensorsFile(arguments.input) as file:
        weight = file.read_packed(arguments.layer)
    if arguments.dense is None:
        plot.mask(weight, arguments.output, rows=arguments.rows, cols=arguments.cols)
        return 0
    with SafetensorsFile(arguments.dense) as file:
        tensor = file.read_raw(arguments.layer)
        dense = tensor.array()
        # As in vnm compress: some models keep a weight as in x out.
        dense = dense.T if dense.shape != weight.shape and dense.T.shape == weight.shape else dense
        scores = importance(dense, dtype="bf16" if tensor.dtype == "BF16" else None)
    plot.retained(weight, scores, arguments.output)
    return 0
