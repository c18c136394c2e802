# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file calls the CUDA driver.

"""The CUDA driver API, as far as launching a kernel needs it."""

import ctypes
import functools
from typing import Any

from ..errors import Error

_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8  # CU_FUNC_ATTRIBUTE_...
_TENSOR_MAP_TYPES = {"f16": 6, "bf16": 9}  # CU_TENSOR_MAP_DATA_TYPE_...
_TENSOR_MAP_SWIZZLE_128B = 3
_TENSOR_MAP_L2_PROMOTION_256B = 3
_TENSOR_MAP_BYTES = 128
_TENSOR_MAP_ALIGNMENT = 64


class DriverError(Error, RuntimeError):
    """The CUDA driver is missing, too old, or refused a call."""


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DriverError(f"requires the CUDA driver, but libcuda.so.1 does not load: {error}") from error


def _version() -> str:
    number = ctypes.c_int()
    _library().cuDriverGetVersion(ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def call(name: str, *arguments: Any) -> None:
    """Calls a driver function in the current context; DriverError carries its reason."""
    result = getattr(_library(), name)(*arguments)
    if result == 0:
        return
    text = ctypes.c_char_p()
    _library().cuGetErrorString(result, ctypes.byref(text))
    reason = (text.value or b"unknown error").decode()
    raise DriverError(f"requires {name} to succeed, but the driver (CUDA {_version()}) says: {reason}")


def load_function(code: bytes, name: str, shared_memory: int) -> ctypes.c_void_p:
    """Loads a cubin or PTX into the current context; the function `name` in it.

    PTX is compiled by the driver, which must know its version.
    """
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    call("cuModuleLoadData", ctypes.byref(module), code + b"\0")
    call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
    if shared_memory > 0:
        call("cuFuncSetAttribute", function, _MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_memory)
    return function


def encode_tensor_map(argument: "dict[str, Any]", pointer: int) -> "ctypes.Array[Any]":
    """The map that a manifest's argument describes (docs/aot.md), of the array at a device address."""
    sizes = argument["sizes"]
    rank = len(sizes)
    room = (ctypes.c_char * (_TENSOR_MAP_BYTES + _TENSOR_MAP_ALIGNMENT))()
    encoded = (ctypes.c_char * _TENSOR_MAP_BYTES).from_buffer(room, -ctypes.addressof(room) % _TENSOR_MAP_ALIGNMENT)
    call(
        "cuTensorMapEncodeTiled",
        encoded,
        _TENSOR_MAP_TYPES[argument["type"]],
        rank,
        ctypes.c_void_p(pointer),
        (ctypes.c_uint64 * rank)(*sizes),
        (ctypes.c_uint64 * rank)(*argument["strides"]),
        (ctypes.c_uint32 * rank)(*argument["box"]),
        (ctypes.c_uint32 * rank)(*[1] * rank),
        0,
        _TENSOR_MAP_SWIZZLE_128B,
        _TENSOR_MAP_L2_PROMOTION_256B,
        0,
    )
    return encoded


def launch(
    function: ctypes.c_void_p, blocks: int, threads: int, shared_memory: int, stream: int, values: "list[Any]"
) -> None:
    """Launches on a stream with ctypes values as parameters."""
    parameters = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
    call(
        "cuLaunchKernel",
        function,
        blocks,
        1,
        1,
        threads,
        1,
        1,
        shared_memory,
        ctypes.c_void_p(stream),
        parameters,
        None,
    )
