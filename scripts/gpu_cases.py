# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The products that check_gpu.py runs."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """One product. `tokens` is the T of the run; dynamic: T is `?` in the IR."""

    name: str
    rows: int
    cols: int
    tokens: int
    v: int
    m: int
    dtype: str = "f16"
    out: str = "f32"
    x_token_major: bool = False
    y_token_major: bool = False
    batch: tuple = ()
    dynamic: bool = True
    epilogue: str = ""
    permuted: bool = False
    accumulate: bool = False
    wide_ids: bool = False
    strided: bool = False
    poison: bool = False
    tensor: bool = False
    fragments: bool = False
    schedule: str = ""

    @property
    def groups(self):
        return -(-self.cols // self.m)

    @property
    def panels(self):
        return -(-self.rows // self.v)

    def shape(self, channels, token_major):
        pair = (self.tokens, channels) if token_major else (channels, self.tokens)
        return self.batch + pair


def in_fragments(cases, names):
    """The cases of these names, with weights in fragments."""
    return [dataclasses.replace(c, name=f"{c.name}_fragments", fragments=True) for c in cases if c.name in names]


def tile_of(tokens):
    return f"family = wgmma_sp, token_tile = {tokens}"


WGMMA_IN_FRAGMENTS = (
    "wgmma_v64_m4 wgmma_v128_m5 wgmma_v64_m6 wgmma_v128_m8 wgmma_v64_m16 wgmma_aligned wgmma_tall_panel wgmma_few_rows "
    "wgmma_one_group wgmma_one_row wgmma_many_tiles wgmma_wide_ids wgmma_permuted_bias wgmma_batch wgmma_token_odd "
    "wgmma_three_chunks wgmma_three_chunks_v64 wgmma_copies wgmma_copies_v16 wgmma_copies_split wgmma_copies_batch large_wgmma large_wgmma_v64 large_wgmma_m16 "
    "large_wgmma_m4 large_wgmma_tail large_wgmma_tail_v64 large_wgmma_tail_copies"
).split()
SKINNY_IN_FRAGMENTS = (
    "skinny_v16_m4 skinny_v128_m5 skinny_v32_m6 skinny_v64_m8 skinny_v16_m16 skinny_aligned_1 skinny_aligned_64 "
    "skinny_long_16 skinny_long_odd skinny_long_odd_1 skinny_token_5 skinny_63 skinny_many_rows skinny_many_rows_1 skinny_one_row "
    "skinny_one_col skinny_wide_ids skinny_permuted_bias skinny_batch_1 large_skinny_1 large_skinny_64 large_skinny_m5 "
    "large_skinny_m5_1 large_skinny_m4_1"
).split()


def make_wgmma_cases():
    """What the family wgmma_sp supports: V of 64 or more, T a static multiple of 8;
    x feature-major, or through a transpose."""
    common = dict(dynamic=False, poison=True)
    y = dict(y_token_major=True)
    cases = []
    for i, m in enumerate((4, 5, 6, 8, 16)):
        for j, v in enumerate((64, 128)):
            n = 2 * i + j
            cases.append(
                Case(
                    f"wgmma_v{v}_m{m}", 200 + 37 * n, 301 + 53 * n, 72 + 32 * n, v, m,
                    dtype=("f16", "bf16")[(i + j) % 2], out=("f32", "f16", "bf16")[n % 3], **common,
                )
            )
    extra = dict(v=128, m=8, dynamic=False)
    cases += [
        Case("wgmma_aligned", 256, 1024, 512, **extra),
        Case("wgmma_aligned_v64", 256, 1024, 512, v=64, m=8, dynamic=False, out="f16"),
        Case("wgmma_tall_panel", 700, 512, 264, v=256, m=8, **common),
        Case("wgmma_few_rows", 40, 512, 96, v=128, m=8, **common),
        Case("wgmma_one_group", 64, 3, 40, v=64, m=8, dynamic=False),
        Case("wgmma_one_row", 1, 100, 8, v=64, m=4, dynamic=False),
        Case("wgmma_even_groups", 192, 16 * 54, 136, v=64, m=16, **common),
        Case("wgmma_six_words", 192, 8 * 24, 136, v=128, m=8, **common),
        # More tiles than CTAs.
        Case("wgmma_many_tiles", 640, 72, 1920, v=128, m=6, dynamic=False, batch=(5,), out="f16"),
        Case("wgmma_wide_ids", 130, 70000, 24, v=64, m=64, wide_ids=True, **common),
        Case("wgmma_permuted", 200, 300, 72, v=64, m=8, permuted=True, **common),
        Case("wgmma_accumulate", 200, 304, 72, **extra, out="f16", accumulate=True),
        Case("wgmma_batch", 200, 304, 328, **extra, batch=(2, 2)),
        Case("wgmma_permuted_bias", 200, 304, 72, **extra, permuted=True, epilogue="bias", accumulate=True),
        Case("wgmma_gelu_tanh", 200, 304, 136, **extra, out="f16", epilogue="gelu_tanh"),
        # Through a transpose before, or after, where rows are permuted: whole tiles and ragged ones.
        Case("wgmma_token", 128, 192, 128, **extra, out="f16", x_token_major=True, y_token_major=True),
        Case("wgmma_token_odd", 203, 301, 72, v=64, m=5, out="f32", x_token_major=True, y_token_major=True, batch=(2,), **common),
        Case("wgmma_token_x", 200, 304, 136, v=128, m=8, dtype="bf16", out="bf16", x_token_major=True, epilogue="bias", **common),
        Case("wgmma_token_y", 200, 300, 72, v=64, m=8, out="f16", y_token_major=True, permuted=True, **common),
        Case("wgmma_scale_residual", 200, 304, 72, v=64, m=8, dynamic=False, out="bf16", epilogue="scale_residual", batch=(2,)),
        # Tiles of three chunks: whole and ragged ones, and panels whose two rings each have one.
        Case("wgmma_three_chunks", 200, 16 * 37, 424, v=128, m=8, schedule=tile_of(192), **common),
        Case("wgmma_three_chunks_v64", 192, 16 * 20, 384, v=64, m=5, dynamic=False, out="f16", schedule=tile_of(192)),
        Case("wgmma_three_chunks_copies", 136, 320, 328, v=64, m=4, dynamic=False, out="f16", schedule=tile_of(192)),
        # Results stored token by token: pieces of 8 rows, 4, 2 and 1; several rounds and tiles; sums of two halves.
        Case("wgmma_y", 136, 520, 264, v=128, m=8, out="f16", schedule=tile_of(256), **common, **y),
        Case("wgmma_y_f32", 300, 304, 72, v=128, m=8, out="f32", batch=(2,), **common, **y),
        Case("wgmma_y_gelu", 200, 301, 136, v=64, m=5, dtype="bf16", out="bf16", epilogue="gelu_tanh", **common, **y),
        Case("wgmma_y_residual", 204, 304, 72, v=64, m=8, out="f16", epilogue="scale_residual", batch=(2,), **common, **y),
        Case("wgmma_y_accumulate", 198, 304, 72, v=128, m=16, out="f32", accumulate=True, x_token_major=True, **common, **y),
        Case("wgmma_y_odd", 203, 300, 72, v=64, m=6, dtype="bf16", out="bf16", epilogue="bias", batch=(2,), **common, **y),
        Case("wgmma_y_one_row", 1, 100, 8, v=64, m=4, dynamic=False, **y),
        Case("wgmma_y_split", 200, 1024, 136, v=128, m=8, out="f16", epilogue="scale_residual", **common, **y),
        Case("wgmma_y_many_tiles", 320, 40, 3464, v=64, m=5, dynamic=False, out="f16", schedule=tile_of(64), **y),
        Case("wgmma_y_copies", 328, 320, 328, v=32, m=4, out="f16", epilogue="bias", **common, **y),
        Case("wgmma_y_cluster", 456, 192, 328, v=128, m=4, schedule=tile_of(128) + ", cluster = 2", **common, **y),
        # All columns, whole stages: tensor copies, whatever V is.
        Case("wgmma_copies", 328, 320, 328, v=128, m=4, out="f16", **common),
        Case("wgmma_copies_v16", 200, 192, 72, v=16, m=4, dtype="bf16", out="f32", **common),
        Case("wgmma_copies_one_stage", 40, 64, 8, v=64, m=4, dynamic=False),
        Case("wgmma_copies_split", 200, 1024, 136, v=64, m=4, dtype="bf16", out="bf16", **common),
        Case("wgmma_copies_batch", 200, 128, 136, v=256, m=4, permuted=True, batch=(3,), epilogue="bias", **common),
        Case("wgmma_copies_many_tiles", 744, 128, 1920, v=32, m=4, dynamic=False, batch=(2,), out="f16", accumulate=True),
        # Shared by the two CTAs of a cluster.
        Case("wgmma_cluster", 456, 448, 328, v=128, m=4, schedule=tile_of(256) + ", cluster = 2", **common),
        Case("wgmma_cluster_many_tiles", 744, 128, 1920, v=64, m=4, dtype="bf16", batch=(2,),
             schedule=tile_of(128) + ", cluster = 2", **common),
        # More tiles than SMs, and few in the last wave, which are cut.
        Case("large_wgmma_tail", 640, 16 * 100, 6800, v=128, m=16, out="f16", schedule=tile_of(256), **common),
        Case("large_wgmma_tail_v64", 320, 8 * 100, 6744, v=64, m=8, dtype="bf16", out="f32", epilogue="bias",
             schedule=tile_of(128), **common),
        Case("large_wgmma_tail_y", 600, 8 * 150, 3400, v=128, m=8, out="f16", epilogue="bias", schedule=tile_of(128), **common, **y),
        Case("large_wgmma_tail_copies", 600, 64 * 7, 1704, v=64, m=4, out="f16", batch=(3,), schedule=tile_of(192), **common),
        Case("large_wgmma_tail_cluster", 744, 64 * 7, 2832, v=128, m=4, out="f16", batch=(2,), epilogue="bias",
             schedule=tile_of(256) + ", cluster = 2", **common),
        Case("large_wgmma", 1024, 4096, 2048, v=128, m=8, out="f16", dynamic=False),
        Case("large_wgmma_v64", 2048, 4096, 1032, v=64, m=5, dtype="bf16", out="f32", **common),
        Case("large_wgmma_m16", 2000, 4096, 4096, v=128, m=16, out="f16", **common),
        Case("large_wgmma_m4", 768, 768, 8192, v=128, m=4, out="f16", dynamic=False),
        Case("large_wgmma_v64_m16", 4096, 4096, 2048, v=64, m=16, out="f16", dynamic=False),
    ]
    return cases + in_fragments(cases, WGMMA_IN_FRAGMENTS)


def make_skinny_cases():
    """What the family skinny supports: a static T of 1 to 64; token-major x only where
    it fits in shared memory."""
    common = dict(dynamic=False, poison=True)
    cases = []
    # The matrix: every M with every V; every alignment of rows of x.
    for i, m in enumerate((4, 5, 6, 8, 16)):
        for j, v in enumerate((16, 32, 64, 128)):
            n = 4 * i + j
            cases.append(
                Case(
                    f"skinny_v{v}_m{m}", 100 + 17 * n, 301 + 53 * n, (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)[n % 10],
                    v, m, dtype=("f16", "bf16")[(i + j) % 2], out=("f32", "f16", "bf16", "f64")[n % 4],
                    y_token_major=bool((n // 3) % 2), **common,
                )
            )
    extra = dict(v=128, m=8, dynamic=False)
    one = dict(v=64, m=8, dynamic=False, poison=True)
    cases += [
        Case("skinny_aligned_1", 256, 2048, 1, **extra, out="f16"),
        Case("skinny_aligned_8", 256, 2048, 8, **extra, out="f16"),
        Case("skinny_aligned_16", 256, 2048, 16, **extra),
        Case("skinny_aligned_48", 128, 1024, 48, **extra),
        Case("skinny_aligned_64", 128, 2048, 64, **extra, out="f16"),
        # Rings that are used more than once.
        Case("skinny_long_1", 64, 16384, 1, **extra),
        Case("skinny_long_16", 32, 16384, 16, **extra, poison=True),
        Case("skinny_long_odd", 48, 16383, 2, v=64, m=5, **common),
        Case("skinny_long_odd_1", 48, 8195, 1, v=32, m=5, **common),
        Case("skinny_token_1", 256, 512, 1, **one, x_token_major=True, y_token_major=True),
        Case("skinny_token_5", 200, 301, 5, **one, x_token_major=True, y_token_major=True, batch=(2,)),
        Case("skinny_token_17", 200, 304, 17, **one, x_token_major=True),
        Case("skinny_63", 80, 8192, 63, **one, out="f16"),
        Case("skinny_9", 80, 500, 9, **one, dtype="bf16"),
        Case("skinny_40", 80, 500, 40, **one),
        Case("skinny_many_rows", 17000, 72, 8, v=128, m=6, dynamic=False, out="f16"),
        Case("skinny_many_rows_1", 17000, 72, 1, v=64, m=6, dynamic=False, out="f16"),
        Case("large_skinny_m4_1", 17000, 2090, 1, v=128, m=4, **common),
        Case("skinny_tall_panel", 700, 512, 24, v=256, m=8, **common),
        Case("skinny_one_row", 1, 100, 1, v=64, m=4, dynamic=False),
        Case("skinny_one_group", 64, 3, 7, v=64, m=8, dynamic=False),
        Case("skinny_one_col", 64, 1, 4, v=16, m=4, dynamic=False),
        Case("skinny_ids_above_32767", 64, 40000, 2, v=32, m=64, **common),
        Case("skinny_wide_ids", 130, 70000, 8, v=64, m=64, wide_ids=True, **common),
        Case("skinny_wide_ids_1", 130, 70000, 1, v=64, m=64, wide_ids=True, **common),
        Case("skinny_wide_ids_resident", 130, 3000, 1, v=64, m=64, wide_ids=True, **common),
        Case("skinny_permuted", 200, 300, 12, v=64, m=8, permuted=True, **common),
        Case("skinny_accumulate", 200, 304, 8, **extra, out="f16", accumulate=True),
        Case("skinny_batch", 200, 304, 6, **extra, batch=(2, 2)),
        Case("skinny_batch_1", 72, 301, 1, **extra, batch=(3,)),
        Case("skinny_permuted_bias", 200, 304, 8, **extra, permuted=True, epilogue="bias", accumulate=True),
        Case("skinny_gelu_tanh", 200, 304, 1, **extra, out="f16", epilogue="gelu_tanh"),
        Case("skinny_scale_residual", 200, 304, 24, v=64, m=8, dynamic=False, out="bf16", epilogue="scale_residual", batch=(2,)),
        Case("large_skinny_1", 4096, 4096, 1, **extra, out="f16"),
        Case("large_skinny_16", 4096, 4096, 16, v=64, m=8, dynamic=False, out="f16"),
        Case("large_skinny_64", 4096, 4096, 64, v=128, m=16, dynamic=False, out="f16"),
        Case("large_skinny_m5", 8192, 8192, 8, v=128, m=5, dtype="bf16", **common),
        Case("large_skinny_m5_1", 8192, 8192, 1, v=64, m=5, **common),
    ]
    return cases + in_fragments(cases, SKINNY_IN_FRAGMENTS)


def get_cases(family):
    makers = {"wgmma_sp": make_wgmma_cases, "skinny": make_skinny_cases}
    return makers.get(family, make_cases)()


def make_cases():
    cases = []
    # The matrix: every M with every V; R, K and T ragged; types and layouts vary.
    for i, m in enumerate((4, 5, 6, 8, 16)):
        for j, v in enumerate((16, 32, 64, 128)):
            n = 4 * i + j
            cases.append(
                Case(
                    f"v{v}_m{m}", 200 + 7 * n, 301 + 13 * n, 75 + 8 * n - 11 * (n % 2),
                    v, m, dtype=("f16", "bf16")[(i + j) % 2],
                    out=("f32", "f16", "bf16", "f64")[n % 4],
                    x_token_major=bool((n // 2) % 2), y_token_major=bool((n // 3) % 2),
                    poison=True,
                )
            )
    extra = dict(v=64, m=8)
    cases += [
        Case("aligned", 256, 512, 128, **extra, dynamic=False),
        Case("aligned_dynamic", 256, 512, 128, **extra, poison=True),
        Case("aligned_bf16", 256, 512, 128, **extra, dtype="bf16", dynamic=False),
        Case("static_ragged", 129, 515, 33, **extra, dynamic=False, poison=True),
        Case("few_tokens", 256, 512, 8, **extra, dynamic=False),
        Case("one_token", 256, 512, 1, **extra, dynamic=False, x_token_major=True, y_token_major=True),
        Case("no_tokens", 256, 512, 0, **extra),
        Case("tall_panel", 700, 512, 96, v=256, m=8, poison=True),
        Case("fewer_rows_than_v", 40, 512, 96, v=128, m=8),
        Case("one_row", 1, 64, 17, v=16, m=8),
        Case("fewer_cols_than_m", 64, 3, 40, v=16, m=8),
        Case("one_col", 64, 1, 40, v=16, m=4),
        Case("ids_above_32767", 64, 40000, 24, v=32, m=64, poison=True),
        Case("wide_ids", 64, 70000, 24, v=32, m=64, wide_ids=True, poison=True),
        Case("permuted", 200, 300, 75, **extra, permuted=True, poison=True),
        Case("permuted_token_major", 200, 300, 75, **extra, permuted=True, y_token_major=True),
        Case("accumulate", 200, 300, 75, **extra, accumulate=True),
        Case("accumulate_f16", 200, 300, 75, **extra, out="f16", accumulate=True, y_token_major=True),
        Case("batch", 200, 300, 75, **extra, batch=(3,), poison=True),
        Case("batch_token_major", 200, 300, 75, **extra, batch=(2, 3), x_token_major=True, y_token_major=True),
        Case("batch_aligned", 200, 300, 72, **extra, batch=(3,), dynamic=False),
        Case("strided", 200, 300, 75, **extra, strided=True, accumulate=True),
        Case("bias", 200, 300, 75, **extra, out="f16", epilogue="bias"),
        Case("relu", 200, 300, 75, **extra, out="f16", epilogue="relu"),
        Case("gelu_erf", 200, 300, 75, **extra, epilogue="gelu_erf"),
        Case("gelu_tanh", 200, 300, 75, **extra, epilogue="gelu_tanh", x_token_major=True, y_token_major=True),
        Case("silu", 200, 300, 75, **extra, dtype="bf16", out="bf16", epilogue="silu"),
        Case("scale_residual", 200, 300, 75, **extra, epilogue="scale_residual", batch=(2,), y_token_major=True),
        Case("permuted_bias", 200, 300, 75, **extra, permuted=True, epilogue="bias", accumulate=True),
        Case("tensor", 200, 300, 75, **extra, out="f16", tensor=True, epilogue="relu"),
        Case("large_f16", 1024, 4096, 512, v=128, m=8, out="f16"),
        Case("large_bf16", 1024, 4096, 512, v=64, m=5, dtype="bf16", out="f32"),
        Case("large_m16", 2048, 4096, 256, v=128, m=16, out="f16", x_token_major=True, y_token_major=True),
    ]
    return cases + make_window_cases() + make_byte_cases()


def make_window_cases():
    """Panels that share a window of x: one, two or more of a warp; every width of
    copies; column ids in the last window that stand for no column."""
    window = lambda count, tokens: dict(schedule=f"family = mma_sp, token_tile = {tokens}, window = {count}")
    static = dict(dynamic=False, poison=True)
    y = dict(y_token_major=True)
    return [
        Case("window_v16_m4", 200, 301, 72, v=16, m=4, poison=True, **window(8, 64)),
        Case("window_v16_m5", 300, 403, 44, v=16, m=5, dtype="bf16", out="bf16", **window(16, 32), **static, **y),
        Case("window_v16_m8", 137, 300, 75, v=16, m=8, out="f16", **window(8, 64), **static),
        Case("window_v32_m4", 130, 260, 72, v=32, m=4, out="f16", epilogue="bias", **window(4, 64), **static, **y),
        Case("window_v32_m5", 200, 301, 75, v=32, m=5, poison=True, **window(4, 64), **y),
        Case("window_v32_m8", 264, 517, 130, v=32, m=8, dtype="bf16", **window(8, 128), **static),
        Case("window_v64_m4", 136, 322, 40, v=64, m=4, dtype="bf16", **window(2, 16), **static),
        Case("window_v64_m5", 340, 560, 96, v=64, m=5, out="f16", epilogue="scale_residual", batch=(2,), **window(4, 64), **static),
        Case("window_v64_m8", 328, 1030, 136, v=64, m=8, out="f16", epilogue="gelu_tanh", **window(4, 128), **static),
        # Whole tiles and stages: nothing is ragged.
        Case("window_aligned", 256, 512, 128, v=64, m=8, dynamic=False, **window(2, 128)),
        Case("window_all_columns", 256, 256, 64, v=16, m=4, dynamic=False, **window(16, 64)),
        Case("window_one_panel", 128, 300, 40, v=128, m=5, **window(1, 32), **static),
        Case("window_64_rows", 200, 300, 40, v=32, m=8, **window(2, 32), **static),
        Case("window_few_rows", 20, 300, 24, v=16, m=8, batch=(2,), poison=True, **window(8, 32)),
        Case("window_one_column", 64, 1, 40, v=16, m=4, **window(4, 32)),
        Case("window_wide_ids", 130, 1300, 24, v=32, m=64, wide_ids=True, **window(4, 16), **static),
        Case("window_permuted", 200, 300, 75, v=64, m=8, permuted=True, accumulate=True, **window(2, 64)),
        Case("window_no_tokens", 256, 512, 0, v=64, m=8, **window(2, 64)),
        Case("large_window", 1024, 4096, 512, v=64, m=8, out="f16", dynamic=False, **window(4, 128)),
        Case("large_window_v32", 1024, 4096, 512, v=32, m=5, dtype="bf16", out="f32", dynamic=False, **window(4, 128)),
    ]


def make_byte_cases():
    """Weights and activations of i8: every width of copies, with and without an epilogue."""
    common = dict(dtype="i8", out="i32")
    static = dict(common, dynamic=False)
    return [
        Case("i8_v16_m4", 72, 301, 75, v=16, m=4, **common),
        # Odd G: values are moved through registers; and odd words of metadata, loaded directly.
        Case("i8_v32_m5", 100, 301, 80, v=32, m=5, **static),
        Case("i8_v64_m8", 130, 260, 64, v=64, m=8, **common),
        Case("i8_v128_m16", 200, 1100, 136, v=128, m=16, **static),
        Case("i8_v64_m6", 100, 384, 42, v=64, m=6, **static),
        Case("i8_aligned", 256, 512, 128, v=128, m=8, **static),
        Case("i8_few_tokens", 64, 512, 4, v=16, m=8, **static),
        Case("i8_one_column", 16, 1, 1, v=16, m=4, **static),
        Case("i8_token", 100, 301, 33, v=64, m=5, batch=(2,), x_token_major=True, y_token_major=True, **static),
        Case("i8_token_x", 72, 512, 40, v=32, m=8, x_token_major=True, **common),
        Case("i8_token_y", 136, 300, 40, v=64, m=8, y_token_major=True, wide_ids=True, **static),
        Case("i8_permuted", 100, 300, 75, v=64, m=8, permuted=True, accumulate=True, **common),
        Case("i8_relu", 64, 300, 48, v=64, m=8, epilogue="integer_relu", **static),
        Case("i8_scale_bias", 136, 300, 48, v=64, m=8, dtype="i8", out="f16", dynamic=False, epilogue="scale_bias"),
        Case("i8_scale_residual", 72, 300, 40, v=32, m=8, dtype="i8", out="bf16", epilogue="scale_residual", batch=(2,)),
        Case("large_i8", 1024, 4096, 512, v=128, m=8, **static),
        Case("large_i8_m5", 1024, 4096, 511, v=64, m=5, dtype="i8", out="f32", epilogue="scale_bias"),
    ]
