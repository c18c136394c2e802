# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the fixture mlp_dynamic: an MLP for any number of tokens.
"""Writes the mlp_dynamic fixture: tokens unknown until run time."""

import torch

import albert
import exporting

TOKENS, OUTER, INNER = 37, 64, 128

ABOUT = f"""
This file is an MLP with random weights for any number of tokens, written by
export_mlp_dynamic.py: Linear({OUTER}, {INNER}), GELU, Linear({INNER}, {OUTER}), float16.
"""


def main():
    torch.manual_seed(0)
    exporting.write_fixture(
        "mlp_dynamic",
        albert.Mlp(OUTER, INNER).eval().half(),
        torch.randn(TOKENS, OUTER).half(),
        decompose=False,
        pretrained=False,
        about=ABOUT,
        dynamic={0: torch.export.Dim("tokens", min=1, max=65536)},
    )


if __name__ == "__main__":
    main()
