# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file compresses checkpoints, one tensor at a time, and goes on after a kill.

"""Compression of checkpoints.

Every tensor becomes a file of its own in a folder beside the output, written
atomically; a shard is put together of these when all are there, and they are removed
when a mark says that it is. So at most one tensor is in memory, and what a killed run
has left is where the next one starts.
"""

import glob
import hashlib
import json
import pathlib
import re
import time
from typing import Any, NamedTuple, Optional

from ._arrays import BFLOAT16
from ._checkpoint import Checkpoint, Shard, check_writable, find_checkpoint, stamp, write_index, write_json
from ._files import RawTensor, SafetensorsFile, SafetensorsWriter
from ._pattern import Pattern
from ._progress import Progress
from ._prune import importance, structure
from ._report import write_report
from ._tensor import pack_structure
from ._work import WorkFolder
from .errors import Error, FileError, FormatError, InvalidArgumentError

_TYPES = {"F16": "f16", "BF16": "bf16", "F32": "f32", "I8": "i8"}
# Weights that are looked up, not multiplied, or so small a part that quality pays.
_KEPT_DENSE = re.compile(r"embed|(^|\.)(wte|wpe|lm_head|head|classifier|score|pooler|norm|ln_\w+)\.|position")
# Hugging Face's GPT-2 keeps these as in x out.
_CONV1D = re.compile(r"(^|\.)h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight$")
_TRANSPOSED_KEY = "vnm_transposed"
# What a complete output was made with.
_DIGEST_KEY = "vnm_compress"


class CompressOptions(NamedTuple):
    """What to compress and how; all that the result depends on."""

    pattern: str = "64:2:8"
    layers: Optional[str] = None  #: which names; by default 2-D float weights
    transposed: Optional[str] = None  #: which names are in x out
    form: str = "strict"
    permute_rows: bool = False
    effort: str = "default"
    criterion: str = "magnitude"
    keep_bad: bool = False  #: leave layers dense that cannot be pruned
    norms: Optional[str] = None  #: file with ||x_j||_2 of layers' inputs, by the weight's name


def is_layer(name: str, tensor: RawTensor, options: CompressOptions) -> bool:
    """Whether a tensor is to be compressed. Error: one that is named, but cannot be."""
    if options.layers is not None:
        if not re.search(options.layers, name):
            return False
        if len(tensor.shape) != 2 or tensor.dtype not in _TYPES:
            raise InvalidArgumentError(
                f"{name}: requires a matrix of {', '.join(_TYPES)}, but it is {tensor.dtype} of shape {tensor.shape}"
            )
        return True
    if len(tensor.shape) != 2 or tensor.dtype not in ("F16", "BF16", "F32") or 0 in tensor.shape:
        return False
    return name.endswith("weight") and not _KEPT_DENSE.search(name)


def _norms_of(name: str, options: CompressOptions) -> Any:
    """The norms of a layer's inputs, if there is a file of them. Error: it lacks the layer."""
    if options.norms is None:
        return None
    with SafetensorsFile(options.norms) as file:
        if name not in file.plain_names():
            raise InvalidArgumentError(f"requires the norms of its inputs in '{options.norms}', but they are not there")
        norms = file.read_raw(name)
        if norms.dtype not in ("F16", "F32", "F64"):
            raise InvalidArgumentError(f"requires norms of F16, F32 or F64 in '{options.norms}', but they are {norms.dtype}")
        return norms.array().copy()


def _compress_layer(name: str, tensor: RawTensor, options: CompressOptions, row: dict[str, Any]) -> Any:
    """The packed weight; says in `row` what became of it."""
    element_type = _TYPES[tensor.dtype]
    weight = tensor.array()
    if options.transposed and re.search(options.transposed, name):
        weight, row["transposed"] = weight.T, True
    elif _CONV1D.search(name):
        row["note"] = "named as in GPT-2, whose Conv1D layers are in x out; see --transposed"
    dtype = "bf16" if element_type == "bf16" and BFLOAT16 is None else None
    try:
        norms = _norms_of(name, options)
        scores = importance(weight, criterion=options.criterion, activation_norms=norms, dtype=dtype)
        kept = structure(
            None,
            options.pattern,
            scores=scores,
            form=options.form,
            permute_rows=options.permute_rows,
            effort=options.effort,
        )
        row["retained"] = kept.retained(scores)
        del scores
        packed = pack_structure(weight, kept, dtype, False, 0)
    except InvalidArgumentError as error:
        if not options.keep_bad:
            raise InvalidArgumentError(f"{name}: {error}") from error
        row["note"] = f"left dense: {error}"
        return tensor
    row.update(pattern=options.pattern, form=options.form, rows=weight.shape[0], cols=weight.shape[1])
    row["bytes"] = packed.nbytes
    return packed


class _Run:
    """One run over a checkpoint, or what is left of it."""

    def __init__(self, checkpoint: Checkpoint, options: CompressOptions, work: pathlib.Path) -> None:
        self.checkpoint, self.options, self.work = checkpoint, options, work
        sources = [[shard.source.name, shard.source.stat().st_size] for shard in checkpoint.shards]
        if options.norms is not None:
            sources.append([options.norms, pathlib.Path(options.norms).stat().st_size])
        self.digest = hashlib.sha256(json.dumps([options, sources]).encode()).hexdigest()

    def is_complete(self) -> bool:
        """Whether all outputs are there, newer than the inputs, by the same options."""
        for shard in self.checkpoint.shards:
            if not shard.target.is_file() or shard.target.stat().st_mtime_ns < shard.source.stat().st_mtime_ns:
                return False
            try:
                with SafetensorsFile(shard.target) as file:
                    if file.metadata().get(_DIGEST_KEY) != self.digest:
                        return False
            except FormatError:
                return False
        return self.checkpoint.index is None or self.checkpoint.index.is_file()

    def remove_temporaries(self) -> None:
        """Removes what a kill in the midst of writing an output has left beside it."""
        targets = [shard.target for shard in self.checkpoint.shards]
        for target in targets + ([self.checkpoint.index] if self.checkpoint.index else []):
            for left in target.parent.glob(f"{glob.escape(target.name)}.tmp-*"):
                left.unlink()

    def all_shards(self, quiet: bool) -> list[dict[str, Any]]:
        """Makes what is missing; returns what became of all tensors."""
        rows: list[dict[str, Any]] = []
        total = sum(len(self.entries(shard)) for shard in self.checkpoint.shards)
        with Progress(total, quiet) as progress:
            for number, shard in enumerate(self.checkpoint.shards):
                rows += self.shard(number, shard, progress)
        write_index(self.checkpoint)
        return rows

    def entries(self, shard: Shard) -> list[tuple[str, bool]]:
        """Names in a shard and whether each is a packed weight already."""
        with SafetensorsFile(shard.source) as file:
            return [(name, False) for name in file.plain_names()] + [(name, True) for name in file.packed_names()]

    def part(self, number: int, index: int) -> pathlib.Path:
        return self.work / f"{number:05}-{index:06}.safetensors"

    def write_part(self, shard: Shard, part: pathlib.Path, name: str, is_packed: bool) -> dict[str, Any]:
        """Compresses or copies one tensor; the part exists only when all is done."""
        row: dict[str, Any] = {"name": name}
        writer, started = SafetensorsWriter(), time.monotonic()
        # Opened per tensor: what was read of a map counts as memory.
        with SafetensorsFile(shard.source) as file:
            if is_packed:
                packed = file.read_packed(name)
                row.update(note="packed already", bytes=packed.nbytes)
                writer.add(name, packed)
            else:
                tensor = file.read_raw(name)
                row.update(dtype=tensor.dtype, shape=list(tensor.shape), dense_bytes=tensor.data.nbytes)
                row["bytes"] = tensor.data.nbytes
                layer = is_layer(name, tensor, self.options)
                writer.add(name, _compress_layer(name, tensor, self.options, row) if layer else tensor)
                if layer:
                    row["seconds"] = round(time.monotonic() - started, 3)
        write_json(part.with_suffix(".json"), row)
        writer.write(part)
        return row

    def shard(self, number: int, shard: Shard, progress: Progress) -> list[dict[str, Any]]:
        """Makes one shard; returns what became of its tensors."""
        mark = self.work / f"{number:05}.done"
        if mark.exists():
            rows = json.loads(mark.read_text(encoding="utf-8"))
            for row in rows:
                progress.step(f"{row['name']}: done before")
            return rows
        entries, rows = self.entries(shard), []
        writer = SafetensorsWriter()
        with SafetensorsFile(shard.source) as file:
            metadata = file.metadata()
        for index, (name, is_packed) in enumerate(entries):
            part = self.part(number, index)
            if part.exists():
                row = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
                progress.step(f"{name}: done before")
            else:
                row = self.write_part(shard, part, name, is_packed)
                progress.step(describe(row))
            rows.append(row)
            writer.add_file(part)
        turned = json.loads(metadata.get(_TRANSPOSED_KEY, "[]"))
        turned += [row["name"] for row in rows if row.get("transposed")]
        if turned:
            metadata[_TRANSPOSED_KEY] = json.dumps(turned)
        metadata[_DIGEST_KEY] = self.digest
        for key, value in metadata.items():
            writer.set_metadata(key, value)
        writer.write(shard.target)
        write_json(mark, rows)
        for index in range(len(entries)):
            self.part(number, index).unlink()
            self.part(number, index).with_suffix(".json").unlink()
        return rows


def describe(row: dict[str, Any]) -> str:
    """A line about one tensor."""
    text = f"{row['name']}: " + (f"{row['pattern']} {row['form']}" if "pattern" in row else "as it was")
    if "retained" in row and "pattern" in row:
        text += f", {100 * row['retained']:.1f} % of importance, {row['dense_bytes']} -> {row['bytes']} bytes"
    return text + (f" ({row['note']})" if "note" in row else "")


def _check_expressions(checkpoint: Checkpoint, options: CompressOptions) -> None:
    """InvalidArgumentError: one that is none, or that no name of a tensor matches."""
    names: list[str] = []
    for shard in checkpoint.shards:
        with SafetensorsFile(shard.source) as file:
            names += file.plain_names() + file.packed_names()
    for what, expression in (("layers", options.layers), ("transposed", options.transposed)):
        try:
            found = expression is None or any(re.search(expression, name) for name in names)
        except re.error as error:
            raise InvalidArgumentError(f"requires a regular expression, but '{expression}' is none: {error}") from error
        if not found:
            raise InvalidArgumentError(
                f"requires {what} that match the name of a tensor, but '{expression}' matches none of {len(names)}"
            )


def compress_checkpoint(
    source: str,
    target: str,
    options: CompressOptions,
    *,
    report: Optional[str] = None,
    force: bool = False,
    quiet: bool = False,
) -> Optional[list[dict[str, Any]]]:
    """Compresses a checkpoint; what a killed run has done is not done again.

    Returns a row per tensor, which also goes to the file `report`, HTML or JSON by its
    name; None if all was complete before. Errors: another output that exists, unless `force`; a folder of
    another run; a layer that cannot be pruned, unless options.keep_bad.
    """
    options = options._replace(pattern=str(Pattern(options.pattern)))
    if options.criterion == "wanda" and options.norms is None:
        raise InvalidArgumentError("requires norms of the layers' inputs for wanda, but there are none")
    if options.criterion == "magnitude" and options.norms is not None:
        raise InvalidArgumentError("requires the criterion wanda or ria with norms, but it is magnitude")
    checkpoint = find_checkpoint(source, target)
    _check_expressions(checkpoint, options)
    if report is not None:
        check_writable(report)
    state = {"version": 1, "options": list(options), "sources": checkpoint.stamp()}
    if options.norms is not None:
        SafetensorsFile(options.norms).close()  # Raises for what is no such file.
        state["norms"] = stamp(pathlib.Path(options.norms))
    work = pathlib.Path(f"{target.rstrip('/')}.parts")
    try:
        if checkpoint.index is not None:
            checkpoint.index.parent.mkdir(parents=True, exist_ok=True)
        run = _Run(checkpoint, options, work)
        with WorkFolder(work, state) as folder:
            if not folder.resumed:
                existing = [] if force else [shard.target for shard in checkpoint.shards if shard.target.exists()]
                if existing:
                    folder.sweep()
                    if run.is_complete():
                        return None
                    raise InvalidArgumentError(f"requires --force to write over '{existing[0]}', but it is not given")
                folder.begin()
            run.remove_temporaries()
            rows = run.all_shards(quiet)
            if report is not None:
                write_report(pathlib.Path(report), options._asdict(), rows)
            folder.sweep()
            return rows
    except OSError as error:
        if isinstance(error, Error):
            raise
        raise FileError(f"requires readable and writable files, but {error}") from error
