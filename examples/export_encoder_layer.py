# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the fixture encoder_layer: one trained transformer layer.
"""Writes the encoder_layer fixture: attention, MLP, residuals, layer norms."""

import copy

import torch

import albert
import exporting

TOKENS, DEPTH = 64, 6

ABOUT = f"""
This file is one trained transformer encoder layer, written by
export_encoder_layer.py: 8-head self-attention, MLP 256-512-256, two residuals
and two layer norms (float32) on 2 x {TOKENS} tokens, float16.
"""


def main():
    model = albert.load_pretrained()
    with torch.no_grad():
        # Two reactions cut to the same length, so that no padding is needed.
        ids = [model.tokenize(r)[:, :TOKENS] for r in albert.REACTIONS[1:]]
        example = model.hidden(torch.cat(ids), DEPTH).half()
    exporting.write_fixture(
        "encoder_layer",
        copy.deepcopy(model.layer).half_precision(),
        example,
        decompose=False,
        pretrained=True,
        about=ABOUT,
    )


if __name__ == "__main__":
    main()
