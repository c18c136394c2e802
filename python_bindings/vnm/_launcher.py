# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file launches kernels of a manifest over the CUDA driver API. It needs nothing
# but Python and the driver: the benchmarks copy it beside themselves.

"""Kernels of a manifest (docs/aot.md), loaded when they are first prepared."""

import ctypes
import functools
import json
import os
import threading
from collections.abc import Mapping
from typing import Any, Optional, Union

try:
    from .errors import Error, FileError, FormatError
except ImportError:  # A copy, outside of the package.
    Error = type("Error", (Exception,), {})
    FileError, FormatError = OSError, ValueError

_VERSION = 1
_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8  # CU_FUNC_ATTRIBUTE_...
_PROGRAMMATIC_STREAM_SERIALIZATION = 6  # CU_LAUNCH_ATTRIBUTE_...
_TENSOR_MAP_TYPES = {"f16": 6, "bf16": 9}  # CU_TENSOR_MAP_DATA_TYPE_...
_TENSOR_MAP_SWIZZLE_128B = 3
_TENSOR_MAP_L2_PROMOTION_256B = 3
_TENSOR_MAP_BYTES = 128
_TENSOR_MAP_ALIGNMENT = 64

#: Values of the sizes that a kernel leaves open, by name.
Sizes = Mapping[str, int]


class DriverError(Error, RuntimeError):
    """The CUDA driver is missing, too old, or refused a call."""


class LaunchAttribute(ctypes.Structure):
    """CUlaunchAttribute; of its union of 64 bytes, the int that is needed here."""

    _fields_ = [("id", ctypes.c_int), ("padding", ctypes.c_int), ("value", ctypes.c_int), ("rest", ctypes.c_int * 15)]


class LaunchConfig(ctypes.Structure):
    """CUlaunchConfig"""

    _fields_ = [
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_memory", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(LaunchAttribute)),
        ("num_attributes", ctypes.c_uint),
    ]


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DriverError(f"requires the CUDA driver, but libcuda.so.1 does not load: {error}") from error


def _check(name: str, result: int) -> None:
    if result == 0:
        return
    text, version = ctypes.c_char_p(), ctypes.c_int()
    _library().cuGetErrorString(result, ctypes.byref(text))
    _library().cuDriverGetVersion(ctypes.byref(version))
    reason = (text.value or b"unknown error").decode()
    number = f"{version.value // 1000}.{version.value % 1000 // 10}"
    raise DriverError(f"requires {name} to succeed, but the driver (CUDA {number}) says: {reason}")


def call(name: str, *arguments: Any) -> None:
    """Calls a driver function in the current context; DriverError carries its reason."""
    _check(name, getattr(_library(), name)(*arguments))


class TensorMap:
    """A kernel's parameter that describes an array for tensor copies (docs/aot.md)."""

    def __init__(self, argument: "dict[str, Any]") -> None:
        room = (ctypes.c_char * (_TENSOR_MAP_BYTES + _TENSOR_MAP_ALIGNMENT))()
        self.encoded = (ctypes.c_char * _TENSOR_MAP_BYTES).from_buffer(
            room, -ctypes.addressof(room) % _TENSOR_MAP_ALIGNMENT
        )
        sizes = argument["sizes"]
        rank = len(sizes)
        self._before = self.encoded, _TENSOR_MAP_TYPES[argument["type"]], rank
        self._after = (
            (ctypes.c_uint64 * rank)(*sizes),
            (ctypes.c_uint64 * rank)(*argument["strides"]),
            (ctypes.c_uint32 * rank)(*argument["box"]),
            (ctypes.c_uint32 * rank)(*[1] * rank),
            0,
            _TENSOR_MAP_SWIZZLE_128B,
            _TENSOR_MAP_L2_PROMOTION_256B,
            0,
        )
        self._address: Optional[int] = None

    def encode(self, address: int) -> None:
        """Describes the array at a device address."""
        if address != self._address:
            call("cuTensorMapEncodeTiled", *self._before, ctypes.c_void_p(address), *self._after)
            self._address = address


class Launch:
    """A kernel with a place for each parameter, for launches that differ in buffers
    only. Threads may share one."""

    def __init__(self, kernel: "Kernel", function: ctypes.c_void_p, sizes: Sizes, dependent: bool) -> None:
        entry = kernel.entry
        self._function = function
        self._lock = threading.Lock()
        self._pointers: "dict[str, tuple[ctypes.c_void_p, ctypes.c_void_p]]" = {}
        self._maps: "dict[str, TensorMap]" = {}
        self._slots = [slot for argument in entry["arguments"] for slot in self._slots_of(argument, sizes)]
        self._parameters = (ctypes.c_void_p * len(self._slots))(*map(ctypes.addressof, self._slots))
        self._attribute = LaunchAttribute(id=_PROGRAMMATIC_STREAM_SERIALIZATION, value=1)
        blocks = kernel.num_blocks(sizes)
        self._is_empty = blocks == 0
        self._config = LaunchConfig((blocks, 1, 1), (entry["threads"], 1, 1), entry["shared_memory"], None)
        self._config.attributes = ctypes.pointer(self._attribute)
        self._config.num_attributes = int(dependent and entry.get("dependent_launch", False))
        self._arguments = ctypes.byref(self._config), function, self._parameters, None

    def _slots_of(self, argument: "dict[str, Any]", sizes: Sizes) -> "list[Any]":
        name = argument["name"]
        if argument["kind"] == "size":
            return [ctypes.c_int64(sizes[name])]
        if argument["kind"] == "tensor_map":
            tensor_map = self._maps[argument["buffer"]] = TensorMap(argument)
            return [tensor_map.encoded]
        count = 1
        for extent in argument["shape"]:
            count *= size_of(extent, sizes)
        first, second = self._pointers[name] = ctypes.c_void_p(), ctypes.c_void_p()
        return [first, second, ctypes.c_int64(0), ctypes.c_int64(count), ctypes.c_int64(1)]

    @property
    def buffers(self) -> "list[str]":
        """The names of the buffers, in the order of the kernel's arguments."""
        return list(self._pointers)

    def __call__(self, buffers: "Mapping[str, int]", stream: int) -> None:
        """Launches on a stream of the current context, with addresses of `buffers`;
        those that are not named stay as they were. DriverError: the launch failed."""
        if self._is_empty:
            return
        with self._lock:
            for name, address in buffers.items():
                first, second = self._pointers[name]
                first.value = second.value = address
                if name in self._maps:
                    self._maps[name].encode(address)
            self._config.stream = stream
            result = _library().cuLaunchKernelEx(*self._arguments)
        _check("cuLaunchKernelEx", result)


class Kernel:
    """One kernel. The fields of its entry are attributes, too: `kernel.pattern`."""

    def __init__(self, folder: "Union[str, os.PathLike[str]]", entry: "dict[str, Any]") -> None:
        self.folder, self.entry = folder, entry
        self._loaded: "dict[Any, tuple[ctypes.c_void_p, ctypes.c_void_p]]" = {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["entry"][name]
        except KeyError:
            raise AttributeError(name) from None

    def num_blocks(self, sizes: Sizes) -> int:
        """CTAs for `sizes`."""
        grid = self.entry["grid"]
        blocks = grid["row_tiles"] * -(-size_of(self.entry["tokens"], sizes) // grid["token_tile"])
        for size in self.entry["batch"]:
            blocks *= size_of(size, sizes)
        return min(blocks, grid.get("max_blocks", blocks))

    def prepare(self, sizes: Sizes, *, dependent: bool = False, device: Optional[int] = None) -> Launch:
        """The kernel in the current context, which is that of `device`. With
        `dependent`, a kernel that allows it may start before the one before it has
        ended. FileError, DriverError: the code cannot be read, or not be loaded."""
        return Launch(self, self._load(device), sizes, dependent)

    def _load(self, device: Optional[int]) -> ctypes.c_void_p:
        if device in self._loaded:
            return self._loaded[device][1]
        path = os.path.join(self.folder, self.entry["code"])
        try:
            with open(path, "rb") as file:
                code = file.read()
        except OSError as error:
            raise FileError(f"requires the code of a kernel, but '{path}' cannot be read") from error
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        # The driver compiles PTX, whose version it must know.
        call("cuModuleLoadData", ctypes.byref(module), code + b"\0")
        call("cuModuleGetFunction", ctypes.byref(function), module, self.entry["name"].encode())
        if self.entry["shared_memory"] > 0:
            call("cuFuncSetAttribute", function, _MAX_DYNAMIC_SHARED_SIZE_BYTES, self.entry["shared_memory"])
        self._loaded[device] = module, function
        return function

    def unload(self) -> None:
        """Frees the code of one device, whose context is current; no launch may be
        pending, and what was prepared must not be launched."""
        for module, _ in self._loaded.values():
            call("cuModuleUnload", module)
        self._loaded.clear()


def size_of(size: "Union[int, str]", sizes: Sizes) -> int:
    """The value of a size of a manifest, a number or a name."""
    return sizes[size] if isinstance(size, str) else size


def read_manifest(folder: "Union[str, os.PathLike[str]]") -> "list[Kernel]":
    """The kernels of folder/manifest.json. FormatError: it is none, or of another version."""
    path = os.path.join(folder, "manifest.json")
    try:
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        version, entries = manifest["version"], manifest["kernels"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"requires a manifest of kernels, but '{path}' is none: {error}") from error
    if version != _VERSION:
        raise FormatError(f"requires a manifest of version {_VERSION}, but '{path}' has version {version}")
    return [Kernel(folder, entry) for entry in entries]
