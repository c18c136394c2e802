# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file finds the shards of checkpoints and writes small files atomically.

"""Checkpoints of one or many safetensors files."""

import json
import os
import pathlib
from typing import Any, NamedTuple, Optional

from ._files import SafetensorsFile
from .errors import FileError, FormatError, InvalidArgumentError

INDEX = "model.safetensors.index.json"


class Shard(NamedTuple):
    """One file of a checkpoint, and the file that it becomes."""

    source: pathlib.Path
    target: pathlib.Path


def stamp(path: pathlib.Path) -> list[Any]:
    """What tells one state of a file from another."""
    stat = path.stat()
    return [str(path.resolve()), stat.st_size, stat.st_mtime_ns]


class Checkpoint(NamedTuple):
    """All files of a checkpoint; `index` is where a new index goes, if any."""

    shards: list[Shard]
    index: Optional[pathlib.Path]

    def stamp(self) -> list[list[Any]]:
        """What tells one state of the sources from another."""
        return [stamp(shard.source) for shard in self.shards]


def find_checkpoint(source: str, target: str) -> Checkpoint:
    """The shards of a file, of an index, or of a folder that holds either.

    Sharded checkpoints go to a folder `target`, others to a file.
    """
    path = pathlib.Path(source)
    if path.is_dir():
        choices = [path / INDEX, path / "model.safetensors"]
        path = next((choice for choice in choices if choice.is_file()), path)
        if path.is_dir():
            raise FileError(f"requires {INDEX} or model.safetensors in '{source}', but there is neither")
    if not path.is_file():
        raise FileError(f"requires a readable file, but there is no '{source}'")
    if path.name.endswith(".index.json"):
        names = sorted(set(read_index(path)["weight_map"].values()))
        folder = pathlib.Path(target)
        if folder.exists() and not folder.is_dir():
            raise InvalidArgumentError(f"requires a folder for a sharded checkpoint, but '{target}' is a file")
        shards = [Shard(path.parent / name, folder / name) for name in names]
        checkpoint = Checkpoint(shards, folder / path.name)
    else:
        checkpoint = Checkpoint([Shard(path, pathlib.Path(target))], None)
    for shard in checkpoint.shards:
        if not shard.source.is_file():
            raise FileError(f"requires the shard '{shard.source}' that '{path}' names, but there is no such file")
        if shard.source.resolve() == shard.target.resolve():
            raise InvalidArgumentError(f"requires an output that is not the input, but '{shard.source}' is both")
    return checkpoint


def read_index(path: pathlib.Path) -> dict[str, Any]:
    """An index file, checked: weight_map maps names to names of files beside it."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        names = set(index["weight_map"].values())
        bad = [name for name in names if not isinstance(name, str) or os.path.basename(name) != name or not name]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: requires a JSON object with a weight_map, but {error!r}") from error
    if bad or not names:
        found = repr(bad[0]) if bad else "there is none"
        raise FormatError(f"{path}: requires a weight_map to names of files beside it, but {found}")
    return index


def write_index(checkpoint: Checkpoint) -> None:
    """Writes the index of the new shards, by what is in them."""
    if checkpoint.index is None:
        return
    weight_map, total = {}, 0
    for shard in checkpoint.shards:
        with SafetensorsFile(shard.target) as file:
            for name in file.names():
                weight_map[name] = shard.target.name
                total += file.read_raw(name).data.nbytes
    write_json(checkpoint.index, {"metadata": {"total_size": total}, "weight_map": weight_map})


def check_writable(path: str) -> None:
    """FileError: a file that cannot be, which is better known before the work."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        why = "it is a folder" if os.path.isdir(path) else f"there is no writable folder '{folder}'"
        raise FileError(f"requires a writable path, but '{path}' cannot be written: {why}")


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes a file as a whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a file as a whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FileError(f"requires a writable path, but '{path}' cannot be written: {error.strerror}") from error
