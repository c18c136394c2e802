# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which products are measured, and the kernels compiled for them."""

import dataclasses
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

# (R, K, T). T = 25216 is 128 images of 197 tokens.
QUICK = [
    (4096, 4096, 1), (4096, 4096, 16), (4096, 4096, 128), (4096, 4096, 512),
    (4096, 4096, 4096), (11008, 4096, 2048), (4096, 11008, 2048),
    (2304, 768, 25216), (768, 768, 25216), (3072, 768, 25216), (768, 3072, 25216),
]
LARGE = [
    (r, k, t)
    for t in (2048, 4096)
    for r, k in ((4096, 4096), (11008, 4096), (4096, 11008))
] + [(8192, 8192, 8192)]
DEIT = [(2304, 768, 25216), (768, 768, 25216), (3072, 768, 25216), (768, 3072, 25216)]
FEW_TOKENS = [
    (r, k, t)
    for t in (1, 8, 16, 32, 64, 128)
    for r, k in ((4096, 4096), (11008, 4096), (28672, 8192))
]
TOKENS = [1, 2, 4, 8, 16, 32, 49, 64, 127, 128, 197, 256, 512, 1000, 1024, 2048, 4096, 8192]
# Layers of models: R, K.
LAYERS = {
    "deit-s": [(1152, 384), (384, 384), (1536, 384), (384, 1536), (1000, 384)],
    "deit-b": [(2304, 768), (768, 768), (3072, 768), (768, 3072), (1000, 768)],
    "vit-l": [(3072, 1024), (1024, 1024), (4096, 1024), (1024, 4096)],
    "swin-t": [(288, 96), (96, 96), (384, 96), (96, 384), (192, 384), (576, 192), (192, 192), (768, 192),
               (192, 768), (384, 768), (768, 1536)],
    "swin-b": [(384, 128), (128, 128), (512, 128), (128, 512), (256, 512)],
    "gpt2-xl": [(4800, 1600), (1600, 1600), (6400, 1600), (1600, 6400)],
    "llama2-7b": [(12288, 4096), (4096, 4096), (22016, 4096), (11008, 4096), (4096, 11008), (4096, 5504), (4096, 2752),
                  (4096, 1376)],
    "llama2-13b": [(15360, 5120), (5120, 5120), (27648, 5120), (5120, 13824)],
    "llama3-8b": [(6144, 4096), (1024, 4096), (28672, 4096), (4096, 14336), (128, 4096)],
    "llama3-70b": [(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672)],
    "qwen2.5-7b": [(4608, 3584), (512, 3584), (3584, 3584), (37888, 3584), (3584, 18944), (3584, 4736), (64, 3584)],
    "qwen2.5-32b": [(7168, 5120), (5120, 5120), (55296, 5120), (5120, 27648)],
    "qwen2.5-72b": [(10240, 8192), (8192, 8192), (59136, 8192), (8192, 29568)],
}
MODEL_TOKENS = [1, 8, 16, 64, 197, 512, 2048, 4096]
# What every layer is checked with; "tokens" has more of them.
CHECK_TOKENS = [1, 16, 49, 64, 197, 512]
SETS = {
    "quick": QUICK,
    "table": LARGE + DEIT + FEW_TOKENS,
    "tokens": [(4096, 4096, t) for t in TOKENS],
    **{name: [(r, k, t) for r, k in layers for t in MODEL_TOKENS] for name, layers in LAYERS.items()},
}
SETS["check"] = SETS["tokens"] + [(r, k, t) for layers in LAYERS.values() for r, k in layers for t in CHECK_TOKENS]
SETS["models"] = [shape for name in LAYERS for shape in SETS[name]]
PATTERNS = [(v, m) for v in (128, 64) for m in (4, 5, 8, 16)]

# What is computed on a sum, %acc: f32, and the bias of its row, %bias: f32, before it
# is stored. gelu is x (1 + erf(x / sqrt 2)) / 2, gelu-tanh
# x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, silu x / (1 + exp(-x)).
EPILOGUES = {
    "none": None,
    "bias": """    %result = arith.addf %acc, %bias : f32
""",
    "bias-gelu": """    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %factor = arith.constant 0.70710678118654752 : f32
    %sum = arith.addf %acc, %bias : f32
    %scaled = arith.mulf %sum, %factor : f32
    %erf = math.erf %scaled : f32
    %more = arith.addf %erf, %one : f32
    %halved = arith.mulf %sum, %half : f32
    %result = arith.mulf %halved, %more : f32
""",
    "bias-gelu-tanh": """    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %factor = arith.constant 0.79788456080286536 : f32
    %cubic = arith.constant 0.044715 : f32
    %sum = arith.addf %acc, %bias : f32
    %square = arith.mulf %sum, %sum : f32
    %cube = arith.mulf %square, %sum : f32
    %scaled = arith.mulf %cube, %cubic : f32
    %inner = arith.addf %sum, %scaled : f32
    %argument = arith.mulf %inner, %factor : f32
    %tanh = math.tanh %argument : f32
    %more = arith.addf %tanh, %one : f32
    %halved = arith.mulf %sum, %half : f32
    %result = arith.mulf %halved, %more : f32
""",
    "bias-silu": """    %one = arith.constant 1.0 : f32
    %sum = arith.addf %acc, %bias : f32
    %negative = arith.negf %sum : f32
    %exp = math.exp %negative : f32
    %more = arith.addf %exp, %one : f32
    %result = arith.divf %sum, %more : f32
""",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One kernel to compile: a weight of R x K at V:2:M times K x T, feature-major,
    or token-major if `token_major`; if `y_token_major`, only the result is.

    `variant` names the options it is compiled with; `schedule` is what #vnm.schedule
    holds, e.g. "family = wgmma_sp, token_tile = 256", or empty to let the compiler
    choose; `epilogue` is one of EPILOGUES; `fragments`: whether the weight is stored
    in the order of registers.
    """

    rows: int
    cols: int
    tokens: int
    v: int
    m: int
    dtype: str = "f16"
    token_major: bool = False
    variant: str = "default"
    schedule: str = ""
    epilogue: str = "none"
    fragments: bool = False
    y_token_major: bool = False

    @property
    def out(self):
        """The result's type."""
        return "i32" if self.dtype == "i8" else self.dtype

    @property
    def name(self):
        parts = [f"{self.rows}x{self.cols}x{self.tokens}_{self.v}_2_{self.m}_{self.dtype}"]
        parts += ["token"] * self.token_major
        parts += ["y-token"] * self.y_token_major
        parts += [self.epilogue] * (self.epilogue != "none")
        parts += ["fragments"] * self.fragments
        parts.append(self.variant)
        parts += [re.sub(r"\W+", "-", self.schedule)] * bool(self.schedule)
        return "_".join(parts)


def with_layout(case, chip, layout):
    """The case with its weight in `layout`, canonical or fragments, if a kernel of the
    chip can read that: few tokens anywhere, else whole pieces on sm_90a."""
    reads = case.tokens <= 64 or (chip == "sm_90a" and case.tokens % 8 == 0 and case.v >= 64)
    reads = reads and case.dtype != "i8"
    return dataclasses.replace(case, fragments=layout == "fragments" and reads)


def parse_shapes(texts):
    """Shapes of names of SETS and of texts like 4096x4096x1, each once, in order."""
    shapes = []
    for text in texts:
        match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", text)
        if match:
            shapes.append(tuple(map(int, match.groups())))
        elif text in SETS:
            shapes += SETS[text]
        else:
            raise SystemExit(f"error: requires RxKxT or one of {', '.join(SETS)}, but the shape is '{text}'")
    return list(dict.fromkeys(shapes))


def parse_patterns(texts):
    """(V, M) of texts like 64:2:8."""
    patterns = []
    for text in texts:
        match = re.fullmatch(r"(\d+):2:(\d+)", text)
        if not match:
            raise SystemExit(f"error: requires a pattern V:2:M, but it is '{text}'")
        patterns.append((int(match[1]), int(match[2])))
    return patterns


def epilogue_text(case):
    """(argument of the function, clause of the product) for the case's epilogue."""
    body = EPILOGUES[case.epilogue]
    if body is None:
        return "", ""
    if case.dtype == "i8":
        raise SystemExit("error: requires f16 or bf16 with an epilogue, but the type is i8")
    kind = f"memref<{case.rows}x{case.dtype}>"
    return f", %biases: {kind}", f"""
      epilogue(%biases per_row : {kind}) {{
  ^bb0(%acc: f32, %stored: {case.dtype}):
    %bias = arith.extf %stored : {case.dtype} to f32
{body}    %rounded = arith.truncf %result : f32 to {case.dtype}
    vnm.yield %rounded : {case.dtype}
  }}"""


def to_mlir(case, name="product"):
    """The function of one product on memrefs."""
    groups = -(-case.cols // case.m)
    panels = -(-case.rows // case.v)
    ids = "i16" if case.cols <= 65535 else "i32"

    def activation(channels, token_major, element):
        a, b = (case.tokens, channels) if token_major else (channels, case.tokens)
        return f"memref<{a}x{b}x{element}>"

    y_token_major = case.token_major or case.y_token_major
    y = activation(case.rows, y_token_major, case.out)

    weight = [
        f"memref<{case.rows}x{2 * groups}x{case.dtype}>", f"memref<{case.rows}x{-(-groups // 4)}xi16>",
        f"memref<{panels}x{4 * groups}x{ids}>",
    ]
    encoding = f"{case.v}:2:{case.m}" + (", columns = i32" if ids == "i32" else "")
    if case.fragments:
        blocks, stages = -(-case.rows // 16), -(-groups // 16)
        weight = [
            f"memref<{blocks}x{stages}x2x32x8x{case.dtype}>", f"memref<{blocks}x{stages}x32xi32>",
            f"memref<{panels}x{64 * stages}x{ids}>",
        ]
        encoding += ", layout = fragments"
    types = [*weight, activation(case.cols, case.token_major, case.dtype)]
    attributes = []
    for operand, token_major in (("x", case.token_major), ("y", y_token_major)):
        attributes += [f"{operand}_layout = #vnm.activation_layout<token_major>"] * token_major
    if case.schedule:
        attributes.append(f"schedule = #vnm.schedule<{case.schedule}>")
    attributes = f" {{{', '.join(attributes)}}}" if attributes else ""
    argument, clause = epilogue_text(case)
    return f"""func.func @{name}(%values: {types[0]}, %metadata: {types[1]}, %columns: {types[2]},
                   %x: {types[3]}, %y: {y}{argument}) {{
  vnm.spmm #vnm.encoding<{encoding}> ins(%values, %metadata, %columns, %x : {', '.join(types)})
      outs(%y : {y}){attributes}{clause}
  return
}}
"""


DESCRIPTION = "case.json"


def compile_case(case, folder, vnm_opt, chip, options):
    """Compiles a case into `folder`; returns None or what vnm-opt printed."""
    target = os.path.join(folder, case.name)
    return compile_module(to_mlir(case), dataclasses.asdict(case), os.path.join(target, DESCRIPTION), vnm_opt, chip,
                          options)


def compile_module(text, facts, description, vnm_opt, chip, options=""):
    """Compiles a module into the folder of `description`, a file that then holds
    `facts`; returns None or what vnm-opt printed. What is there from the same source
    and options is kept."""
    target = os.path.dirname(description)
    stamp = f"// {chip} {options}\n{text}"
    source = os.path.join(target, "product.mlir")
    if os.path.exists(description):
        with open(source) as file:
            newer = os.path.getmtime(source) > os.path.getmtime(vnm_opt)
            if newer and file.read() == stamp:
                return None
    os.makedirs(target, exist_ok=True)
    with open(source, "w") as file:
        file.write(stamp)
    command = [
        vnm_opt, source, f"--vnm-lower-to-nvvm=chip={chip} format=bin {options}",
        f"--vnm-write-kernels=dir={target}", "-o", os.devnull,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    with open(description, "w") as file:
        json.dump(facts, file)
    return None


def compile_cases(cases, folder, vnm_opt, chip, variants, jobs):
    """Compiles all; returns [(case, message)] of those that failed."""
    failures = []
    with ThreadPoolExecutor(jobs) as pool:
        work = lambda case: compile_case(case, folder, vnm_opt, chip, variants[case.variant])
        for case, message in zip(cases, pool.map(work, cases)):
            if message is not None:
                failures.append((case, message))
    return failures
