# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file converts between numpy arrays and what the C library takes.

"""Arrays in and out."""

import ctypes
from typing import Any, Optional

import numpy as np

from ._calls import number
from ._library import library
from ._prototypes import Matrix
from .errors import InvalidArgumentError

try:
    import ml_dtypes

    BFLOAT16: Optional[np.dtype] = np.dtype(ml_dtypes.bfloat16)
except ImportError:
    BFLOAT16 = None

_NAMES = {np.dtype(np.float16): "f16", np.dtype(np.float32): "f32", np.dtype(np.int8): "i8"}


def is_bfloat16(dtype: np.dtype) -> bool:
    # numpy takes None for float64.
    return BFLOAT16 is not None and dtype == BFLOAT16


def numpy_dtype(name: str) -> np.dtype:
    """The dtype of arrays of an element type; uint16 for bf16 without ml_dtypes."""
    if name == "bf16":
        return BFLOAT16 if BFLOAT16 is not None else np.dtype(np.uint16)
    return next(dtype for dtype, known in _NAMES.items() if known == name)


def element_type(array: np.ndarray, dtype: Optional[str]) -> str:
    """The element type of an array; `dtype` says that uint16 are bf16's bits."""
    native = array.dtype.newbyteorder("=")
    found = "bf16" if is_bfloat16(native) else _NAMES.get(native)
    if dtype is None:
        if found is None:
            raise InvalidArgumentError(
                "requires a weight of float16, bfloat16, float32 or int8 (uint16 with dtype='bf16'), "
                f"but its dtype is {array.dtype}"
            )
        return found
    number("ElementType", dtype)  # Raises for another text.
    if dtype != found and not (dtype == "bf16" and native == np.uint16):
        raise InvalidArgumentError(f"requires a weight of {dtype}, but its dtype is {array.dtype}")
    return dtype


def type_name(type_number: int) -> str:
    return library().vnmElementTypeGetName(type_number).text()


def as_matrix(weight: Any, dtype: Optional[str] = None) -> tuple[Matrix, np.ndarray]:
    """A view of a weight, and the array that must outlive it."""
    array = np.asarray(weight)
    if array.ndim != 2:
        raise InvalidArgumentError(f"requires a weight of two dimensions, but its shape is {array.shape}")
    name = element_type(array, dtype)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    width = array.dtype.itemsize
    if any(stride % width for stride in array.strides):
        array = np.ascontiguousarray(array)
    matrix = Matrix(
        array.ctypes.data, number("ElementType", name), *array.shape, *(stride // width for stride in array.strides)
    )
    return matrix, array


def as_floats(values: Any, what: str, shape: Optional[tuple[int, ...]] = None, ndim: int = 2) -> np.ndarray:
    """A row-major float32 array. Errors: another rank or shape than asked for."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" and not is_bfloat16(array.dtype):
        raise InvalidArgumentError(f"requires {what} to be numbers, but their dtype is {array.dtype}")
    if shape is not None and array.shape != shape:
        raise InvalidArgumentError(f"requires {what} of shape {shape}, but the shape is {array.shape}")
    if array.ndim != ndim:
        raise InvalidArgumentError(f"requires {what} of {ndim} dimensions, but the shape is {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float32)


def view(address: Optional[int], count: int, dtype: Any, shape: tuple[int, ...], owner: Any) -> np.ndarray:
    """A read-only view of the library's memory that keeps `owner` alive."""
    dtype = np.dtype(dtype)
    if count == 0 or not address:
        return np.empty(shape, dtype)
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    memory.owner = owner
    array = np.frombuffer(memory, np.uint8).view(dtype).reshape(shape)
    array.flags.writeable = False
    return array
