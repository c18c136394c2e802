# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file calls the C library: errors become exceptions, handles are freed.

"""Calls and handles."""

import ctypes
import weakref
from typing import Any, Optional

from ._library import library
from ._prototypes import Diagnostic as RawDiagnostic
from ._prototypes import string
from .errors import KINDS, SEVERITIES, CompileError, Diagnostic, InternalError


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns an error; raises it."""
    loaded = library()
    error = getattr(loaded, name)(*arguments)
    if not error:
        return
    try:
        kind = loaded.vnmErrorGetKind(error)
        message = loaded.vnmErrorGetMessage(error).text()
        diagnostics = diagnostics_of("Error", error)
    finally:
        loaded.vnmErrorDestroy(error)
    if diagnostics:
        raise CompileError(message, diagnostics)
    raise KINDS.get(kind, InternalError)(message)


def diagnostics_of(kind: str, pointer: Optional[int]) -> list[Diagnostic]:
    """The diagnostics of an error ("Error") or of a compilation ("Compilation")."""
    loaded, result = library(), []
    for index in range(getattr(loaded, f"vnm{kind}GetNumDiagnostics")(pointer)):
        raw = RawDiagnostic()
        call(f"vnm{kind}GetDiagnostic", pointer, index, ctypes.byref(raw))
        result.append(Diagnostic(SEVERITIES[raw.severity], raw.location.text(), raw.message.text()))
    return result


class Handle:
    """An object of the library that is freed with the Python object."""

    def __init__(self, pointer: Optional[int], destroy: str) -> None:
        self.pointer = pointer
        # Not at exit: arrays that are views may outlive that.
        weakref.finalize(self, getattr(library(), destroy), pointer).atexit = False


def create(name: str, destroy: str, *arguments: Any) -> Handle:
    """Calls a function whose last parameter takes a new handle."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out))
    return Handle(out.value, destroy)


def defaults(name: str, **values: Any) -> Any:
    """The default options `name`, with those values set that are not None."""
    options = getattr(library(), f"vnm{name}GetDefault")()
    for field, value in values.items():
        if value is not None:
            setattr(options, field, value)
    return options


def number(enumeration: str, text: str) -> int:
    """The number of an enumerator, e.g. of ("Form", "free")."""
    result = ctypes.c_int32()
    call(f"vnm{enumeration}Parse", string(text), ctypes.byref(result))
    return result.value


def double(name: str, *arguments: Any) -> float:
    """Calls a function whose last parameter takes a number."""
    result = ctypes.c_double()
    call(name, *arguments, ctypes.byref(result))
    return result.value
