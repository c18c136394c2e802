# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file declares the structures and functions of include/vnm-c for ctypes.

"""Types of the C interface; fields are in the order of its headers."""

import ctypes
from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, Union


def _structure(name: str, fields: list[tuple[str, Any]]) -> Any:
    return type(name, (Structure,), {"_fields_": fields})


class String(Structure):
    """VnmString: bytes that somebody else owns."""

    _fields_ = [("data", c_void_p), ("length", c_size_t)]

    def bytes(self) -> bytes:
        return ctypes.string_at(self.data, self.length) if self.length else b""

    def text(self) -> str:
        return self.bytes().decode("utf-8", "replace")


def string(text: Union[str, bytes]) -> String:
    """A VnmString of a text or of bytes, which it keeps alive."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    result = String(ctypes.cast(c_char_p(data), c_void_p), len(data))
    result.owner = data
    return result


Matrix = _structure(
    "Matrix",
    [("data", c_void_p), ("type", c_int32), ("rows", c_int64), ("cols", c_int64)]
    + [("row_stride", c_int64), ("col_stride", c_int64)],
)
Pattern = _structure("Pattern", [("v", c_int64), ("n", c_int64), ("m", c_int64)])
PatternSizes = _structure(
    "PatternSizes",
    [(name, c_int64) for name in ("panels", "groups", "row_values", "metadata_words", "column_slots")],
)
StructureInfo = _structure(
    "StructureInfo",
    [("pattern", Pattern), ("form", c_int32), ("rows", c_int64), ("cols", c_int64)]
    + [("columns", c_void_p), ("num_columns", c_int64), ("metadata", c_void_p), ("num_metadata", c_int64)]
    + [("order", c_void_p), ("num_order", c_int64)],
)
FragmentSizes = _structure("FragmentSizes", [(name, c_int64) for name in ("blocks", "stages", "panels", "slots")])
Fragments = _structure(
    "Fragments",
    [("values", c_void_p), ("num_values", c_int64), ("metadata", c_void_p), ("num_metadata", c_int64)]
    + [("columns", c_void_p), ("num_columns", c_int64)],
)
PackOptions = _structure("PackOptions", [("allow_non_finite", c_bool), ("threads", c_uint32)])
ImportanceOptions = _structure(
    "ImportanceOptions",
    [("criterion", c_int32), ("activation_norms", c_void_p), ("num_activation_norms", c_int64)]
    + [("ria_exponent", c_float), ("threads", c_uint32)],
)
PruneOptions = _structure(
    "PruneOptions",
    [("form", c_int32), ("column_choice", c_int32), ("effort", c_int32), ("permute_rows", c_bool)]
    + [("threads", c_uint32)],
)
PermuteOptions = _structure(
    "PermuteOptions",
    [("effort", c_int32), ("permute_rows", c_bool), ("column_choice", c_int32), ("seed", c_uint64)]
    + [("threads", c_uint32)],
)
StrictPermuteOptions = _structure(
    "StrictPermuteOptions",
    [("iterations", c_int64), ("permute_columns", c_bool), ("permute_rows", c_bool)]
    + [("column_choice", c_int32), ("threads", c_uint32)],
)
SharedWeight = _structure(
    "SharedWeight",
    [("scores", c_void_p), ("rows", c_int64), ("cols", c_int64), ("pattern", Pattern), ("prune", PruneOptions)],
)
SharedPermuteOptions = _structure(
    "SharedPermuteOptions",
    [("block", c_int64), ("effort", c_int32), ("seed", c_uint64), ("threads", c_uint32)],
)
UpdateOptions = _structure(
    "UpdateOptions",
    [("damping", c_double), ("iterations", c_int64), ("in_order", c_bool), ("threads", c_uint32)],
)
ProductShape = _structure("ProductShape", [("rows", c_int64), ("cols", c_int64), ("tokens", c_int64)])
Cost = _structure("Cost", [("microseconds", c_double), ("source", c_int32), ("family", String)])
ComputeScores = ctypes.CFUNCTYPE(c_bool, c_void_p, c_void_p)
StringCallback = ctypes.CFUNCTYPE(None, String, c_void_p)
SelectLayer = _structure(
    "SelectLayer",
    [("name", String), ("type", c_int32), ("shape", ProductShape), ("scores", c_void_p)]
    + [("compute_scores", ComputeScores), ("user_data", c_void_p), ("weight", c_double)],
)
SelectedLayer = _structure(
    "SelectedLayer",
    [("is_sparse", c_bool), ("pattern", Pattern), ("cost", Cost), ("dense_microseconds", c_double)]
    + [("retained", c_double)],
)
Tensor = _structure(
    "Tensor",
    [("name", String), ("dtype", String), ("shape", POINTER(c_int64)), ("rank", c_int64)]
    + [("data", c_void_p), ("num_bytes", c_int64)],
)
VenomInfo = _structure(
    "VenomInfo",
    [("pattern", Pattern), ("rows", c_int64), ("cols", c_int64), ("values", c_void_p), ("num_values", c_int64)]
    + [("metadata", c_void_p), ("num_metadata", c_int64), ("column_locs", c_void_p)]
    + [("num_column_locs", c_int64)],
)

CompileOptions = _structure(
    "CompileOptions",
    [("pipeline", String), ("source_name", String), ("remarks", String), ("ir_format", c_int32)]
    + [("allow_unregistered_dialects", c_bool), ("threads", c_uint32)],
)
Code = _structure("Code", [("file_name", String), ("format", String), ("data", String)])
Remark = _structure(
    "Remark", [(name, String) for name in ("kind", "category", "name", "function", "location", "message")]
)
Diagnostic = _structure("Diagnostic", [("severity", c_int32), ("location", String), ("message", String)])

# Handles, errors and arrays pass as addresses.
_P, _I64, _I32 = c_void_p, c_int64, c_int32
_DOUBLE, _OUT = POINTER(c_double), POINTER(c_void_p)

# Functions that return a VnmError *, and their parameters.
_FALLIBLE = {
    "vnmElementTypeParse": [String, POINTER(_I32)],
    "vnmPatternParse": [String, POINTER(Pattern)],
    "vnmPatternVerify": [Pattern],
    "vnmPatternGetDensity": [Pattern, _DOUBLE],
    "vnmPatternGetLog2MaskDiversity": [Pattern, _DOUBLE],
    "vnmPatternGetSizes": [Pattern, _I64, _I64, POINTER(PatternSizes)],
    "vnmFormParse": [String, POINTER(_I32)],
    "vnmStructureCreate": [POINTER(StructureInfo), _OUT],
    "vnmStructureGetInfo": [_P, POINTER(StructureInfo)],
    "vnmStructureGetMask": [_P, _P],
    "vnmStructureCreateFromMask": [_P, _I64, _I64, Pattern, _OUT],
    "vnmPack": [POINTER(Matrix), _P, POINTER(PackOptions), _OUT],
    "vnmStorageCreate": [_P, _I32, _P, _I64, _OUT],
    "vnmStorageGetValues": [_P, _OUT, POINTER(_I64)],
    "vnmStorageUnpack": [_P, _P, _I64],
    "vnmFragmentSizes": [Pattern, _I64, _I64, POINTER(FragmentSizes)],
    "vnmStorageGetFragments": [_P, c_uint32, POINTER(Fragments)],
    "vnmCriterionParse": [String, POINTER(_I32)],
    "vnmColumnChoiceParse": [String, POINTER(_I32)],
    "vnmEffortParse": [String, POINTER(_I32)],
    "vnmImportance": [POINTER(Matrix), POINTER(ImportanceOptions), _P],
    "vnmPrune": [_P, _I64, _I64, Pattern, POINTER(PruneOptions), _OUT],
    "vnmRetainedImportance": [_P, _P, _DOUBLE],
    "vnmPermute": [_P, _I64, _I64, Pattern, POINTER(PermuteOptions), _OUT],
    "vnmPermuteStrict": [_P, _I64, _I64, Pattern, POINTER(StrictPermuteOptions), _P, _P, _OUT, _OUT],
    "vnmPermuteShared": [_P, _I64, _P, _I64, _I64, POINTER(SharedPermuteOptions), _P, _P, _P],
    "vnmGram": [_P, _I64, _I64, c_uint32, _P],
    "vnmUpdate": [POINTER(Matrix), _P, _P, POINTER(UpdateOptions), _P],
    "vnmRelativeOutputError": [_P, _P, _P, _I64, _I64, _DOUBLE],
    "vnmCostTableCreate": [String, _OUT],
    "vnmCostTableAdd": [_P, _I32, ProductShape, POINTER(Pattern), String, c_double],
    "vnmCostTableLookUp": [_P, _I32, ProductShape, POINTER(Pattern), StringCallback, _P, POINTER(Cost)],
    "vnmCostTablePrint": [_P, StringCallback, _P],
    "vnmSelectUniform": [_P, _I64, _P, _I64, _P, c_double, _I32, POINTER(PruneOptions), _OUT],
    "vnmSelectPerLayer": [_P, _I64, _P, _I64, _P, c_double, POINTER(PruneOptions), _OUT],
    "vnmSelectionGetTotals": [_P, _DOUBLE, _DOUBLE, _DOUBLE],
    "vnmSelectionGetLayer": [_P, _I64, POINTER(SelectedLayer)],
    "vnmSafetensorsOpen": [String, _OUT],
    "vnmSafetensorsGetTensor": [_P, _I64, POINTER(Tensor)],
    "vnmSafetensorsFindTensor": [_P, String, POINTER(Tensor)],
    "vnmSafetensorsGetMetadata": [_P, _I64, POINTER(String), POINTER(String)],
    "vnmSafetensorsGetStorageName": [_P, _I64, POINTER(String)],
    "vnmSafetensorsReadStorage": [_P, String, _OUT],
    "vnmSafetensorsWriterCreate": [_OUT],
    "vnmSafetensorsWriterAdd": [_P, POINTER(Tensor)],
    "vnmSafetensorsWriterAddStorage": [_P, String, _P],
    "vnmSafetensorsWriterAddFile": [_P, String],
    "vnmSafetensorsWriterSetMetadata": [_P, String, String],
    "vnmSafetensorsWriterWrite": [_P, String],
    "vnmCompile": [String, POINTER(CompileOptions), _OUT],
    "vnmCompilationGetCode": [_P, _I64, POINTER(Code)],
    "vnmCompilationGetRemark": [_P, _I64, POINTER(Remark)],
    "vnmCompilationGetDiagnostic": [_P, _I64, POINTER(Diagnostic)],
    "vnmErrorGetDiagnostic": [_P, _I64, POINTER(Diagnostic)],
    "vnmVenomExport": [_P, _OUT],
    "vnmVenomArraysGetInfo": [_P, POINTER(VenomInfo)],
    "vnmVenomImport": [POINTER(VenomInfo), _OUT],
}

# Functions that return something else.
_OTHERS = {
    "vnmErrorGetKind": (_I32, [_P]),
    "vnmErrorGetMessage": (String, [_P]),
    "vnmGetVersion": (String, []),
    "vnmElementTypeGetName": (String, [_I32]),
    "vnmFormGetName": (String, [_I32]),
    "vnmCostSourceGetName": (String, [_I32]),
    "vnmStorageGetStructure": (_P, [_P]),
    "vnmStorageGetType": (_I32, [_P]),
    "vnmStorageGetSize": (_I64, [_P]),
    "vnmPackOptionsGetDefault": (PackOptions, []),
    "vnmImportanceOptionsGetDefault": (ImportanceOptions, []),
    "vnmPruneOptionsGetDefault": (PruneOptions, []),
    "vnmPermuteOptionsGetDefault": (PermuteOptions, []),
    "vnmStrictPermuteOptionsGetDefault": (StrictPermuteOptions, []),
    "vnmSharedPermuteOptionsGetDefault": (SharedPermuteOptions, []),
    "vnmUpdateOptionsGetDefault": (UpdateOptions, []),
    "vnmSafetensorsGetNumTensors": (_I64, [_P]),
    "vnmSafetensorsGetNumMetadata": (_I64, [_P]),
    "vnmSafetensorsGetNumStorages": (_I64, [_P]),
    "vnmCompileOptionsGetDefault": (CompileOptions, []),
    "vnmCompilationGetIR": (String, [_P]),
    "vnmCompilationGetManifest": (String, [_P]),
    "vnmCompilationGetNumCode": (_I64, [_P]),
    "vnmCompilationGetNumRemarks": (_I64, [_P]),
    "vnmCompilationGetNumDiagnostics": (_I64, [_P]),
    "vnmErrorGetNumDiagnostics": (_I64, [_P]),
    "vnmCompilationDestroy": (None, [_P]),
    "vnmErrorDestroy": (None, [_P]),
    "vnmStructureDestroy": (None, [_P]),
    "vnmStorageDestroy": (None, [_P]),
    "vnmCostTableDestroy": (None, [_P]),
    "vnmSelectionDestroy": (None, [_P]),
    "vnmSafetensorsClose": (None, [_P]),
    "vnmSafetensorsWriterDestroy": (None, [_P]),
    "vnmVenomArraysDestroy": (None, [_P]),
}


def declare(library: ctypes.CDLL) -> None:
    """Sets the types of all functions. AttributeError: one is missing."""
    for name, parameters in _FALLIBLE.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_void_p, parameters
    for name, (result, parameters) in _OTHERS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
