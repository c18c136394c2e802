# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of results, and what kernels do, by their names."""

import re

# The first that matches counts.
LIBRARIES = {
    "products": re.compile(r"gemm|gemv|nvjet|cutlass|xmma|spmm|cublas|splitk|convolution|implicit", re.IGNORECASE),
    "attention": re.compile(r"flash|fmha|attention|cudnn_generated", re.IGNORECASE),
    "transposes": re.compile(r"copy|transpose|memcpy|CatArray", re.IGNORECASE),
}
# torch.compile names its kernels after the operators that it merged; these only move.
FUSED = re.compile(r"triton_\w+?_fused_")
MOVES = re.compile(
    r"^(_|\d+|_to_copy|clone|copy|t|view|_unsafe_view|permute|transpose|reshape|expand|select|slice|unbind|split|cat|"
    r"spmm|to_feature_major|_?scaled_dot_product(_\w+)?_attention|unsqueeze|squeeze)+$"
)
KINDS = ("products", "attention", "transposes", "rest")
HEADER = (
    f"| network | weights | ms | x dense | {' | '.join(KINDS)} | error |\n"
    f"|---|---|---:|---:|{len(KINDS) * '---:|'}---:|"
)


def kind_of(name):
    """products, attention, transposes or rest (norms, activations, sums)."""
    fused = FUSED.match(name)
    if fused:
        return "transposes" if MOVES.match(name[fused.end() :]) else "rest"
    return next((kind for kind, names in LIBRARIES.items() if names.search(name)), "rest")


def split(kernels):
    """Seconds of every kind, of {name: [launches, seconds]}."""
    seconds = dict.fromkeys(KINDS, 0.0)
    for name, (_, time) in kernels.items():
        seconds[kind_of(name)] += time
    return seconds


def format_row(entry):
    times = " | ".join(f"{1e3 * seconds:.3f}" for seconds in split(entry["kernels"]).values())
    return (
        f"| {entry['network']} | {entry['weights']} | {1e3 * entry['seconds']:.3f} | "
        f"{entry['dense_seconds'] / entry['seconds']:.2f} | {times} | {entry['error']:.1e} |"
    )
