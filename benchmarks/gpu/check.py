# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks results of kernels against float64, without timing, in little memory."""

import torch

import contestants
import measure
import weights

# Tokens whose float64 reference is in memory at a time.
CHUNK = 2048


class Checker:
    """Checks kernels; keeps the last weight, as kernels of one weight and pattern
    follow one another."""

    def __init__(self, dtype, seed):
        self.dtype = measure.DTYPES[dtype]
        self.generator = torch.Generator("cuda").manual_seed(seed)
        self.key, self.parts, self.dense = None, None, None

    def get_weight(self, rows, cols, pattern):
        if self.key != (rows, cols, pattern):
            self.parts = self.dense = None
            torch.cuda.empty_cache()
            v, _, m = map(int, pattern.split(":"))
            self.parts, self.dense = weights.make_weight(rows, cols, v, m, self.dtype, self.generator)
            self.key = (rows, cols, pattern)
        return self.parts, self.dense

    def check(self, shape, built):
        """The entry of a kernel (measure.Built) in the results, without times."""
        rows, cols, tokens = shape
        parts, dense = self.get_weight(rows, cols, built.kernel.pattern)
        x = weights.random(cols, tokens, dtype=self.dtype, generator=self.generator)
        contestant = contestants.Ours(shape, built, parts, x, copies=1)
        contestant.run(0)
        torch.cuda.synchronize()
        result, = contestant.outputs()
        error, largest = 0.0, 0.0
        for first in range(0, tokens, CHUNK):
            chunk = slice(first, first + CHUNK)
            expected = contestant.finish(dense @ x[:, chunk].double())
            difference = (result[:, chunk].double() - expected).abs().max().item()
            error = difference if difference != difference else max(error, difference)
            largest = max(largest, expected.abs().max().item())
        error = error / largest if error == error else float("inf")
        built.kernel.unload()
        return {"rows": rows, "cols": cols, "tokens": tokens, **contestant.labels, "error": error,
                "tolerance": contestant.tolerance, "correct": error <= contestant.tolerance}
