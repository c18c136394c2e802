# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chains of dependent layers, as a model decodes: y of a layer is x of the next. The
layers' weights differ, and together they exceed every L2 cache."""

import torch

import contestants
import measure
import timing
import weights


class Chain:
    """Layers of one shape, R = K. `launch(layer, x, y)` enqueues one; `inputs` has x of
    the first layer, then y of every layer."""

    def __init__(self, labels, shape, dtype, layers, x, launch, dense, tolerance):
        self.labels, self.shape, self.layers, self.launch = labels, shape, layers, launch
        self.dense, self.tolerance = dense, tolerance
        self.inputs = [x] + [torch.full_like(x, float("nan")) for _ in range(layers)]

    def run(self, index):
        self.launch(index, self.inputs[index], self.inputs[index + 1])

    def error(self):
        """The largest error of a layer, given the x that it read."""
        return max(
            contestants.error_of(y, self.dense(layer) @ x.double())
            for layer, (x, y) in enumerate(zip(self.inputs, self.inputs[1:]))
        )


def scale_weight(parts, dense, m):
    """Makes the results about as large as the activations."""
    dtype = parts["values"].dtype
    scale = lambda exact: (exact.to(dtype) * (2 * dense.shape[1] / m) ** -0.5).to(dtype)
    return {**parts, "values": scale(parts["values"])}, scale(dense).double()


def make_kernel_chain(shape, built, dtype, dependent, generator):
    kernel = built.kernel
    rows, cols, tokens = shape
    v, _, m = map(int, kernel.pattern.split(":"))
    draw = lambda: scale_weight(*weights.make_weight(rows, cols, v, m, dtype, generator), m)
    parts, dense = draw()
    if any(argument.get("layout") == "fragments" for argument in kernel.arguments):
        parts = weights.to_fragments(parts, cols)
    size = sum(part.numel() * part.element_size() for part in parts.values())
    layers = max(2, -(-contestants.ROTATED_BYTES // size))
    # A copy of the first weight is another weight to the caches.
    sets = [{name: part.clone() for name, part in parts.items()} for _ in range(layers)]
    x = torch.randn(cols, tokens, generator=generator, device="cuda").to(dtype)
    prepared = kernel.prepare({"tokens": tokens}, dependent=dependent)

    def launch(layer, source, target):
        buffers = {**sets[layer], "x": source, "y": target}
        addresses = {name: tensor.data_ptr() for name, tensor in buffers.items()}
        prepared(addresses, torch.cuda.current_stream().cuda_stream)

    labels = {"contestant": "vnm", "pattern": kernel.pattern, "family": kernel.family,
              "schedule": kernel.schedule, "variant": built.variant, "dependent": dependent}
    tolerance = contestants.ROUNDING[dtype] + 2.0**-23 * (2 + -(-2 * cols // m // 16))
    return Chain(labels, shape, dtype, layers, x, launch, lambda layer: dense, tolerance)


def make_dense_chain(shape, dtype, generator):
    rows, cols, tokens = shape
    weight = (torch.randn(rows, cols, generator=generator, device="cuda") * cols**-0.5).to(dtype)
    layers = max(2, -(-contestants.ROTATED_BYTES // (weight.numel() * weight.element_size())))
    copies = contestants.clones(weight, layers)
    x = torch.randn(cols, tokens, generator=generator, device="cuda").to(dtype)
    launch = lambda layer, source, target: torch.matmul(copies[layer], source, out=target)
    dense = weight.double()
    tolerance = contestants.LIBRARY_ROUNDINGS * contestants.ROUNDING[dtype] + 2.0**-23 * (2 + cols / 16)
    labels = {"contestant": "cublas", "pattern": "dense"}
    return Chain(labels, shape, dtype, layers, x, launch, lambda layer: dense, tolerance)


def time_chain(chain, rounds):
    """Seconds per layer; all layers run in order, whole rounds, in one graph."""
    timed = timing.Timed(chain.run, chain.layers)
    return timing.take_turns([timed], rounds)[0]


def run_shape(shape, kernels, options, generator):
    """The entries of one shape."""
    rows, cols, tokens = shape
    if rows != cols:
        raise SystemExit(f"error: requires R = K for a chain, but the shape is {rows}x{cols}x{tokens}")
    dtype = measure.DTYPES[options.dtype]
    chains = [lambda: make_dense_chain(shape, dtype, generator)]
    for built in kernels:
        for dependent in (False, True) if built.kernel.entry.get("dependent_launch", False) else (False,):
            chains.append(lambda k=built, d=dependent: make_kernel_chain(shape, k, dtype, d, generator))
    results = []
    for make in chains:
        chain = make()
        seconds = time_chain(chain, options.rounds)
        error = chain.error()
        results.append({"rows": rows, "cols": cols, "tokens": tokens, **chain.labels, "layers": chain.layers,
                        "microseconds": seconds * 1e6, "error": error, "tolerance": chain.tolerance,
                        "correct": error <= chain.tolerance})
        results[-1]["ratio"] = results[0]["microseconds"] / results[-1]["microseconds"]
    return results
