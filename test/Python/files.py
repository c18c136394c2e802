# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests reading and writing of safetensors files from Python. An
# instrumented library needs an instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_python %s

import json
import os
import struct

import numpy as np
import vnm

RNG = np.random.default_rng(2)


def refuses(kind, text, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"requires {kind.__name__}: {text}")


def test_round_trip():
    weight = RNG.standard_normal((64, 72)).astype(np.float16)
    tensors = {
        "free": vnm.pack(weight, "16:2:8", form="free", permute_rows=True),
        "strict": vnm.pack(weight, "16:2:8"),
        "scalar": np.float32(3),
        "empty": np.zeros((0, 4), np.int64),
        "flag": np.array([True, False]),
        "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "bits": vnm.RawTensor("BF16", (2, 2), np.uint16([[1, 2], [3, 4]])),
        "größe": np.float64([1.5]),
    }
    vnm.save("a.safetensors", tensors, {"format": "pt"})
    assert os.listdir(".") == ["a.safetensors"]
    read = vnm.load("a.safetensors")
    assert sorted(read) == sorted(tensors)
    for name in ("free", "strict"):
        assert np.array_equal(read[name].to_dense(), tensors[name].to_dense())
        assert read[name].form == name
    assert read["strict"].rows is None and read["free"].rows is not None
    for name in ("scalar", "empty", "flag", "turned", "größe"):
        assert read[name].dtype == np.asarray(tensors[name]).dtype, name
        assert np.array_equal(read[name], tensors[name]), name
    assert read["bits"].view(np.uint16).tolist() == [[1, 2], [3, 4]]
    assert vnm.verify("a.safetensors") == ["free", "strict"]


def test_layout():
    """The file as the format says, read without the library."""
    with open("a.safetensors", "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    assert header["strict.vnm_values"]["shape"] == [64, 18]
    assert header["strict.vnm_columns"]["dtype"] == "I16"
    described = json.loads(header["__metadata__"]["vnm.strict"])
    assert (described["V"], described["M"], described["form"]) == (16, 8, "strict")
    assert header["__metadata__"]["format"] == "pt"


def test_arrays_outlive_files():
    file = vnm.SafetensorsFile("a.safetensors")
    raw = file.read_raw("turned")
    file.close()
    assert raw.array().tolist() == [[0, 3], [1, 4], [2, 5]]
    refuses(vnm.InvalidArgumentError, "is closed", file.names)


def test_refusals():
    refuses(vnm.FileError, "No such file", vnm.load, "none")
    refuses(OSError, "No such file", vnm.verify, "none")
    refuses(vnm.FileError, "cannot be written", vnm.save, "none/a", {})
    with open("a.safetensors", "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    begin = header["strict.vnm_metadata"]["data_offsets"][0]
    data[8 + length + begin] = 0
    with open("bad.safetensors", "wb") as file:
        file.write(data)
    refuses(vnm.FormatError, "packed weight 'strict': [S13]", vnm.verify, "bad.safetensors")
    with open("short.safetensors", "wb") as file:
        file.write(data[:-1])
    refuses(vnm.FormatError, "short.safetensors: requires", vnm.load, "short.safetensors")
    refuses(vnm.InvalidArgumentError, "dtype", vnm.save, "b", {"x": np.array(["a"])})
    refuses(vnm.InvalidArgumentError, "byte order", vnm.save, "b", {"x": np.array([1], ">i4")})
    refuses(vnm.InvalidArgumentError, "16 bytes", vnm.save, "b", {"x": vnm.RawTensor("F32", (4,), np.zeros(3, "f4"))})
    assert not os.path.exists("b")


for test in (test_round_trip, test_layout, test_arrays_outlive_files, test_refusals):
    test()
    print("passed", test.__name__)
