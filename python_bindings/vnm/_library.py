# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file finds and loads the C library.

"""The C library libVNM-C, loaded once."""

import ctypes
import functools
import os
import pathlib
import sysconfig
from collections.abc import Iterator

from ._prototypes import declare
from .errors import LibraryError

_NAME = "libVNM-C.so"
_VERSION = "0.1"


def _candidates() -> Iterator[pathlib.Path]:
    """Where the library may lie: beside the package, or in a build of its tree."""
    package = pathlib.Path(__file__).resolve().parent
    yield package / _NAME
    root = package.parent.parent
    if (root / "include" / "vnm-c").is_dir():
        for preset in ("release", "debug"):
            yield root / "build" / preset / "lib" / _NAME
    # An editable install leaves the sources where they are.
    yield pathlib.Path(sysconfig.get_path("platlib")) / "vnm" / _NAME


def find_library() -> pathlib.Path:
    """The path of the library. VNM_LIBRARY, if set, decides."""
    chosen = os.environ.get("VNM_LIBRARY")
    if chosen:
        path = pathlib.Path(chosen)
        if path.is_file():
            return path
        raise LibraryError(f"requires VNM_LIBRARY to name {_NAME}, but there is no file '{chosen}'")
    tried = list(_candidates())
    for path in tried:
        if path.is_file():
            return path
    places = ", ".join(str(path) for path in tried)
    raise LibraryError(
        f"requires {_NAME} beside the package, in a build of its tree, or named by VNM_LIBRARY, "
        f"but there is none; looked for {places}"
    )


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library with the types of all functions declared."""
    path = find_library()
    try:
        loaded = ctypes.CDLL(str(path))
        declare(loaded)
    except (OSError, AttributeError) as error:
        raise LibraryError(f"requires a {_NAME} that loads, but '{path}' does not: {error}") from error
    version = loaded.vnmGetVersion().text()
    if not version.startswith(_VERSION + "."):
        raise LibraryError(f"requires version {_VERSION} of {_NAME}, but '{path}' has version {version}")
    return loaded
