# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the exceptions of the package.

"""Exceptions. Each carries the library's diagnostic as its text."""


from typing import NamedTuple


class Error(Exception):
    """What every exception of the package is.

    >>> import vnm
    >>> try:
    ...     vnm.Pattern("63:2:8")
    ... except vnm.Error as error:
    ...     print(error)
    requires V to be a power of two in [16, 1048576], but V is 63
    """


class InvalidArgumentError(Error, ValueError):
    """An argument, or a value in an array, that a function refuses."""


class Diagnostic(NamedTuple):
    """What the compiler says of a place in a source."""

    severity: str  #: "error", "warning", "remark", or "note" on the one before it
    location: str  #: as MLIR prints it, such as '"model.mlir":3:5'
    message: str


class CompileError(InvalidArgumentError):
    """A module that does not parse, verify or compile; `diagnostics` say why.

    >>> import vnm
    >>> try:
    ...     vnm.compile("func.func @f() { return 1 }", source_name="f.mlir")
    ... except vnm.CompileError as error:
    ...     print(error.diagnostics[0].location)
    "f.mlir":1:24
    """

    def __init__(self, message: str, diagnostics: list[Diagnostic]) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class FormatError(Error, ValueError):
    """Bytes or arrays that break a format; names the rule, as in "[S9] requires"."""


class FileError(Error, OSError):
    """A file that cannot be read or written."""


class OutOfMemoryError(Error, MemoryError):
    """Memory ran out inside the library."""


class InternalError(Error, RuntimeError):
    """A failure that should not be."""


class LibraryError(Error, ImportError):
    """The C library is missing, does not load, or has another version."""


# By the numbers of VnmSeverity.
SEVERITIES = ("error", "warning", "remark", "note")
# By the numbers of VnmErrorKind.
KINDS = {
    1: InvalidArgumentError,
    2: FormatError,
    3: FileError,
    4: OutOfMemoryError,
    5: InternalError,
}
