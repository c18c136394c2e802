# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests what of benchmarks/gpu runs without a GPU: the manifest's rules,
# the search that survives its child, the table and the cost table.
#
# RUN: %python %s %vnm_src %t
# RUN: vnm-opt %t/layer.mlir --vnm-select-pattern="speedup=2 tokens=128 candidates=64:2:4,64:2:8 cost-table=%t/costs.json" \
# RUN:   --remarks-filter=vnm-select --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s
#
# CHECK: layer fc: 64:2:8, 40.0 us (measured), dense 100.0 us

import ctypes
import json
import pathlib
import sys

SOURCE, OUT = map(pathlib.Path, sys.argv[1:])
OUT.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(SOURCE / "benchmarks" / "gpu"))

import cases  # noqa: E402
import cusparselt  # noqa: E402
import manifest  # noqa: E402
import report  # noqa: E402
import transposes  # noqa: E402

ENTRY = {
    "name": "k", "code": "k.cubin", "tokens": "tokens", "batch": ["batch0", 2], "threads": 128, "shared_memory": 0,
    "grid": {"row_tiles": 4, "token_tile": 64},
    "arguments": [
        {"name": "x", "kind": "memref", "shape": ["batch0", 2, 5, "tokens"]}, {"name": "tokens", "kind": "size"},
    ],
}


def test_manifest():
    kernel = manifest.Kernel(".", ENTRY)
    assert kernel.num_blocks({"tokens": 65, "batch0": 3}) == 4 * 2 * 3 * 2
    assert kernel.num_blocks({"tokens": 0, "batch0": 3}) == 0
    limited = manifest.Kernel(".", {**ENTRY, "grid": {**ENTRY["grid"], "max_blocks": 5}})
    assert limited.num_blocks({"tokens": 65, "batch0": 3}) == 5
    assert kernel.threads == 128


class FakeDriver:
    """What of the driver a launch calls; keeps what it was given."""

    def __init__(self):
        self.launches = []

    def succeed(self, *_):
        return 0

    cuModuleLoadData = cuModuleGetFunction = cuModuleUnload = succeed

    def cuLaunchKernelEx(self, config, function, parameters, extra):
        config = config._obj
        values = [ctypes.cast(slot, ctypes.POINTER(ctypes.c_int64))[0] for slot in parameters]
        self.launches.append((list(config.grid), list(config.block), config.stream, config.num_attributes, values))
        return 0 if values[0] else 1

    def cuGetErrorString(self, result, text):
        text._obj.value = b"invalid argument"

    def cuDriverGetVersion(self, version):
        version._obj.value = 13010


def test_launch():
    import _launcher

    driver, loads = FakeDriver(), _launcher._library
    _launcher._library = lambda: driver
    try:
        (OUT / "k.cubin").write_bytes(b"code")
        kernel = manifest.Kernel(OUT, {**ENTRY, "dependent_launch": True})
        launch = kernel.prepare({"tokens": 65, "batch0": 3}, dependent=True)
        assert launch.buffers == ["x"]
        launch({"x": 0x1000}, 9)
        launch({}, 10)
        values = [0x1000, 0x1000, 0, 3 * 2 * 5 * 65, 1, 65]
        assert driver.launches == [([48, 1, 1], [128, 1, 1], stream, 1, values) for stream in (9, 10)], driver.launches
        kernel.prepare({"tokens": 0, "batch0": 3})({"x": 0x1000}, 9)
        assert len(driver.launches) == 2
        manifest.Kernel(OUT, ENTRY).prepare({"tokens": 1, "batch0": 1}, dependent=True)({"x": 1}, 9)
        assert driver.launches[-1][3] == 0
        try:
            launch({"x": 0}, 9)
            raise AssertionError("requires a failure")
        except _launcher.DriverError as error:
            assert str(error) == (
                "requires cuLaunchKernelEx to succeed, but the driver (CUDA 13.1) says: invalid argument"
            )
        kernel.unload()
    finally:
        _launcher._library = loads


def test_cases():
    assert cases.parse_shapes(["1x2x3", "tokens", "1x2x3"])[:2] == [(1, 2, 3), (4096, 4096, 1)]
    assert cases.parse_patterns(["64:2:5"]) == [(64, 5)]
    text = cases.to_mlir(cases.Case(300, 301, 77, 64, 5))
    assert "memref<300x122xf16>, memref<300x16xi16>, memref<5x244xi16>, memref<301x77xf16>" in text, text
    case = cases.Case(300, 301, 77, 64, 5, schedule="family = wgmma_sp, token_tile = 64", epilogue="bias")
    assert case.name == "300x301x77_64_2_5_f16_bias_default_family-wgmma_sp-token_tile-64", case.name
    assert "outs(%y : memref<300x77xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>}" in cases.to_mlir(case)


def test_layouts():
    mixed = cases.Case(300, 301, 72, 64, 5, y_token_major=True)
    text = cases.to_mlir(mixed)
    assert mixed.name == "300x301x72_64_2_5_f16_y-token_default", mixed.name
    assert "memref<301x72xf16>)\n      outs(%y : memref<72x300xf16>) {y_layout = #vnm.activation_layout<token_major>}" in text, text
    text = cases.to_mlir(cases.Case(300, 301, 72, 64, 5, token_major=True))
    assert "memref<72x301xf16>)\n      outs(%y : memref<72x300xf16>) {x_layout = #vnm.activation_layout<token_major>, y_layout" in text, text
    names = ["token_major", "feature_major"]
    shown = [report.contestant_name(entry("vnm", "64:2:8", 1.0, family="f", variant="default", layout="feature_major", y_layout=y))
             for y in names]
    assert shown == ["f, token-major y", "f"], shown


def test_transposes():
    assert transposes.parse_shapes(["768x25216"]) == [(768, 25216)]
    one = transposes.Transpose(768, 25216, "f16", "token_major")
    assert "ins(%x : memref<768x25216xf16>) outs(%y : memref<25216x768xf16>)" in one.to_mlir(), one.to_mlir()
    rows = transposes.format_rows(one, [("copy", 20e-6, True), ("transpose", 25e-6, True), ("PyTorch", 1e-4, False)])
    assert rows[0] == "| 768 x 25216 | token-major | copy | 20.0 | 3873 | 1.00 |", rows
    assert rows[1] == "| 768 x 25216 | token-major | transpose | 25.0 | 3099 | 0.80 |", rows
    assert "PyTorch WRONG" in rows[2] and rows[2].endswith("| 0.20 |"), rows


# Which candidates of a child do what: all others give a time, id1 the best.
CHILD = """
import json, os, sys, time
sys.path.insert(0, sys.argv[1])
import cusparselt
work, barred = json.loads(sys.argv[3]), json.loads(sys.argv[4])
print("a library says something")
print(json.dumps({"ready": True}), flush=True)
for shape, first in work:
    for item in range(first, len(cusparselt.ITEMS)):
        name = cusparselt.ITEMS[item][1]
        if name in barred:
            continue
        event = {"shape": shape, "item": item}
        print(json.dumps(event), flush=True)
        if name == "id2":
            print("illegal instruction", file=sys.stderr, flush=True)
            os._exit(3)
        if name == "search":
            time.sleep(600)
        seconds = {"default": 3.0, "id1": 1.0, "id3": None}.get(name, 2.0)
        error = None if seconds else "not supported"
        print(json.dumps({**event, "seconds": seconds, "algorithm": [item, 1, -1], "error": error}), flush=True)
"""


def search(child, **limits):
    (OUT / "child.py").write_text(child)
    command = [sys.executable, str(OUT / "child.py"), str(SOURCE / "benchmarks" / "gpu")]
    shapes = [(64, 64, 8), (64, 65, 8), (128, 64, 8)]
    return cusparselt.find_algorithms(shapes, "f16", command, cusparselt.Limits(**limits))


def test_cases_of_bytes():
    case = cases.with_layout(cases.Case(64, 64, 16, 64, 8, "i8"), "sm_90a", "fragments")
    text = cases.to_mlir(case)
    assert "%values: memref<64x16xi8>" in text and "%x: memref<64x16xi8>, %y: memref<64x16xi32>" in text, text


def test_search_survives_its_children():
    """One child dies, one hangs; each costs one candidate, and no other child tries
    it again."""
    found = search(CHILD, start=60, candidate=2, total=120)
    assert set(found.best) == {(64, 64, 8), (128, 64, 8)}, found
    for shape in found.best:
        fastest = found.fastest(shape, 4)
        assert {layout for _, layout, _ in fastest} == set(cusparselt.LAYOUTS), found
        for seconds, layout, algorithm in fastest:
            assert seconds == 1.0 and cusparselt.ITEMS[algorithm[0]] == (layout, "id1"), fastest
        assert found.fastest(shape) == fastest[:2]
    causes = [(f["candidate"], f["cause"]) for f in found.failures]
    assert causes.count(("id2", "died: exit status 3, illegal instruction")) == 1, causes
    assert causes.count(("search", "hung for 2 s")) == 1, causes
    # In both shapes and all layouts.
    assert causes.count(("id3", "not supported")) == 8 and len(causes) == 10, causes
    # id2 and search are barred once they failed.
    assert found.tried == 2 * 4 * len(cusparselt.CANDIDATES) - 7 - 7, found.tried
    assert found.ended is None
    assert found.summary().startswith("10 of 90 candidates failed (id2: died"), found.summary()


def test_search_ends_in_time():
    found = search(CHILD.replace("os._exit(3)", "time.sleep(600)"), start=60, candidate=600, total=3)
    assert found.ended == "3 s are over", found
    # What was found until then counts.
    assert set(found.best) == {(64, 64, 8)} and found.failures[-1]["candidate"] == "id2", found


def test_search_gives_up_on_children_that_do_not_start():
    found = search("import sys; sys.exit('no GPU')", start=60)
    assert found.ended == "two children did not start: died: exit status 1, no GPU", found
    assert not found.best and found.tried == 0
    found = search("import time; time.sleep(600)", start=1)
    assert found.ended == "two children did not start: hung for 1 s", found


def entry(contestant, pattern, microseconds, **more):
    return {
        "rows": 64, "cols": 64, "tokens": 128, "contestant": contestant, "pattern": pattern,
        "microseconds": microseconds, "ratio": 100 / microseconds, "logical_tflops": 1.0, "error": 1e-4,
        "correct": True, **more,
    }


def test_report():
    ours = {"family": "mma_sp", "variant": "default", "schedule": {}}
    tiled = {"family": "wgmma_sp", "variant": "family = wgmma_sp, token_tile = 64", "schedule": {"token_tile": 64}}
    results = [
        entry("cublas", "dense", 100.0), entry("cusparselt", "2:4", 60.0), entry("vnm", "64:2:4", 90.0, **ours),
        entry("vnm", "64:2:8", 40.0, **ours), entry("vnm", "64:2:8", 1.0, **{**ours, "correct": False}),
        entry("vnm", "64:2:8", 50.0, **tiled), entry("vnm", "64:2:8", 55.0, **tiled, epilogue="bias", over_plain=1.1),
    ]
    facts = {"dtype": "f16", "device": "invented", "driver": "1", "date": "2026-01-01"}
    text = report.make_cost_table({**facts, "results": results})
    (OUT / "costs.json").write_text(text)
    entries = [(e["pattern"], e["family"], e.get("schedule"), e["microseconds"]) for e in json.loads(text)["entries"]]
    assert entries == [
        ("dense", "cublas", None, 100.0), ("64:2:4", "mma_sp", None, 90.0), ("64:2:8", "mma_sp", None, 40.0),
        ("64:2:8", "wgmma_sp", {"token_tile": 64}, 50.0),
    ], entries
    written = report.format_results(facts, results)
    assert json.loads(written) == {**facts, "results": results} and written.count("\n") == len(results) + 2
    assert json.loads(report.format_results(facts, [])) == {**facts, "results": []}
    assert report.format_row(results[3]).startswith("| 64 x 64 x 128 | 64:2:8 | mma_sp | 40.0 | 2.50 |")
    assert "WRONG" in report.format_row(results[4])
    assert "| wgmma_sp (token_tile = 64) | 50.0 |" in report.format_row(results[5])
    assert "| wgmma_sp (token_tile = 64) + bias (1.10 x plain) | 55.0 |" in report.format_row(results[6])


LAYER = """
func.func @layer(%x: tensor<64x128xf16>) -> tensor<64x128xf16> {
  %w = arith.constant dense<1.0> : tensor<64x64xf16>
  %zero = arith.constant 0.0 : f16
  %empty = tensor.empty() : tensor<64x128xf16>
  %init = linalg.fill ins(%zero : f16) outs(%empty : tensor<64x128xf16>) -> tensor<64x128xf16>
  %y = linalg.matmul {vnm.layer = "fc", vnm.sparsity = #vnm.sparsity<64:2:4>} ins(%w, %x : tensor<64x64xf16>, tensor<64x128xf16>) outs(%init : tensor<64x128xf16>)
      -> tensor<64x128xf16>
  return %y : tensor<64x128xf16>
}
"""

for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
(OUT / "layer.mlir").write_text(LAYER)
