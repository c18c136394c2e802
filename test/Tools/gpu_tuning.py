# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests what of the tuner and of the check of choices runs without a GPU:
# the listing and the choice of the compiler, the log that survives interruption, the
# table, the progress bar.
#
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %vnm_src %t %vnm_obj

import io
import json
import pathlib
import subprocess
import sys

SOURCE, OUT, BUILD = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(SOURCE / "benchmarks" / "gpu"))

import cases  # noqa: E402
import choice  # noqa: E402
import progress  # noqa: E402
import schedules  # noqa: E402
import tune  # noqa: E402

VNM_OPT = str(BUILD / "bin" / "vnm-opt")
FACTS = {"device": "Some GPU", "driver": "1", "date": "2026-01-01"}
NARROW, WIDE = "family = wgmma_sp, token_tile = 64", "family = wgmma_sp, token_tile = 128"


def test_schedules_come_from_the_compiler():
    work = [cases.Case(256, 512, 128, 64, 8), cases.Case(256, 512, 100, 64, 8)]
    texts = [case.schedule for case in schedules.with_schedules(VNM_OPT, "sm_90a", work, "all")]
    assert [text for text in texts if "wgmma_sp" in text] == [NARROW, WIDE], texts
    assert "family = mma_sp, row_tile = 64, token_tile = 128" in texts and len(set(texts)) > 5, texts
    texts = [case.schedule for case in schedules.with_schedules(VNM_OPT, "sm_90a", work, "families")]
    assert texts == ["family = mma_sp", "family = wgmma_sp", "family = mma_sp"], texts
    assert schedules.with_schedules(VNM_OPT, "sm_80", work, "default") == work
    # Texts are taken as they are; mma_sp reads canonical weights only.
    forced = schedules.with_texts([cases.Case(256, 512, 128, 64, 8, fragments=True)], [NARROW, "family = mma_sp, window = 4"])
    assert [(case.schedule, case.fragments) for case in forced] == [
        (NARROW, True), ("family = mma_sp, window = 4", False)], forced
    # What was listed compiles.
    for case in schedules.with_schedules(VNM_OPT, "sm_90a", work[:1], "all"):
        schedules.run_vnm_opt(VNM_OPT, cases.to_mlir(case), "--convert-vnm-to-gpu=chip=sm_90a")
    for epilogue in cases.EPILOGUES:
        case = cases.Case(256, 512, 128, 64, 8, epilogue=epilogue)
        schedules.run_vnm_opt(VNM_OPT, cases.to_mlir(case), "--convert-vnm-to-gpu=chip=sm_90a")


def result(microseconds, schedule=None, tokens=128, **more):
    entry = {"rows": 256, "cols": 512, "tokens": tokens, "microseconds": microseconds, "correct": True}
    if schedule is None:
        return {**entry, "contestant": "cublas", "pattern": "dense", **more}
    return {**entry, "contestant": "vnm", "pattern": "64:2:8", "family": "wgmma_sp", "schedule": schedule,
            "epilogue": "none", "layout": "feature_major", **more}


def log_of(shape, results, device="Some GPU"):
    return {"dtype": "f16", "shape": shape, "kernels": ["a", "b"], "facts": {**FACTS, "device": device},
            "results": results}


def test_plan_goes_on_after_interruptions():
    kernels = {(1, 1, 1): ["a"], (2, 2, 2): ["a", "b"], (3, 3, 3): ["a"], (4, 4, 4): ["a"], (5, 5, 5): ["c"]}
    log = [
        {"dtype": "f16", "shape": [1, 1, 1]}, {**log_of([1, 1, 1], []), "kernels": ["a"]},
        {**log_of([2, 2, 2], []), "kernels": ["a"]},  # Another kernel was compiled since.
        {"dtype": "f16", "shape": [3, 3, 3]},  # Interrupted once: tried again.
        {"dtype": "f16", "shape": [4, 4, 4]}, {"dtype": "f16", "shape": [4, 4, 4]},  # Twice: left out.
    ]
    assert tune.plan(kernels, log) == ([(2, 2, 2), (3, 3, 3), (5, 5, 5)], [(4, 4, 4)])


def test_log_survives_a_torn_line():
    folder = OUT / "torn"
    folder.mkdir()
    assert tune.read_log(folder) == []
    tune.append_log(folder, {"n": 1})
    with open(folder / tune.LOG, "a") as file:
        file.write('{"n": 2, "resul')
    assert tune.read_log(folder) == [{"n": 1}]
    tune.append_log(folder, {"n": 3})
    assert tune.read_log(folder) == [{"n": 1}, {"n": 3}]


def run_tune(*arguments):
    command = [sys.executable, str(SOURCE / "benchmarks" / "gpu" / "tune.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def write_table():
    """A table with a wrong result left out and the older entry of a product replaced."""
    folder = OUT / "measured"
    folder.mkdir(exist_ok=True)
    results = [result(20.0), result(9.0, {"token_tile": 64}), result(7.0, {"token_tile": 128}),
               result(1.0, {"token_tile": 256}, correct=False)]
    (folder / tune.LOG).write_text(json.dumps(log_of([256, 512, 128], results)) + "\n")
    old = {"dtype": "f16", "rows": 256, "cols": 512, "tokens": 128, "pattern": "64:2:8", "family": "wgmma_sp",
           "schedule": {"token_tile": 64}, "microseconds": 99.0}
    other = {**old, "tokens": 4096}
    (OUT / "old.json").write_text(json.dumps({"version": 1, "device": "Some GPU, driver 0", "entries": [old, other]}))
    done = run_tune("write", "--dir", folder, "-o", OUT / "costs.json", "--into", OUT / "old.json")
    assert done.returncode == 0, done.stderr
    return OUT / "costs.json"


def test_table():
    table = json.loads(write_table().read_text())
    times = [(e["tokens"], e.get("schedule"), e["microseconds"]) for e in table["entries"]]
    assert times == [(4096, {"token_tile": 64}, 99.0), (128, None, 20.0), (128, {"token_tile": 64}, 9.0),
                     (128, {"token_tile": 128}, 7.0)], times
    (OUT / "old.json").write_text(json.dumps({"version": 1, "device": "Another GPU", "entries": []}))
    done = run_tune("write", "--dir", OUT / "measured", "-o", OUT / "mixed.json", "--into", OUT / "old.json")
    assert done.returncode == 1 and "requires measurements of one device, but they are of" in done.stderr, done
    done = run_tune("write", "--dir", OUT, "-o", OUT / "none.json")
    assert done.returncode == 1 and "requires measurements in" in done.stderr, done


def test_choice_is_compared_with_the_best():
    table = write_table()
    facts = {"dtype": "f16", "results": [result(20.0), result(9.0, {"token_tile": 64}), result(8.9, {"token_tile": 128})]}
    # By the table the wide tile, which is the best of these results, too.
    assert choice.check(facts, VNM_OPT, "sm_90a", str(table), 3.0) == 0
    facts["results"][1]["microseconds"] = 8.0
    item, = choice.compare(facts, VNM_OPT, "sm_90a", str(table))
    assert (item.chosen, item.best) == (WIDE, NARROW) and abs(item.loss - 0.1125) < 1e-9, item
    assert choice.check(facts, VNM_OPT, "sm_90a", str(table), 3.0) == 1
    assert choice.check(facts, VNM_OPT, "sm_90a", str(table), 12.0) == 0
    del facts["results"][2]
    assert choice.compare(facts, VNM_OPT, "sm_90a", str(table))[0].loss == float("inf")


def test_committed_table():
    work = [cases.Case(4096, 4096, 4096, 128, 8), cases.Case(4096, 4096, 64, 64, 16), cases.Case(640, 640, 1000, 128, 8)]
    table = SOURCE / "benchmarks" / "gpu" / "h200-costs.json"
    texts = schedules.chosen(VNM_OPT, "sm_90a", str(table), work)
    many, few, between = map(schedules.family_of, texts)
    assert (many, few, between) == ("wgmma_sp", "skinny", "wgmma_sp"), texts


MODEL = """
func.func @f(%x: tensor<512x?xf16>, %w: tensor<256x512xf16, #vnm.encoding<64:2:8>>, %y: tensor<256x?xf16>)
    -> tensor<256x?xf16> {
  %0 = vnm.matmul ins(%w, %x : tensor<256x512xf16, #vnm.encoding<64:2:8>>, tensor<512x?xf16>)
      outs(%y : tensor<256x?xf16>) -> tensor<256x?xf16>
  return %0 : tensor<256x?xf16>
}
"""


def test_products_of_a_model():
    (OUT / "model.mlir").write_text(MODEL)
    arguments = ["compile", "--dir", OUT / "kernels", "--build", BUILD, "--chip", "sm_80", "--from", OUT / "model.mlir"]
    done = run_tune(*arguments)
    assert done.returncode == 1 and "requires --tokens" in done.stderr, done
    options = type("Options", (), {"model": OUT / "model.mlir", "build": BUILD, "chip": "sm_80", "sparsify": "",
                                   "tokens": 72})
    assert tune.products_of_model(options) == [cases.Case(256, 512, 72, 64, 8)]
    done = run_tune(*arguments, "--tokens", 72, "--families", "mma_sp", "wgmma_sp")
    assert done.returncode == 1 and "requires families of mma_sp, but one is 'wgmma_sp'" in done.stderr, done


def test_progress():
    now = [0.0]
    stream = io.StringIO()
    bar = progress.Bar(2, "shapes", stream, lambda: now[0])
    bar.show("first")
    bar.advance()
    now[0] = 65.0
    bar.show("second")
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"[{'.' * 30}] 0 of 2 shapes  first", lines
    assert lines[1] == f"[{'#' * 15}{'.' * 15}] 1 of 2 shapes, 1:05 left  second", lines


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
