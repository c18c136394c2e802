# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file compiles MLIR to IR, kernels and a manifest.

"""The compiler."""

import ctypes
import functools
import json
import os
import pathlib
from typing import Any, Callable, NamedTuple, Optional, Union

from . import _prototypes as c
from ._calls import Handle, call, create, defaults, diagnostics_of
from ._checkpoint import write_json
from ._library import library
from ._prune import check_threads
from .errors import Diagnostic, FileError, InvalidArgumentError

# By the numbers of VnmIRFormat.
_IR_FORMATS = {None: 0, "text": 1, "bytecode": 2}
# Formats of vnm-lower-to-nvvm, and what each makes.
_CODE_FORMATS = {"isa": "ptx", "bin": "cubin"}
_TOOLKIT_VARIABLES = ("CUDA_HOME", "CUDA_PATH")


class Remark(NamedTuple):
    """What a pass says of a decision: docs/reports.md and `vnm compile --remarks` show some."""

    kind: str  #: "Passed", "Missed", "Failure" or "Analysis"
    category: str  #: e.g. "vnm-select"
    name: str
    function: str  #: empty if it is about none
    location: str
    message: str  #: with reason, suggestion and metrics


class Compilation:
    """What became of a module."""

    def __init__(self, handle: Handle, again: Optional[Callable[[str], "Compilation"]]) -> None:
        # Compiles the same source to another format of code.
        self._again = again
        pointer = handle.pointer
        ir = library().vnmCompilationGetIR(pointer).bytes()
        #: The module after the last pass: text, or bytes of bytecode.
        self.ir: Union[str, bytes] = ir if ir.startswith(b"ML\xefR") else ir.decode("utf-8")
        #: What warnings there were.
        self.diagnostics: list[Diagnostic] = diagnostics_of("Compilation", pointer)
        #: What passes decided, and why.
        self.remarks: list[Remark] = [
            Remark(*(getattr(raw, field).text() for field in Remark._fields))
            for raw in _elements("Remark", "Remarks", pointer)
        ]
        #: PTX and cubins by file name, as the manifest calls them.
        self.code: dict[str, bytes] = {}
        self._formats: dict[str, str] = {}
        for raw in _elements("Code", "Code", pointer):
            self.code[raw.file_name.text()] = raw.data.bytes()
            self._formats[raw.file_name.text()] = raw.format.text()
        manifest = library().vnmCompilationGetManifest(pointer).text()
        #: What a launcher must know of the kernels (docs/aot.md).
        self.manifest: dict[str, Any] = json.loads(manifest) if manifest else {"version": 1, "kernels": []}

    @property
    def kernels(self) -> list[dict[str, Any]]:
        """The manifest's entries, one per kernel."""
        return self.manifest["kernels"]

    @functools.cached_property
    def ptx(self) -> str:
        """The PTX of the kernels."""
        return self._only("ptx").decode("utf-8")

    @functools.cached_property
    def cubin(self) -> bytes:
        """The cubin of the kernels. Error: there is no ptxas to make it."""
        return self._only("cubin")

    def _only(self, form: str) -> bytes:
        found = [name for name, format in self._formats.items() if format == form]
        if not found and self.code and self._again is not None:
            option = next(option for option, made in _CODE_FORMATS.items() if made == form)
            return self._again(option)._only(form)
        if len(found) != 1:
            raise InvalidArgumentError(
                f"requires a module whose kernels are compiled to one {form}, but it has {len(found)}"
            )
        return self.code[found[0]]

    def write(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the code and manifest.json, as the pass vnm-write-kernels does."""
        path = pathlib.Path(folder)
        if not self.code:
            raise InvalidArgumentError("requires compiled kernels to write, but there are none")
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name, data in self.code.items():
                (path / name).write_bytes(data)
        except OSError as error:
            raise FileError(f"requires a folder that can be written, but '{path}' cannot: {error.strerror}") from error
        write_json(path / "manifest.json", self.manifest)

    def __repr__(self) -> str:
        names = ", ".join(kernel["name"] for kernel in self.kernels)
        return f"Compilation({names or 'no kernels'})"


def _elements(kind: str, kinds: str, pointer: Optional[int]) -> list[Any]:
    """The C structures that a compilation has a list of."""
    result = []
    for index in range(getattr(library(), f"vnmCompilationGetNum{kinds}")(pointer)):
        raw = getattr(c, kind)()
        call(f"vnmCompilationGet{kind}", pointer, index, ctypes.byref(raw))
        result.append(raw)
    return result


def find_toolkit() -> Optional[str]:
    """The CUDA toolkit that CUDA_HOME or CUDA_PATH names, if it has ptxas.

    Without one, the library looks in PATH, /usr/local/cuda and /opt/cuda.
    """
    for variable in _TOOLKIT_VARIABLES:
        folder = os.environ.get(variable)
        if folder and os.access(os.path.join(folder, "bin", "ptxas"), os.X_OK):
            return folder
    return None


def _option(name: str, value: Any) -> str:
    """An option of a pipeline: MLIR's spelling of a Python value."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (list, tuple)):
        text = ",".join(map(str, value))
    else:
        text = str(value)
    if any(character in text for character in "{}'\""):
        raise InvalidArgumentError(f"requires {name} without braces and quotes, but it is {text!r}")
    quote = '"' if not text or any(character.isspace() for character in text) else ""
    return f"{name.replace('_', '-')}={quote}{text}{quote}"


def lowering(format: str = "isa", toolkit: Optional[str] = None, **options: Any) -> str:
    """The text of the pipeline vnm-lower-to-nvvm with options; None leaves one at its default.

    >>> lowering(chip="sm_90a", pattern="64:2:8", kernel_token_tile=None)
    'builtin.module(vnm-lower-to-nvvm{format=isa chip=sm_90a pattern=64:2:8})'
    """
    if format not in _CODE_FORMATS:
        raise InvalidArgumentError(f"requires a format of {' or '.join(_CODE_FORMATS)}, but it is {format!r}")
    if format == "bin":
        options["toolkit"] = toolkit or find_toolkit()
    given = {"format": format, **{name: value for name, value in options.items() if value is not None}}
    text = " ".join(_option(name, value) for name, value in given.items())
    return f"builtin.module(vnm-lower-to-nvvm{{{text}}})"


def compile(
    source: Union[str, bytes],
    *,
    pipeline: Optional[str] = None,
    chip: Optional[str] = None,
    format: str = "isa",
    toolkit: Optional[str] = None,
    ir: Optional[str] = "text",
    remarks: str = "vnm.*",
    source_name: str = "source",
    allow_unregistered_dialects: bool = False,
    threads: int = 0,
    **options: Any,
) -> Compilation:
    """Compiles a module, in MLIR's text or bytecode.

    Without `pipeline`, vnm-lower-to-nvvm runs, for `chip`, with further keywords as
    its options (docs/gpu.md), such as `pattern` to make dense weights sparse.
    `format` is "isa" for PTX or "bin" for a cubin, for which ptxas of `toolkit`, of
    CUDA_HOME, of PATH or of /usr/local/cuda runs. With `pipeline`, as mlir-opt's
    --pass-pipeline takes it, that runs instead. `ir` is "text", "bytecode" or None.

    >>> source = '''func.func @f(%x: tensor<64x32xf16>) -> tensor<64x32xf16> {
    ...   %w = arith.constant dense<1.0> : tensor<64x64xf16>
    ...   %zero = arith.constant dense<0.0> : tensor<64x32xf16>
    ...   %y = linalg.matmul ins(%w, %x : tensor<64x64xf16>, tensor<64x32xf16>)
    ...       outs(%zero : tensor<64x32xf16>) -> tensor<64x32xf16>
    ...   return %y : tensor<64x32xf16>
    ... }'''
    >>> compiled = compile(source, chip="sm_80", pattern="64:2:8")
    >>> compiled
    Compilation(spmm_0)
    >>> ".target sm_80" in compiled.ptx
    True
    >>> compiled.kernels[0]["pattern"], compiled.remarks[0].message
    ('64:2:8', 'layer f.0: weight 64 x 64 to become 64:2:8')
    >>> "vnm.matmul" in compile(source, pipeline="vnm-sparsify-model{pattern=64:2:8}").ir
    True
    """
    if pipeline is not None:
        given = {"chip": chip, "toolkit": toolkit, **options}
        extra = [name for name, value in given.items() if value is not None] + (["format"] if format != "isa" else [])
        if extra:
            raise InvalidArgumentError(f"requires no {extra[0]} beside a pipeline, but it is given")
    if ir not in _IR_FORMATS:
        raise InvalidArgumentError(f"requires ir to be 'text', 'bytecode' or None, but it is {ir!r}")
    raw = defaults("CompileOptions", ir_format=_IR_FORMATS[ir], threads=check_threads(threads))
    raw.allow_unregistered_dialects = allow_unregistered_dialects
    raw.remarks, raw.source_name = c.string(remarks), c.string(source_name)
    text = c.string(source)

    def run(pipeline: str, again: Any) -> Compilation:
        raw.pipeline = c.string(pipeline)
        return Compilation(create("vnmCompile", "vnmCompilationDestroy", text, ctypes.byref(raw)), again)

    if pipeline is not None:
        return run(pipeline, None)
    make = lambda form: lowering(form, toolkit, chip=chip, **options)
    return run(make(format), lambda form: run(make(form), None))

