# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contestants of one shape: NVIDIA's libraries through PyTorch, and kernels of
this project. Each knows its buffers, its reference and its tolerance."""

import torch

import weights

# Bytes that the sets of buffers of one contestant take together: more than three
# times the largest L2 cache, so that no launch finds its operands there.
ROTATED_BYTES = 200 << 20
MAX_COPIES = 256
ROUNDING = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
# By default PyTorch lets the libraries add partial sums in the type of the result.
LIBRARY_ROUNDINGS = 4


def num_copies(*tensors):
    """Sets of buffers so that together they take ROTATED_BYTES."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return max(2, min(MAX_COPIES, -(-ROTATED_BYTES // size)))


def clones(tensor, copies):
    return [tensor.clone(memory_format=torch.preserve_format) for _ in range(copies)]


def unwritten(size, dtype, device):
    """A result that no kernel gives."""
    nothing = float("nan") if dtype.is_floating_point else torch.iinfo(dtype).min
    return torch.full(size, nothing, dtype=dtype, device=device)


def error_of(result, expected):
    """Largest absolute error over the largest absolute value; NaN is infinite."""
    error = ((result.double() - expected).abs().max() / expected.abs().max()).item()
    return error if error == error else float("inf")


class Contestant:
    """One way to compute one product. `run(index)` enqueues it. `timing` holds
    arguments of timing.Timed."""

    timing = {}

    def __init__(self, shape, labels, copies, tolerance):
        self.shape, self.labels, self.copies, self.tolerance = shape, labels, copies, tolerance

    def errors(self, expected):
        """The error of every set of buffers that a run has written."""
        return max(error_of(result, expected) for result in self.outputs())


class CuBLAS(Contestant):
    """torch.matmul, feature-major (W X) or token-major (X' W'); torch._int_mm of int8."""

    def __init__(self, shape, weight, x, token_major):
        rows, cols, tokens = shape
        self.token_major = token_major
        x = x.t().contiguous() if token_major else x
        size = (tokens, rows) if token_major else (rows, tokens)
        floats = weight.dtype.is_floating_point
        self.multiply = torch.matmul if floats else torch._int_mm
        y = unwritten(size, weight.dtype if floats else torch.int32, weight.device)
        copies = num_copies(weight, x, y)
        tolerance = LIBRARY_ROUNDINGS * ROUNDING[weight.dtype] + 2.0**-23 * (2 + cols / 16) if floats else 0.0
        layout = "token_major" if token_major else "feature_major"
        super().__init__(shape, {"contestant": "cublas", "layout": layout, "pattern": "dense"}, copies, tolerance)
        self.w, self.x, self.y = clones(weight, copies), clones(x, copies), clones(y, copies)

    @staticmethod
    def can_compute(shape, dtype, token_major):
        """Of int8 cuBLAS takes the layout whose sums run along rows of both operands;
        the limits are PyTorch's."""
        rows, cols, tokens = shape
        return dtype.is_floating_point or (token_major and tokens > 16 and rows % 8 == cols % 8 == 0)

    def run(self, index):
        if self.token_major:
            self.multiply(self.x[index], self.w[index].t(), out=self.y[index])
        else:
            self.multiply(self.w[index], self.x[index], out=self.y[index])

    def outputs(self):
        return [y.t() if self.token_major else y for y in self.y]


class CuSparseLt(Contestant):
    """torch._cslt_sparse_mm with one algorithm, on the packed 2:4 weight.

    A call that transposes the result takes the host 0.1 to 0.3 s (PyTorch 2.11), so
    that few are captured. `seconds` is what a search measured.
    """

    MAX_COPIES = 6

    def __init__(self, shape, packed, x, token_major, transpose, algorithm, seconds=None):
        self.options = dict(zip(("alg_id", "split_k", "split_k_mode"), algorithm))
        self.transpose = transpose
        x = x.t().contiguous() if token_major else x
        y = torch.empty(shape[0], shape[2], dtype=x.dtype, device="meta")
        copies = min(self.MAX_COPIES, num_copies(packed, x, y)) if seconds else 1
        self.timing = {"max_launches": copies, "estimate": seconds}
        name = " ".join(f"{key}={value}" for key, value in self.options.items())
        layout = ("token_major" if token_major else "feature_major") + (" transposed result" if transpose else "")
        super().__init__(shape, {"contestant": "cusparselt", "layout": layout, "algorithm": name, "pattern": "2:4"},
                         copies, LIBRARY_ROUNDINGS * ROUNDING[x.dtype] + 2.0**-23 * (2 + shape[1] / 32))
        self.w = clones(packed, copies)
        self.x = [c.t() if token_major else c for c in clones(x, copies)]
        self.y = [None] * copies

    def run(self, index):
        self.y[index] = torch._cslt_sparse_mm(self.w[index], self.x[index], transpose_result=self.transpose,
                                              **self.options)

    def outputs(self):
        return [y.t() if self.transpose else y for y in self.y if y is not None]


def finish(name, product, bias):
    """The result of an epilogue of cases.EPILOGUES, in float64."""
    if name == "none":
        return product
    functional = torch.nn.functional
    activations = {
        "bias": lambda x: x,
        "bias-gelu": functional.gelu,
        "bias-gelu-tanh": lambda x: functional.gelu(x, approximate="tanh"),
        "bias-silu": functional.silu,
    }
    return activations[name](product + bias[:, None])


class Ours(Contestant):
    """A kernel of a manifest (measure.Built). With `dependent`, each launch may overlap
    the one before it, as far as the kernel allows."""

    def __init__(self, shape, built, parts, x, copies=None, dependent=False):
        """`copies`: sets of buffers; by default as many as timing needs."""
        rows, _, tokens = shape
        kernel = built.kernel
        self.epilogue = built.epilogue
        layouts = {a["name"]: a.get("layout") for a in kernel.arguments}
        groups = parts["values"].shape[1] // 2
        if layouts["values"] == "fragments":
            parts = weights.to_fragments(parts, kernel.cols)
        self.y_token_major = layouts["y"] == "token_major"
        x = x.t().contiguous() if layouts["x"] == "token_major" else x
        out = {a["name"]: a["type"] for a in kernel.arguments}["y"]
        out = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "i32": torch.int32}[out]
        size = (tokens, rows) if self.y_token_major else (rows, tokens)
        y = unwritten(size, out, x.device)
        buffers = {**parts, "x": x, "y": y}
        if self.epilogue != "none":
            # As large as the sums, so that an epilogue that forgets it is wrong.
            scale = float(2 * groups) ** 0.5
            buffers["epilogue0"] = (scale * torch.randn(rows, device=x.device)).to(x.dtype)
        copies = copies or num_copies(*buffers.values())
        labels = {"contestant": "vnm", "pattern": kernel.pattern, "family": kernel.family,
                  "schedule": kernel.schedule, "variant": built.variant, "epilogue": self.epilogue,
                  "dependent": dependent, "layout": layouts["x"], "y_layout": layouts["y"],
                  "weight_layout": layouts["values"] or "canonical"}
        # The result's rounding, and one truncation of the sum to f32 per mma.sp.
        tolerance = ROUNDING.get(out, 0.0) + 2.0**-23 * (2 + -(-groups // 8)) if out.is_floating_point else 0.0
        super().__init__(shape, labels, copies, tolerance)
        self.sets = [{name: tensor.clone() for name, tensor in buffers.items()} for _ in range(copies)]
        self.launch = kernel.prepare({"tokens": tokens}, dependent=dependent)
        self.addresses = [{name: buffers[name].data_ptr() for name in self.launch.buffers} for buffers in self.sets]

    def finish(self, product):
        """What the kernel is to store for a float64 product."""
        bias = self.sets[0].get("epilogue0")
        return finish(self.epilogue, product, None if bias is None else bias.double())

    def run(self, index):
        self.launch(self.addresses[index], torch.cuda.current_stream().cuda_stream)

    def outputs(self):
        return [b["y"].t() if self.y_token_major else b["y"] for b in self.sets]
