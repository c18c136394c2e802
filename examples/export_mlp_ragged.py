# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the fixture mlp_ragged: an MLP of awkward sizes.
"""Writes the mlp_ragged fixture: sizes that divide nothing, random weights."""

import torch

import albert
import exporting

BATCH, TOKENS, OUTER, INNER = 3, 13, 100, 83

ABOUT = f"""
This file is an MLP with random weights and ragged sizes, written by
export_mlp_ragged.py: Linear({OUTER}, {INNER}), GELU, Linear({INNER}, {OUTER}) on
{BATCH} x {TOKENS} tokens, float32.
"""


def main():
    torch.manual_seed(0)
    exporting.write_fixture(
        "mlp_ragged",
        albert.Mlp(OUTER, INNER).eval(),
        torch.randn(BATCH, TOKENS, OUTER),
        decompose=False,
        pretrained=False,
        about=ABOUT,
    )


if __name__ == "__main__":
    main()
