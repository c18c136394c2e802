# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The instructions that are compared with the hardware, and random operands."""

import dataclasses

import numpy as np

# Exponent and mantissa bits, as stored; a tf32 value fills an f32.
FORMATS = {"f16": (5, 10), "bf16": (8, 7), "tf32": (8, 23), "f32": (8, 23)}
BITS = {"f16": 16, "bf16": 16, "tf32": 32, "f32": 32, "s8": 8, "u8": 8, "s32": 32}
KINDS = ("normal", "cancellation", "denormal", "tiny", "mixed", "alignment", "special")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction. Offsets in bytes; `shared` is the size of the image of
    shared memory (for tensor copies: of global memory)."""

    family: str
    type_a: str = "f16"
    type_b: str = "f16"
    acc: str = "f32"
    n: int = 8
    k: int = 16
    sparse: bool = False
    selector: int = 0
    saturate: bool = False
    negate: bool = False
    scale_d: bool = True
    a_shared: bool = False
    major_a: str = "k"
    major_b: str = "k"
    swizzle: int = 0
    start_a: int = 0
    start_b: int = 0
    lbo_a: int = 128
    sbo_a: int = 256
    lbo_b: int = 128
    sbo_b: int = 256
    base_offset: int = 0
    shared: int = 0
    transpose: bool = False
    box: tuple = ()
    sizes: tuple = ()
    samples: int = 1000

    @property
    def name(self):
        parts = [self.family, *map(str, (self.type_a, self.acc)), f"n{self.n}k{self.k}"]
        if self.type_b != self.type_a:
            parts[1] += self.type_b
        if self.family.endswith("matrix"):
            parts = [self.family, f"x{self.n}"] + ["trans"] * self.transpose
        elif self.family.startswith("tma"):
            parts = [self.family, f"{len(self.box)}d", self.type_a, f"swizzle{self.swizzle}"]
        if self.family == "wgmma":
            parts += [("ss_" + self.major_a if self.a_shared else "rs") + f"_{self.major_b}{self.swizzle}"]
        for flag, text in ((self.sparse, f"sp{self.selector}"), (self.saturate, "sat"), (self.negate, "negate"),
                           (not self.scale_d, "zero"), (self.start_b, f"start{self.start_b}"), (self.base_offset, f"base{self.base_offset}")):
            parts += [text] if flag else []
        return "_".join(parts)

    @property
    def lanes(self):
        return 128 if self.family == "wgmma" else 32

    @property
    def counts(self):
        """32-bit registers per lane of A, B, C and metadata, words of memory in,
        words out per sample."""
        image = self.shared // 4
        if self.family == "ldmatrix":
            return 1, 0, 0, 0, image, self.n * 32
        if self.family == "stmatrix":
            return 1, 0, self.n, 0, image, image
        if self.family == "tma_load":
            return 1, 0, 0, 0, image, int(np.prod(self.box)) * BITS[self.type_a] // 32
        if self.family == "tma_store":
            return 1, int(np.prod(self.box)) * BITS[self.type_a] // 1024, 0, 0, image, image
        stored = self.k // 2 if self.sparse else self.k
        e = int(self.sparse)
        if self.family == "wgmma":
            d = self.n * BITS[self.acc] // 64
            return 0 if self.a_shared else 4, 0, d if self.scale_d else 0, e, image, d * 128
        d = BITS[self.acc] // 8
        return 16 * stored * BITS[self.type_a] // 1024, self.k * 8 * BITS[self.type_b] // 1024, d, e, 0, d * 32

    def header(self, samples, stride):
        """The first line of a file; D holds every stride-th word."""
        a, b, c, e, s, d = self.counts
        fields = dataclasses.asdict(self) | {"samples": samples, "stride": stride, "count_a": a, "count_b": b, "count_c": c,
                                             "count_e": e, "count_s": s, "count_d": d, "name": self.name}
        fields["box"] = ",".join(map(str, self.box))
        fields["sizes"] = ",".join(map(str, self.sizes))
        return " ".join(f"{key}={int(v) if isinstance(v, bool) else v}" for key, v in fields.items()) + "\n"


def make_instructions():
    """The table; docs/emulation-numerics.md names its entries."""
    I = Instruction
    result = []
    for t, accs in (("f16", ("f32", "f16")), ("bf16", ("f32",))):
        for acc in accs:
            result += [I("mma", t, t, acc, k=k) for k in (8, 16)]
            result += [I("mma", t, t, acc, k=16, sparse=True, selector=s) for s in (0, 3)]
            result += [I("mma", t, t, acc, k=32, sparse=True, selector=s) for s in (0, 1)]
            result += [I("wgmma", t, t, acc, k=16, shared=512)]
            result += [I("wgmma", t, t, acc, k=32, sparse=True, selector=s, shared=512) for s in (0, 1)]
    result += [I("mma", "tf32", "tf32", k=k) for k in (4, 8)]
    result += [I("mma", "tf32", "tf32", k=k, sparse=True, selector=1) for k in (8, 16)]
    result += [I("wgmma", "tf32", "tf32", k=8, shared=512)]
    result += [I("wgmma", "tf32", "tf32", k=16, sparse=True, selector=1, shared=512)]
    for a, b in (("s8", "s8"), ("u8", "s8")):
        for saturate in (False, True):
            result += [I("mma", a, b, "s32", k=k, saturate=saturate) for k in (16, 32)]
            result += [I("mma", a, b, "s32", k=k, sparse=True, saturate=saturate) for k in (32, 64)]
            # Variants of one instruction need fewer samples.
            count = 1000 if (a, saturate) == ("s8", False) else 250
            result += [I("wgmma", a, b, "s32", k=32, shared=512, saturate=saturate, samples=count)]
            result += [I("wgmma", a, b, "s32", k=64, sparse=True, shared=512, saturate=saturate, samples=count)]
    result += [I("wgmma", negate=True, shared=512, samples=100)]
    result += make_layouts()
    return result


def make_layouts():
    """Every way to lay A and B out, with few samples of larger tiles."""
    I = Instruction
    many = {"samples": 8, "scale_d": False}
    result = []
    # B K-major: 8-column groups SBO apart; without swizzle 16-byte columns LBO apart.
    for t, k, sparse in (("f16", 16, False), ("f16", 32, True), ("tf32", 16, True), ("s8", 64, True), ("s8", 32, False)):
        acc = "s32" if t == "s8" else "f32"
        result += [I("wgmma", t, t, acc, n=64, k=k, sparse=sparse, swizzle=0, lbo_b=1152, sbo_b=144, shared=8192, **many)]
        for swizzle in (32, 64, 128):
            if k * BITS[t] // 8 <= swizzle:
                result += [I("wgmma", t, t, acc, n=64, k=k, sparse=sparse, swizzle=swizzle, lbo_b=16,
                             sbo_b=swizzle * 8, shared=8192, **many)]
    # A step within the row of the pattern, and a pattern that starts elsewhere.
    result += [I("wgmma", n=64, k=16, swizzle=128, lbo_b=16, sbo_b=1024, start_b=32, shared=8192 + 1024, **many)]
    result += [I("wgmma", n=64, k=16, swizzle=128, lbo_b=16, sbo_b=1024, start_b=256, base_offset=2, shared=8192 + 1024,
                 **many)]
    # B MN-major.
    for k, sparse in ((16, False), (32, True)):
        for n in (64, 128):
            result += [I("wgmma", n=n, k=k, sparse=sparse, major_b="mn", swizzle=0, lbo_b=128, sbo_b=1024, shared=16384, **many)]
            for swizzle in (32, 64, 128):
                result += [I("wgmma", n=n, k=k, sparse=sparse, major_b="mn", swizzle=swizzle, lbo_b=swizzle * k,
                             sbo_b=swizzle * 8, shared=16384, **many)]
    result += [I("wgmma", "bf16", "bf16", n=256, k=32, sparse=True, selector=1, major_b="mn", swizzle=128, lbo_b=4096,
                 sbo_b=1024, shared=16384, **many)]
    # A in shared memory.
    base = {"a_shared": True, "n": 8, "start_a": 1024, "samples": 32}
    for k, sparse in ((16, False), (32, True)):
        result += [I("wgmma", k=k, sparse=sparse, lbo_a=128, sbo_a=256, shared=1024 + 8192, **base)]
        for swizzle in (64, 128):
            result += [I("wgmma", k=k, sparse=sparse, swizzle=swizzle, lbo_a=16, sbo_a=swizzle * 8, lbo_b=16,
                         sbo_b=swizzle * 8, shared=1024 + 8192, **base)]
    result += [I("wgmma", k=16, major_a="mn", swizzle=128, lbo_a=2048, sbo_a=1024, lbo_b=16, sbo_b=1024, shared=1024 + 8192,
                 **base)]
    result += [I("wgmma", "s8", "s8", "s32", k=64, sparse=True, swizzle=128, lbo_a=16, sbo_a=1024, lbo_b=16, sbo_b=1024,
                 shared=1024 + 8192, **base)]
    for n in (1, 2, 4):
        for transpose in (False, True):
            result += [I(f, n=n, transpose=transpose, shared=4096, samples=50) for f in ("ldmatrix", "stmatrix")]
    result += make_tensor_copies()
    return result


def make_tensor_copies():
    I = Instruction
    result = [I("tma_load", "f16", box=(64,), sizes=(200,), shared=400, samples=64)]
    for swizzle, inner in ((0, 64), (32, 16), (64, 32), (128, 64)):
        result += [I(f, "f16", swizzle=swizzle, box=(inner, 24), sizes=(72, 40), shared=5760, samples=32)
                   for f in ("tma_load", "tma_store")]
    result += [I("tma_load", "f16", swizzle=128, box=(64, 4, 3), sizes=(72, 10, 5), shared=7200, samples=32)]
    result += [I("tma_load", "s8", swizzle=64, box=(64, 16), sizes=(144, 20), shared=2880, samples=32)]
    return result


def compose(rng, dtype, shape, low, high, zero=0.0):
    """Bits of values of random sign and mantissa, their exponent fields uniform
    in [low, high]; `zero` is the share of zeros."""
    exponent_bits, mantissa_bits = FORMATS[dtype]
    low, high = max(low, 0), min(high, (1 << exponent_bits) - 2)
    exponent = rng.integers(low, high + 1, shape, dtype=np.uint32)
    bits = exponent << np.uint32(mantissa_bits) | rng.integers(0, 1 << mantissa_bits, shape, dtype=np.uint32)
    bits = np.where(rng.random(shape) < zero, np.uint32(0), bits)
    sign = rng.integers(0, 2, shape, dtype=np.uint32) << np.uint32(exponent_bits + mantissa_bits)
    return (bits | sign).astype(np.uint32)


def random_floats(rng, kind, dtype, operand, source, shape):
    """Bits of an operand ("a", "b" or "c"); `source` is the type of A and B.
    Exponents are chosen so that products and C meet in every kind."""
    bias = (1 << (FORMATS[dtype][0] - 1)) - 1
    narrow = source == "f16"
    if kind == "normal":
        return compose(rng, dtype, shape, bias - 3, bias)
    if kind == "cancellation":
        base = compose(rng, dtype, (shape[0],) + (1,) * (len(shape) - 1), bias, bias + 2)
        if operand == "c":
            return compose(rng, dtype, shape, bias - 8, bias + 8)
        noise = rng.integers(0, 4, shape, dtype=np.uint32) << np.uint32(13 if dtype == "tf32" else 0)
        sign = rng.integers(0, 2, shape, dtype=np.uint32) << np.uint32(sum(FORMATS[dtype]))
        return (base ^ noise ^ sign).astype(np.uint32)
    if kind == "denormal":
        if operand == "c":
            return compose(rng, dtype, shape, 0, 100 if narrow and dtype == "f32" else 24)
        high = {"a": 3, "b": 3 if narrow else bias + 8}[operand]
        return compose(rng, dtype, shape, 0 if operand == "a" or narrow else bias - 8, high)
    if kind == "tiny":
        # Sums near the smallest number of the accumulator.
        if operand == "c":
            sign = np.uint32(1 << sum(FORMATS[dtype]))
            return compose(rng, dtype, shape, 0, 0, 0.5) & (sign | np.uint32(7))
        middle = bias - (12 if narrow else 75)
        return compose(rng, dtype, shape, middle - 3, middle + 3, 0.25)
    if kind == "mixed":
        reach = 40 if operand == "c" else 20
        return compose(rng, dtype, shape, bias - reach, bias + reach, 0.125)
    if kind == "alignment":
        reach = 20 if operand == "c" else 8
        return compose(rng, dtype, shape, bias - reach, bias + reach, 0.3 if operand == "c" else 0.6)
    top = (1 << FORMATS[dtype][0]) - 1
    bits = compose(rng, dtype, shape, bias, top - 1, 0.25)
    special = compose(rng, dtype, shape, top - 1, top - 1) | np.uint32(1 << FORMATS[dtype][1])
    infinite = special & np.uint32(~((1 << FORMATS[dtype][1]) - 1) & 0xFFFFFFFF)
    draw = rng.random(shape)
    return np.where(draw < 0.01, special, np.where(draw < 0.03, infinite, bits)).astype(np.uint32)


def random_elements(rng, kind, dtype, operand, source, shape):
    if dtype in FORMATS:
        return random_floats(rng, kind, dtype, operand, source, shape)
    if dtype == "s32":
        large = rng.integers(0, 1 << 32, shape, dtype=np.uint64).astype(np.uint32)
        edge = (rng.integers(0, 1 << 17, shape, dtype=np.uint32) + np.uint32(0x7FFF0000)).astype(np.uint32)
        return edge if kind in ("cancellation", "special") else large
    values = rng.integers(0, 256, shape, dtype=np.uint32)
    extreme = rng.choice(np.array([0x80, 0x7F, 0xFF], np.uint32), shape)
    return extreme if kind in ("alignment", "special") else values


def pack(elements, dtype):
    """Elements, the last axis contiguous, as 32-bit words."""
    width = {8: np.uint8, 16: np.uint16, 32: np.uint32}[BITS[dtype]]
    return np.ascontiguousarray(elements.astype(width)).view(np.uint32)


def random_operands(instruction, seed=1):
    """A, B, C, metadata and memory: arrays [samples][words]."""
    count_a, count_b, count_c, count_e, count_s, _ = instruction.counts
    rng = np.random.default_rng([seed, *instruction.name.encode()])
    samples, lanes = instruction.samples, instruction.lanes
    if not instruction.family.endswith("mma"):
        return random_copy(instruction, rng)

    def operand(name, dtype, words):
        per_word = 32 // BITS[dtype]
        rows = [random_elements(rng, KINDS[i % len(KINDS)], dtype, name, instruction.type_a, (1, words * per_word))
                for i in range(samples)]
        return pack(np.concatenate(rows), dtype)

    legal = np.array([0x4, 0xE] if instruction.type_a == "tf32" else [0x4, 0x8, 0x9, 0xC, 0xD, 0xE], np.uint32)
    nibbles = rng.choice(legal, (samples, lanes * count_e, 8))
    shifts = np.arange(0, 32, 4, dtype=np.uint32)
    metadata = np.bitwise_or.reduce(nibbles << shifts, axis=-1).astype(np.uint32)
    a = operand("a", instruction.type_a, lanes * count_a)
    b = operand("b", instruction.type_b, lanes * count_b)
    c = operand("c", instruction.acc, lanes * count_c)
    memory = operand("b", instruction.type_b, count_s)
    if instruction.a_shared:
        # A and B of the kind "denormal" would differ, and A lies behind B.
        start = instruction.start_a // 4
        memory[:, start:] = operand("a", instruction.type_a, count_s - start)
    return a, b, c, metadata, memory


def random_copy(instruction, rng):
    count_a, count_b, count_c, _, count_s, _ = instruction.counts
    samples = instruction.samples
    words = lambda count: rng.integers(0, 1 << 32, (samples, count), dtype=np.uint64).astype(np.uint32)
    rows = instruction.shared // 16
    if instruction.family.endswith("matrix"):
        a = np.stack([rng.permutation(rows)[:32] * 16 for _ in range(samples)]).astype(np.uint32)
    else:
        # Coordinates from one box before the tensor to its end; Hopper runs into
        # an illegal instruction where a store's are negative, and where that in
        # dimension 0 is no multiple of 16 bytes.
        reach = 0 if instruction.family == "tma_store" else -1
        low = np.array([reach * b for b in instruction.box] + [0] * (32 - len(instruction.box)))
        high = np.array(list(instruction.sizes) + [1] * (32 - len(instruction.box)))
        a = rng.integers(low, high, (samples, 32)).astype(np.int32)
        a[:, 0] &= -(128 // BITS[instruction.type_a])
        a = a.view(np.uint32)
    return a, words(32 * count_b), words(32 * count_c), words(0), words(count_s)
