# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the fixture mlp: the trained MLP block of a transformer.
"""Writes the mlp fixture: a trained transformer MLP on 128 real tokens."""

import copy

import torch

import albert
import exporting

TOKENS, DEPTH = 128, 6

ABOUT = f"""
This file is the MLP block of a trained transformer encoder, written by
export_mlp.py: Linear(256, 512), GELU, Linear(512, 256) on {TOKENS} tokens, float16.
"""


def main():
    model = albert.load_pretrained()
    with torch.no_grad():
        # What the MLP sees in the middle of the network: tokens of several
        # reactions, one after the other.
        inputs = [
            model.layer.after_attention(model.hidden(model.tokenize(reaction), DEPTH))[
                0
            ]
            for reaction in albert.REACTIONS
        ]
    example = torch.cat(inputs)[:TOKENS].half()
    exporting.write_fixture(
        "mlp",
        copy.deepcopy(model.layer.mlp).half(),
        example,
        decompose=True,
        pretrained=True,
        about=ABOUT,
    )


if __name__ == "__main__":
    main()
