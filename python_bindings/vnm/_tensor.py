# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds packed weights.

"""Structures and packed weights."""

import ctypes
from typing import Any, Optional

import numpy as np

from . import _prototypes as c
from ._arrays import as_floats, as_matrix, element_type, numpy_dtype, type_name, view
from ._calls import Handle, call, create, defaults, double, number
from ._library import library
from ._pattern import Pattern, PatternLike, raw_pattern
from .errors import InvalidArgumentError


def fragment_sizes(pattern: PatternLike, rows: int, cols: int) -> Any:
    """blocks, stages, panels and slots of a weight in fragments."""
    sizes = c.FragmentSizes()
    call("vnmFragmentSizes", raw_pattern(pattern), rows, cols, ctypes.byref(sizes))
    return sizes


class Structure:
    """What a packed weight keeps, without its values. Immutable and verified."""

    def __init__(self, handle: Any, pointer: int) -> None:
        """For the package; `handle` owns what `pointer` names."""
        self._handle, self._pointer = handle, pointer
        info = c.StructureInfo()
        call("vnmStructureGetInfo", pointer, ctypes.byref(info))
        self._info = info

    @classmethod
    def _create(cls, name: str, *arguments: Any) -> "Structure":
        handle = create(name, "vnmStructureDestroy", *arguments)
        return cls(handle, handle.pointer)

    @classmethod
    def from_mask(cls, mask: Any, pattern: PatternLike = "64:2:8") -> "Structure":
        """The structure in strict form whose mask is `mask`, R x K, true = kept.

        FormatError and InvalidArgumentError name the block or row at fault.
        """
        array = np.ascontiguousarray(np.asarray(mask) != 0, dtype=np.uint8)
        if array.ndim != 2:
            raise InvalidArgumentError(f"requires a mask of two dimensions, but its shape is {array.shape}")
        return cls._create("vnmStructureCreateFromMask", array.ctypes.data, *array.shape, raw_pattern(pattern))

    @property
    def pattern(self) -> Pattern:
        raw = self._info.pattern
        return Pattern(f"{raw.v}:{raw.n}:{raw.m}")

    @property
    def form(self) -> str:
        """ "strict" or "free"."""
        return library().vnmFormGetName(self._info.form).text()

    @property
    def shape(self) -> tuple[int, int]:
        """(R, K) of the weight."""
        return self._info.rows, self._info.cols

    @property
    def metadata(self) -> np.ndarray:
        """R x ceil(G / 4) words of four nibbles each, uint16; read-only."""
        count = self._info.num_metadata
        return view(self._info.metadata, count, np.uint16, (self.shape[0], -1), self._handle)

    @property
    def columns(self) -> np.ndarray:
        """P x 4G column ids, int32; K where a group has no such column; read-only."""
        panels = self.pattern.sizes(*self.shape).panels
        return view(self._info.columns, self._info.num_columns, np.int32, (panels, -1), self._handle)

    @property
    def rows(self) -> Optional[np.ndarray]:
        """The row of the weight that each stored row holds, or None for its own."""
        count = self._info.num_order
        return view(self._info.order, count, np.int32, (count,), self._handle) if count else None

    def mask(self) -> np.ndarray:
        """The mask, R x K bool, in the weight's own row order."""
        mask = np.empty(self.shape, np.uint8)
        call("vnmStructureGetMask", self._pointer, mask.ctypes.data)
        return mask.view(bool)

    def retained(self, scores: Any) -> float:
        """The share, in [0, 1], that is kept of the sum of R x K scores."""
        array = as_floats(scores, "scores", self.shape)
        return double("vnmRetainedImportance", array.ctypes.data, self._pointer)


class VNMTensor:
    """A packed weight. Immutable; one that exists obeys the storage format.

    >>> import numpy as np, vnm
    >>> w = np.arange(16 * 16, dtype=np.float32).reshape(16, 16)
    >>> t = vnm.pack(w, pattern="16:2:8")
    >>> t
    VNMTensor(16x16, f32, 16:2:8, strict)
    >>> t.values.shape, t.metadata.shape, t.columns.shape, t.rows
    ((16, 4), (16, 1), (1, 8), None)
    >>> t.columns
    array([[ 0,  1,  6,  7,  8,  9, 14, 15]], dtype=int32)
    >>> t.to_dense()[0]
    array([ 0.,  0.,  0.,  0.,  0.,  0.,  6.,  7.,  0.,  0.,  0.,  0.,  0.,
            0., 14., 15.], dtype=float32)
    """

    def __init__(self, handle: Handle) -> None:
        """For the package; use pack(), load() or from_arrays()."""
        self._handle = handle
        self.structure = Structure(handle, library().vnmStorageGetStructure(handle.pointer))

    @classmethod
    def from_arrays(
        cls,
        values: Any,
        metadata: Any,
        columns: Any,
        rows: Any = None,
        *,
        cols: int,
        pattern: PatternLike,
        form: str = "strict",
        dtype: Optional[str] = None,
    ) -> "VNMTensor":
        """Makes a packed weight of its arrays and verifies every rule.

        `cols` is K. FormatError names the rule that is broken.
        """
        values = np.ascontiguousarray(values)
        if values.ndim != 2:
            raise InvalidArgumentError(f"requires values of two dimensions, but their shape is {values.shape}")
        words = _as_integers(metadata, "metadata", np.uint16)
        ids = _as_integers(columns, "columns", np.int32)
        order = _as_integers(rows if rows is not None else [], "rows", np.int32)
        info = c.StructureInfo(
            raw_pattern(pattern),
            number("Form", form),
            values.shape[0],
            cols,
            ids.ctypes.data,
            ids.size,
            words.ctypes.data,
            words.size,
            order.ctypes.data,
            order.size,
        )
        structure = Structure._create("vnmStructureCreate", ctypes.byref(info))
        kind = number("ElementType", element_type(values, dtype))
        return cls(
            create(
                "vnmStorageCreate",
                "vnmStorageDestroy",
                structure._pointer,
                kind,
                values.ctypes.data,
                values.nbytes,
            )
        )

    @property
    def pattern(self) -> Pattern:
        return self.structure.pattern

    @property
    def form(self) -> str:
        """ "strict" or "free"."""
        return self.structure.form

    @property
    def shape(self) -> tuple[int, int]:
        """(R, K) of the dense weight."""
        return self.structure.shape

    @property
    def element_type(self) -> str:
        """ "f16", "bf16", "f32" or "i8"."""
        return type_name(library().vnmStorageGetType(self._handle.pointer))

    @property
    def dtype(self) -> np.dtype:
        """The dtype of values; uint16 for bf16 if ml_dtypes is not installed."""
        return numpy_dtype(self.element_type)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays as a file holds them."""
        return library().vnmStorageGetSize(self._handle.pointer)

    @property
    def values(self) -> np.ndarray:
        """R x 2G kept values in stored row order; read-only."""
        address, size = ctypes.c_void_p(), ctypes.c_int64()
        call("vnmStorageGetValues", self._handle.pointer, ctypes.byref(address), ctypes.byref(size))
        dtype = self.dtype
        return view(address.value, size.value // dtype.itemsize, dtype, (self.shape[0], -1), self._handle)

    @property
    def metadata(self) -> np.ndarray:
        """As Structure.metadata."""
        return self.structure.metadata

    @property
    def columns(self) -> np.ndarray:
        """As Structure.columns."""
        return self.structure.columns

    @property
    def rows(self) -> Optional[np.ndarray]:
        """As Structure.rows."""
        return self.structure.rows

    def mask(self) -> np.ndarray:
        """As Structure.mask."""
        return self.structure.mask()

    def fragments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(values, metadata, columns) in the order of tensor cores' registers.

        What GPU kernels read whose manifest says `"layout": "fragments"`
        (docs/gpu.md): B x S x 2 x 32 x 8 of dtype, B x S x 32 uint32 and P x 64 S
        int32, with B = ceil(R / 16), S = ceil(G / 16). InvalidArgumentError: elements
        that do not have 16 bits.

        >>> import numpy as np, vnm
        >>> values, metadata, columns = vnm.pack(np.eye(64, dtype=np.float16)).fragments()
        >>> values.shape, metadata.shape, columns.shape
        ((4, 1, 2, 32, 8), (4, 1, 32), (1, 64))
        """
        sizes = fragment_sizes(self.pattern, *self.shape)
        values = np.empty((sizes.blocks, sizes.stages, 2, 32, 8), self.dtype)
        metadata = np.empty((sizes.blocks, sizes.stages, 32), np.uint32)
        columns = np.empty((sizes.panels, sizes.slots), np.int32)
        arrays = c.Fragments(
            values.ctypes.data, values.size, metadata.ctypes.data, metadata.size, columns.ctypes.data, columns.size
        )
        call("vnmStorageGetFragments", self._handle.pointer, 0, ctypes.byref(arrays))
        return values, metadata, columns

    def to_dense(self) -> np.ndarray:
        """The dense weight; pruned elements are +0, kept bits as they were."""
        dense = np.empty(self.shape, self.dtype)
        call("vnmStorageUnpack", self._handle.pointer, dense.ctypes.data, dense.nbytes)
        return dense

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"VNMTensor({rows}x{cols}, {self.element_type}, {self.pattern}, {self.form})"


def _as_integers(values: Any, what: str, dtype: Any) -> np.ndarray:
    """A copy-free array of integers where nothing is lost by the conversion."""
    array = np.asarray(values)
    result = np.ascontiguousarray(array.astype(dtype))
    if array.size and (array.dtype.kind not in "iu" or not np.array_equal(result, array)):
        raise InvalidArgumentError(f"requires {what} to be integers that fit {np.dtype(dtype)}, but they are not")
    return result


def pack_structure(weight: Any, structure: Structure, dtype: Optional[str], allow_non_finite: bool, threads: int):
    """Gathers what `structure` keeps of `weight`."""
    matrix, array = as_matrix(weight, dtype)
    options = defaults("PackOptions", allow_non_finite=allow_non_finite, threads=threads)
    handle = create(
        "vnmPack",
        "vnmStorageDestroy",
        ctypes.byref(matrix),
        structure._pointer,
        ctypes.byref(options),
    )
    del array
    return VNMTensor(handle)
