# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests what of benchmarks/models runs without a GPU: the kernels it
# compiles, the networks, and the table.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %vnm_src

import json
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1]) / "benchmarks" / "models"
sys.path.insert(0, str(SOURCE))

import cases  # noqa: E402
import networks  # noqa: E402
import report  # noqa: E402
import torch  # noqa: E402


def run(*arguments):
    return subprocess.run([sys.executable, SOURCE / "run.py", *arguments], capture_output=True, text=True)


def test_build():
    done = run("build", "--dir", "bench", "--cases", "llama-decode-1", "--patterns", "64:2:8", "--format", "isa")
    assert done.returncode == 0, done.stderr
    assert "3 kernels compiled into bench" in done.stdout, done.stdout
    manifests = sorted(pathlib.Path("bench").rglob("manifest.json"))
    kernels = [json.loads(path.read_text())["kernels"][0] for path in manifests]
    sizes = sorted((kernel["rows"], kernel["cols"], kernel["tokens"]) for kernel in kernels)
    assert sizes == [(4096, 4096, 1), (4096, 11008, 1), (11008, 4096, 1)], sizes
    assert pathlib.Path("bench/run.py").exists() and pathlib.Path("bench/python/vnm/torch/_linear.py").exists()
    done = run("build", "--dir", "bench", "--cases", "vgg")
    assert done.returncode == 1 and "requires a case of deit-b, llama-prefill-2048" in done.stderr, done.stderr


def test_networks():
    torch.manual_seed(0)
    with torch.no_grad():
        deit = networks.DeiTBase(width=64, depth=2, heads=2, classes=10)
        assert deit(torch.randn(2, 3, 224, 224)).shape == (2, 10)
        measured = [name for name, module in deit.named_modules() if isinstance(module, torch.nn.Linear)]
        assert [name for name in measured if not cases.is_measured(name, None)] == ["head"]
        whole = networks.LlamaLayer(width=64, heads=2, hidden=128)
        x = torch.randn(1, 9, 64)
        expected = whole(x)
        # The last token alone, behind the keys and values of the others.
        last = networks.LlamaLayer(past=8, width=64, heads=2, hidden=128)
        last.load_state_dict(whole.state_dict())
        for token in range(9):
            last.past = token
            result = last(x[:, token : token + 1]) if token == 8 else fill(last, x[:, token : token + 1])
        assert torch.allclose(result[:, 0], expected[:, 8], atol=1e-5)


def fill(layer, x):
    """Writes one token's keys and values to its place in the caches."""
    normed, heads = layer.norm1(x), layer.heads
    key, value = (linear(normed).view(1, 1, heads, -1).transpose(1, 2) for linear in (layer.k_proj, layer.v_proj))
    half = key.shape[-1] // 2
    angles = (layer.past * 10000.0 ** -(torch.arange(half) / half)).repeat(2)
    layer.keys[:, :, layer.past] = networks.rotate(key, angles.cos(), angles.sin())[:, :, 0]
    layer.values[:, :, layer.past] = value[:, :, 0]


def test_report():
    kinds = {
        "spmm_0": "products",
        "nvjet_sm90_hsh_192x192_64x4_2x1_v_bz_coopB_bias_TNN": "products",
        "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7": "attention",
        "_transpose_tile": "transposes",
        "triton_poi_fused_clone_spmm_t_transpose_view_4": "transposes",
        "triton_poi_fused__scaled_dot_product_cudnn_attention_clone_permute_select_t_view_1": "transposes",
        "triton_poi_fused__scaled_dot_product_flash_attention_to_feature_major_transpose_view_2": "transposes",
        "triton_poi_fused_gelu_spmm_t_to_feature_major_view_3": "rest",
        "triton_poi_fused_clone_gelu_spmm_t_view_6": "rest",
        "triton_red_fused__fused_rms_norm_clone_spmm_t_view_0": "rest",
        "triton_poi_fused__to_copy__unsafe_view_add_arange_cat_copy_cos_div_mul_neg_pow_repeat_sin_slice_split": "rest",
        "Memset (Unknown)": "rest",
    }
    for name, kind in kinds.items():
        assert report.kind_of(name) == kind, (name, report.kind_of(name))
    entry = {
        "network": "deit-b", "weights": "64:2:8", "seconds": 2e-3, "dense_seconds": 3e-3, "error": 1e-3,
        "kernels": {"spmm_0": [48, 1e-3], "Memset (Unknown)": [12, 5e-4], "_transpose_tile": [1, 2e-4]},
    }
    assert report.format_row(entry) == "| deit-b | 64:2:8 | 2.000 | 1.50 | 1.000 | 0.000 | 0.200 | 0.500 | 1.0e-03 |"
    done = run("table", str(SOURCE / "h200-results.json"))
    assert done.returncode == 0 and done.stdout.count("\n| ") == 1 + 20, done.stdout


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
