# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches kernels of a manifest (docs/aot.md) over the CUDA driver API."""

import ctypes
import json
import os

VERSION = 1
MAX_DYNAMIC_SHARED_SIZE_BYTES = 8  # CU_FUNC_ATTRIBUTE_...
PROGRAMMATIC_STREAM_SERIALIZATION = 6  # CU_LAUNCH_ATTRIBUTE_...
TENSOR_MAP_TYPES = {"f16": 6, "bf16": 9}  # CU_TENSOR_MAP_DATA_TYPE_...
SWIZZLE_128B = L2_PROMOTION_256B = 3  # CU_TENSOR_MAP_...


class LaunchAttribute(ctypes.Structure):
    """CUlaunchAttribute; of its union of 64 bytes, the int that is needed here."""

    _fields_ = [("id", ctypes.c_int), ("padding", ctypes.c_int), ("value", ctypes.c_int), ("rest", ctypes.c_int * 15)]


class LaunchConfig(ctypes.Structure):
    """CUlaunchConfig"""

    _fields_ = [("grid", ctypes.c_uint * 3), ("block", ctypes.c_uint * 3), ("shared_memory", ctypes.c_uint),
                ("stream", ctypes.c_void_p), ("attributes", ctypes.POINTER(LaunchAttribute)),
                ("num_attributes", ctypes.c_uint)]


class Driver:
    """libcuda, with errors as exceptions. A context must be current."""

    def __init__(self):
        self.library = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)

    def call(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result != 0:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(result, ctypes.byref(text))
            raise RuntimeError(f"{name} failed: {(text.value or b'unknown error').decode()}")


class Kernel:
    """One kernel of a manifest, loaded when it is first launched."""

    def __init__(self, driver, folder, entry):
        self.driver, self.folder, self.entry = driver, folder, entry
        self.module = self.function = None

    def __getattr__(self, name):
        try:
            return self.entry[name]
        except KeyError:
            raise AttributeError(name) from None

    def load(self):
        if self.function:
            return
        with open(os.path.join(self.folder, self.entry["code"]), "rb") as file:
            code = file.read()
        self.module, self.function = ctypes.c_void_p(), ctypes.c_void_p()
        self.driver.call("cuModuleLoadData", ctypes.byref(self.module), code + b"\0")
        self.driver.call("cuModuleGetFunction", ctypes.byref(self.function), self.module, self.entry["name"].encode())
        if self.entry["shared_memory"] > 0:
            self.driver.call("cuFuncSetAttribute", self.function, MAX_DYNAMIC_SHARED_SIZE_BYTES,
                             self.entry["shared_memory"])

    def unload(self):
        """Frees the code; no launch may be pending."""
        if self.function:
            self.driver.call("cuModuleUnload", self.module)
            self.module = self.function = None

    def num_blocks(self, sizes):
        """CTAs for `sizes`, which names the sizes that the kernel leaves open."""
        value = lambda size: sizes[size] if isinstance(size, str) else size
        grid = self.entry["grid"]
        blocks = grid["row_tiles"] * -(-value(self.entry["tokens"]) // grid["token_tile"])
        for size in self.entry["batch"]:
            blocks *= value(size)
        return min(blocks, grid.get("max_blocks", blocks))

    def tensor_map(self, argument, pointer):
        """The 128 bytes of a map of the array at `pointer`, aligned to 64."""
        rank = len(argument["sizes"])
        array = lambda kind, values: (kind * rank)(*values)
        room = (ctypes.c_char * 192)()
        encoded = (ctypes.c_char * 128).from_buffer(room, -ctypes.addressof(room) % 64)
        self.driver.call("cuTensorMapEncodeTiled", encoded, TENSOR_MAP_TYPES[argument["type"]], rank,
                         ctypes.c_void_p(pointer), array(ctypes.c_uint64, argument["sizes"]),
                         array(ctypes.c_uint64, argument["strides"]), array(ctypes.c_uint32, argument["box"]),
                         array(ctypes.c_uint32, [1] * rank), 0, SWIZZLE_128B, L2_PROMOTION_256B, 0)
        return encoded

    def parameters(self, buffers, sizes):
        """Kernel parameters for {name: (device pointer, number of elements)}."""
        values = []
        for argument in self.entry["arguments"]:
            if argument["kind"] == "size":
                values.append(ctypes.c_int64(sizes[argument["name"]]))
                continue
            if argument["kind"] == "tensor_map":
                values.append(self.tensor_map(argument, buffers[argument["buffer"]][0]))
                continue
            pointer, count = buffers[argument["name"]]
            values += [ctypes.c_void_p(pointer), ctypes.c_void_p(pointer), ctypes.c_int64(0),
                       ctypes.c_int64(count), ctypes.c_int64(1)]
        array = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
        array.kept = values
        return array

    def launch(self, parameters, sizes, stream, dependent=False):
        """Launches on a stream; `parameters` as made by parameters(). With `dependent`,
        a kernel that allows it may start before the one before it has ended."""
        self.load()
        blocks = self.num_blocks(sizes)
        if blocks == 0:
            return
        dependent = dependent and self.entry.get("dependent_launch", False)
        attribute = LaunchAttribute(id=PROGRAMMATIC_STREAM_SERIALIZATION, value=1)
        config = LaunchConfig((blocks, 1, 1), (self.entry["threads"], 1, 1), self.entry["shared_memory"], stream,
                              ctypes.pointer(attribute), int(dependent))
        self.driver.call("cuLaunchKernelEx", ctypes.byref(config), self.function, parameters, None)


def load_manifest(driver, folder):
    """The kernels of folder/manifest.json."""
    path = os.path.join(folder, "manifest.json")
    with open(path) as file:
        manifest = json.load(file)
    if manifest.get("version") != VERSION:
        raise SystemExit(f"error: requires a manifest of version {VERSION}, but {path} has {manifest.get('version')}")
    return [Kernel(driver, folder, entry) for entry in manifest["kernels"]]
