# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests the command line: compress on one file and on shards, through
# kills at random moments, inspect and verify. An instrumented library needs an
# instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_python %s

import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

import numpy as np

import vnm

RNG = np.random.default_rng(3)
COMMAND = [sys.executable, "-m", "vnm"]


def run(*arguments, status=0):
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == status, result
    return result


def fails(text, *arguments):
    result = run(*arguments, status=1)
    assert result.stderr.splitlines()[-1].startswith("error: ") and text in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float16)


def make_tensors(layers):
    tensors = {"model.embed_tokens.weight": normal(100, 64), "lm_head.weight": normal(100, 64)}
    for i in range(layers):
        tensors[f"model.layers.{i}.mlp.up.weight"] = normal(128, 64)
        tensors[f"model.layers.{i}.mlp.down.weight"] = normal(64, 128)
        tensors[f"model.layers.{i}.norm.weight"] = normal(64)
        tensors[f"model.layers.{i}.mlp.up.bias"] = normal(128)
    return tensors


def test_one_file():
    tensors = make_tensors(2)
    bits = (RNG.standard_normal((32, 64), dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)
    tensors["router.weight"] = vnm.RawTensor("BF16", bits.shape, bits)
    tensors["quantized.weight"] = np.ones((32, 64), np.int8)
    vnm.save("in.safetensors", tensors, {"format": "pt"})
    run("compress", "in.safetensors", "-o", "out.safetensors", "--pattern", "16:2:8", "--report", "report.json")
    read = vnm.load("out.safetensors")
    assert sorted(read) == sorted(tensors)
    router = tensors.pop("router.weight")
    dense = vnm.pack(router.data, "16:2:8", dtype="bf16").to_dense().view(np.uint16)
    assert np.array_equal(read["router.weight"].to_dense().view(np.uint16), dense)
    for name, tensor in tensors.items():
        if ".mlp." in name and name.endswith("weight"):
            assert np.array_equal(read[name].to_dense(), vnm.pack(tensor, "16:2:8").to_dense())
        else:
            assert np.array_equal(read[name], tensor), name
    with vnm.SafetensorsFile("out.safetensors") as file:
        assert file.metadata()["format"] == "pt"
    report = json.loads(pathlib.Path("report.json").read_text())
    rows = {row["name"]: row for row in report["tensors"]}
    up = rows["model.layers.0.mlp.up.weight"]
    scores = vnm.importance(tensors[up["name"]])
    assert abs(up["retained"] - vnm.structure(tensors[up["name"]], "16:2:8").retained(scores)) < 1e-9
    assert up["bytes"] < up["dense_bytes"] * 0.4 and "pattern" not in rows["lm_head.weight"]
    assert not pathlib.Path("out.safetensors.parts").exists()
    # An output is not written over by accident; packed weights go through as they are.
    fails("requires --force", "compress", "in.safetensors", "-o", "out.safetensors", "--pattern", "16:2:16")
    done = run("compress", "in.safetensors", "-o", "out.safetensors", "--pattern", "16:2:8")
    assert done.stdout == "out.safetensors is complete already\n"
    run("compress", "out.safetensors", "-o", "again.safetensors", "--quiet")
    again = vnm.load("again.safetensors")
    assert all(
        np.array_equal(getattr(again[name], "values", again[name]), getattr(x, "values", x)) for name, x in read.items()
    )
    run(
        "compress", "in.safetensors", "-o", "out.safetensors", "--force", "--free", "--permute", "--layers", "up.weight"
    )
    free = vnm.load("out.safetensors")
    assert free["model.layers.1.mlp.up.weight"].form == "free"
    assert isinstance(free["model.layers.1.mlp.down.weight"], np.ndarray)


def test_transposed():
    weight = normal(64, 192)  # in x out
    vnm.save("gpt2.safetensors", {"h.0.attn.c_attn.weight": weight})
    warned = run("compress", "gpt2.safetensors", "-o", "wrong.safetensors")
    assert "--transposed" in warned.stderr, warned.stderr
    run("compress", "gpt2.safetensors", "-o", "right.safetensors", "--transposed", r"c_attn|c_proj|c_fc")
    packed = vnm.load("right.safetensors")["h.0.attn.c_attn.weight"]
    assert packed.shape == (192, 64)
    assert np.array_equal(packed.to_dense(), vnm.pack(weight.T).to_dense())
    with vnm.SafetensorsFile("right.safetensors") as file:
        assert json.loads(file.metadata()["vnm_transposed"]) == ["h.0.attn.c_attn.weight"]
    run("compress", "right.safetensors", "-o", "twice.safetensors")
    with vnm.SafetensorsFile("twice.safetensors") as file:
        assert json.loads(file.metadata()["vnm_transposed"]) == ["h.0.attn.c_attn.weight"]


def test_bad_layers():
    bad = normal(64, 64)
    bad[5, 6] = np.inf
    vnm.save("bad.safetensors", {"a.weight": normal(64, 64), "b.weight": bad, "c.bias": normal(3)})
    arguments = ["compress", "bad.safetensors", "-o", "bad.out"]
    fails("b.weight: requires finite weights, but element (5, 6) is inf", *arguments)
    assert not pathlib.Path("bad.out").exists()
    # What is done stays for the next run, which must be the same.
    fails("they changed", *arguments, "--keep-bad")
    shutil.rmtree("bad.out.parts")
    pathlib.Path("bad.out.tmp-99-0").touch()  # As a kill leaves it.
    run(*arguments, "--keep-bad", "--report", "bad.json")
    assert not pathlib.Path("bad.out.tmp-99-0").exists()
    assert "left dense: requires finite" in pathlib.Path("bad.json").read_text()
    fails("c.bias: requires a matrix", "compress", "bad.safetensors", "-o", "x", "--layers", "bias")
    fails("V is 63", "compress", "bad.safetensors", "-o", "x", "--pattern", "63:2:8")
    fails("regular expression", "compress", "bad.safetensors", "-o", "x", "--layers", "(")
    for option in ("layers", "transposed"):
        text = f"requires {option} that match the name of a tensor, but 'c_atn' matches none"
        fails(text, "compress", "bad.safetensors", "-o", "x", f"--{option}", "c_atn")
    fails("no writable folder", "compress", "bad.safetensors", "-o", "x", "--report", "none/report.html")
    fails("there is no 'none'", "compress", "none", "-o", "x")
    fails("is both", "compress", "bad.safetensors", "-o", "bad.safetensors")
    fails("No such file", "compress", "bad.safetensors", "-o", "none/x")
    pathlib.Path("y.parts").mkdir()
    pathlib.Path("y.parts/mine").touch()
    fails("for parts only", "compress", "bad.safetensors", "-o", "y")


def test_norms_and_report():
    weights = {f"{name}.weight": normal(64, 64) for name in ("a", "b<i>")}
    norms = {name: np.abs(RNG.standard_normal(64)).astype(np.float32) for name in weights}
    vnm.save("dense.safetensors", weights)
    vnm.save("norms.safetensors", norms)
    arguments = ["compress", "dense.safetensors", "-o", "wanda.safetensors", "--force"]
    run(*arguments, "--criterion", "wanda", "--norms", "norms.safetensors", "--report", "wanda.html")
    for name, packed in vnm.load("wanda.safetensors").items():
        expected = vnm.pack(weights[name], criterion="wanda", activation_norms=norms[name])
        assert np.array_equal(packed.to_dense(), expected.to_dense())
    page = pathlib.Path("wanda.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and "2 of 2 tensors are compressed: 16384 bytes became 4736" in page
    assert "<td>b&lt;i&gt;.weight</td>" in page and "b<i>" not in page and 'src="' not in page
    assert ("<svg" in page) == vnm.plot.is_available() and "norms = norms.safetensors" in page
    fails("requires norms of the layers' inputs for wanda", *arguments, "--criterion", "wanda")
    fails("requires the criterion wanda or ria with norms", *arguments, "--norms", "norms.safetensors")
    with_norms = [*arguments, "--criterion", "wanda", "--norms"]
    fails("No such file", *with_norms, "none.safetensors")
    del norms["a.weight"]
    norms["b<i>.weight"] = norms["b<i>.weight"][:63]
    vnm.save("norms.safetensors", norms)
    fails("a.weight: requires the norms of its inputs in 'norms.safetensors'", *with_norms, "norms.safetensors")
    shutil.rmtree("wanda.safetensors.parts")
    run(*with_norms, "norms.safetensors", "--keep-bad", "--report", "bad.json")
    notes = {row["name"]: row["note"] for row in json.loads(pathlib.Path("bad.json").read_text())["tensors"]}
    assert "not there" in notes["a.weight"] and "63" in notes["b<i>.weight"], notes
    vnm.save("norms.safetensors", {name: np.full(64, np.nan, np.float32) for name in weights})
    fails("nan", *with_norms, "norms.safetensors")
    shutil.rmtree("wanda.safetensors.parts")
    vnm.save("norms.safetensors", {name: np.ones(64, np.int8) for name in weights})
    fails("requires norms of F16, F32 or F64 in 'norms.safetensors', but they are I8", *with_norms, "norms.safetensors")


def make_shards():
    tensors = make_tensors(12)
    pathlib.Path("sharded").mkdir()
    weight_map = {}
    for number in range(3):
        file = f"model-{number + 1:05}-of-00003.safetensors"
        names = sorted(tensors)[number::3]
        vnm.save(f"sharded/{file}", {name: tensors[name] for name in names}, {"format": "pt"})
        weight_map.update((name, file) for name in names)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    pathlib.Path("sharded/model.safetensors.index.json").write_text(json.dumps(index))
    return tensors


def test_shards_and_kills():
    tensors = make_shards()
    arguments = ["compress", "sharded", "--pattern", "16:2:8", "--free", "--permute", "--quiet", "-o"]
    started = time.monotonic()
    run(*arguments, "expected")
    whole = time.monotonic() - started
    index = json.loads(pathlib.Path("expected/model.safetensors.index.json").read_text())
    shards = sorted(set(index["weight_map"].values()))
    assert len(shards) == 3
    for name, file in index["weight_map"].items():
        with vnm.SafetensorsFile(f"expected/{file}") as opened:
            assert name in opened.names()
    read = {name: value for file in shards for name, value in vnm.load(f"expected/{file}").items()}
    assert sorted(read) == sorted(tensors)

    # Killed at random moments, the end is the same to the byte, and kills do
    # come before it.
    moments, kills = random.Random(0), 0
    for _ in range(200):
        process = subprocess.Popen([*COMMAND, *arguments, "resumed"])
        try:
            process.wait(moments.uniform(0.3, 0.9) * whole)
            if kills > 0:
                break
            # The machine has become faster than it was for the first run.
            shutil.rmtree("resumed")
            whole /= 2
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert process.returncode == 0 and kills > 0, (process.returncode, kills)
    print("kills:", kills)
    for path in pathlib.Path("expected").iterdir():
        assert path.read_bytes() == (pathlib.Path("resumed") / path.name).read_bytes(), path
    assert len(list(pathlib.Path("resumed").iterdir())) == len(list(pathlib.Path("expected").iterdir()))
    assert not pathlib.Path("resumed.parts").exists()


def test_inspect_and_verify():
    shown = run("inspect", "out.safetensors").stdout
    assert "64:2:8 free, rows permuted" in shown and "lm_head.weight" in shown
    listed = json.loads(run("inspect", "out.safetensors", "--json").stdout)["out.safetensors"]
    assert {row["name"] for row in listed} == set(vnm.load("out.safetensors"))
    assert "2 packed weights are as the format says" in run("verify", "out.safetensors").stdout
    data = bytearray(pathlib.Path("out.safetensors").read_bytes())
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    data[8 + length + header["model.layers.0.mlp.up.weight.vnm_metadata"]["data_offsets"][0]] = 0
    pathlib.Path("broken.safetensors").write_bytes(data)
    fails("packed weight 'model.layers.0.mlp.up.weight': [S13]", "verify", "out.safetensors", "broken.safetensors")
    assert run("--version").stdout == "vnm 0.1.0\n"
    assert "usage" in run(status=2).stderr


TESTS = [test_one_file, test_transposed, test_bad_layers, test_norms_and_report]
for test in [*TESTS, test_shards_and_kills, test_inspect_and_verify]:
    test()
    print("passed", test.__name__)
