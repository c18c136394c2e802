# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file reads and writes safetensors files.

"""Safetensors files, with packed weights in the storage format."""

import ctypes
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from . import _prototypes as c
from ._arrays import BFLOAT16, is_bfloat16
from ._calls import Handle, call, create
from ._library import library
from ._tensor import VNMTensor
from .errors import InvalidArgumentError

PathLike = Union[str, "os.PathLike[str]"]

_DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "I16": np.int16,
    "U16": np.uint16,
    "F16": np.float16,
    "I32": np.int32,
    "U32": np.uint32,
    "F32": np.float32,
    "I64": np.int64,
    "U64": np.uint64,
    "F64": np.float64,
    "C64": np.complex64,
}
# What numpy has no type for reads as its bits.
_BITS = {"BF16": BFLOAT16 if BFLOAT16 is not None else np.uint16}


class RawTensor(NamedTuple):
    """A tensor as a file has it: a dtype by its name there, and bytes.

    The way to write bf16 without ml_dtypes: RawTensor("BF16", bits.shape, bits).
    """

    dtype: str
    shape: tuple[int, ...]
    data: np.ndarray  #: of any dtype, as many bytes as dtype and shape say

    def array(self) -> np.ndarray:
        """The tensor as an array; bits in unsigned integers where numpy has no type."""
        dtype = _DTYPES.get(self.dtype) or _BITS.get(self.dtype) or np.uint8
        flat = np.ascontiguousarray(self.data).reshape(-1).view(np.uint8)
        # A copy: the file's bytes need not be aligned.
        return flat.copy().view(dtype).reshape(self.shape)


class SafetensorsFile:
    """An open safetensors file; tensors are read one at a time.

    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
    >>> save(path, {"bias": np.float32([1, 2])}, metadata={"format": "np"})
    >>> with SafetensorsFile(path) as file:
    ...     print(file.names(), file.metadata(), file.read("bias"))
    ['bias'] {'format': 'np'} [1. 2.]
    """

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self._opened: Optional[Handle] = create("vnmSafetensorsOpen", "vnmSafetensorsClose", c.string(self.path))

    def close(self) -> None:
        """Closes the file, once no array that read_raw() gave is in use any more."""
        self._opened = None

    @property
    def _handle(self) -> Handle:
        if self._opened is None:
            raise InvalidArgumentError(f"requires an open file, but '{self.path}' is closed")
        return self._opened

    def __enter__(self) -> "SafetensorsFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def names(self) -> list[str]:
        """Names of tensors, sorted; arrays of packed weights are among them."""
        result, tensor = [], c.Tensor()
        for index in range(library().vnmSafetensorsGetNumTensors(self._handle.pointer)):
            call("vnmSafetensorsGetTensor", self._handle.pointer, index, ctypes.byref(tensor))
            result.append(tensor.name.text())
        return result

    def packed_names(self) -> list[str]:
        """Names of packed weights, sorted."""
        result, name = [], c.String()
        for index in range(library().vnmSafetensorsGetNumStorages(self._handle.pointer)):
            call("vnmSafetensorsGetStorageName", self._handle.pointer, index, ctypes.byref(name))
            result.append(name.text())
        return result

    def plain_names(self) -> list[str]:
        """Names of tensors that are no part of a packed weight."""
        parts = {
            f"{name}.vnm_{part}" for name in self.packed_names() for part in ("values", "metadata", "columns", "rows")
        }
        return [name for name in self.names() if name not in parts]

    def metadata(self) -> dict[str, str]:
        """The header's __metadata__."""
        result, key, value = {}, c.String(), c.String()
        for index in range(library().vnmSafetensorsGetNumMetadata(self._handle.pointer)):
            call("vnmSafetensorsGetMetadata", self._handle.pointer, index, ctypes.byref(key), ctypes.byref(value))
            result[key.text()] = value.text()
        return result

    def read_raw(self, name: str) -> RawTensor:
        """A tensor's dtype, shape and bytes; the bytes are the file's, mapped."""
        tensor = c.Tensor()
        call("vnmSafetensorsFindTensor", self._handle.pointer, c.string(name), ctypes.byref(tensor))
        shape = tuple(tensor.shape[i] for i in range(tensor.rank))
        data = np.empty(0, np.uint8)
        if tensor.num_bytes:
            memory = (ctypes.c_uint8 * tensor.num_bytes).from_address(tensor.data)
            memory.owner = self._handle
            data = np.frombuffer(memory, np.uint8)
            data.flags.writeable = False
        return RawTensor(tensor.dtype.text(), shape, data)

    def read(self, name: str) -> np.ndarray:
        """A copy of a tensor; bf16 as uint16 bits if ml_dtypes is not installed."""
        return self.read_raw(name).array()

    def read_packed(self, name: str) -> VNMTensor:
        """A packed weight, verified; FormatError names the rule that it breaks."""
        arguments = (self._handle.pointer, c.string(name))
        return VNMTensor(create("vnmSafetensorsReadStorage", "vnmStorageDestroy", *arguments))


class SafetensorsWriter:
    """Collects tensors for one file, which is written atomically."""

    def __init__(self) -> None:
        self._handle: Handle = create("vnmSafetensorsWriterCreate", "vnmSafetensorsWriterDestroy")

    def add(self, name: str, tensor: Union[VNMTensor, RawTensor, Any]) -> None:
        """Adds a packed weight, an array or a RawTensor; bytes are copied."""
        if isinstance(tensor, VNMTensor):
            pointer = tensor._handle.pointer
            call("vnmSafetensorsWriterAddStorage", self._handle.pointer, c.string(name), pointer)
            return
        if not isinstance(tensor, RawTensor):
            array = np.asarray(tensor)
            tensor = RawTensor(_dtype_name(name, array), array.shape, array)
        data = np.ascontiguousarray(tensor.data)
        shape = (ctypes.c_int64 * len(tensor.shape))(*tensor.shape)
        # The structure has copies of these; the texts must outlive the call.
        texts = c.string(name), c.string(tensor.dtype)
        raw = c.Tensor(*texts, shape, len(tensor.shape), data.ctypes.data, data.nbytes)
        call("vnmSafetensorsWriterAdd", self._handle.pointer, ctypes.byref(raw))

    def add_file(self, path: PathLike) -> None:
        """Adds all of another file, whose data is read when this one is written."""
        call("vnmSafetensorsWriterAddFile", self._handle.pointer, c.string(os.fspath(path)))

    def set_metadata(self, key: str, value: str) -> None:
        """Sets an entry of the header's __metadata__."""
        call("vnmSafetensorsWriterSetMetadata", self._handle.pointer, c.string(key), c.string(value))

    def write(self, path: PathLike) -> None:
        """Writes the file: a temporary one beside it, then a rename."""
        call("vnmSafetensorsWriterWrite", self._handle.pointer, c.string(os.fspath(path)))


def _dtype_name(name: str, array: np.ndarray) -> str:
    native = array.dtype.newbyteorder("=")
    if not array.dtype.isnative:
        raise InvalidArgumentError(f"requires native byte order for tensor '{name}', but its dtype is {array.dtype}")
    if is_bfloat16(native):
        return "BF16"
    for text, dtype in _DTYPES.items():
        if native == np.dtype(dtype):
            return text
    raise InvalidArgumentError(f"requires a dtype that safetensors has for tensor '{name}', but it is {array.dtype}")


def load(path: PathLike) -> dict[str, Union[np.ndarray, VNMTensor]]:
    """All tensors of a file by name; packed weights are VNMTensors, verified."""
    with SafetensorsFile(path) as file:
        result: dict[str, Union[np.ndarray, VNMTensor]] = {name: file.read(name) for name in file.plain_names()}
        result.update((name, file.read_packed(name)) for name in file.packed_names())
    return result


def save(
    path: PathLike,
    tensors: Mapping[str, Union[np.ndarray, VNMTensor, RawTensor]],
    metadata: Optional[Mapping[str, str]] = None,
) -> None:
    """Writes tensors to a file, atomically.

    >>> import tempfile, os, vnm
    >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
    >>> w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    >>> save(path, {"fc.weight": vnm.pack(w), "fc.bias": np.zeros(64, np.float32)})
    >>> load(path)["fc.weight"]
    VNMTensor(64x64, f32, 64:2:8, strict)
    >>> vnm.verify(path)
    ['fc.weight']
    """
    writer = SafetensorsWriter()
    for name, tensor in tensors.items():
        writer.add(name, tensor)
    for key, value in (metadata or {}).items():
        writer.set_metadata(key, value)
    writer.write(path)


def verify(path: PathLike) -> list[str]:
    """Checks a file and every rule of its packed weights; returns their names.

    FormatError names the file, the weight and the rule.
    """
    with SafetensorsFile(path) as file:
        names = file.packed_names()
        for name in names:
            file.read_packed(name)
    return names
