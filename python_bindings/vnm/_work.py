# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the folder of what an unfinished run has done.

"""The folder of parts of a run."""

import fcntl
import json
import pathlib
import re
import shutil
from typing import Any

from ._checkpoint import write_json
from .errors import FileError, InvalidArgumentError

# All that such a folder holds.
_OURS = re.compile(r"^(lock|state\.json|\d{5}\.done|\d{5}-\d{6}\.(json|safetensors))(\.tmp-[\d-]+)?$")
_FINISHED = {"finished": True}


class WorkFolder:
    """A folder that one process at a time has; `resumed` says that it goes on.

    `state` is all that the parts depend on: a folder of another state is an error.
    """

    def __init__(self, path: pathlib.Path, state: dict[str, Any]) -> None:
        self.path, self.resumed = path, False
        self._state, self._file = state, path / "state.json"

    def __enter__(self) -> "WorkFolder":
        self.path.mkdir(exist_ok=True)
        foreign = [entry for entry in self.path.iterdir() if not _OURS.search(entry.name)]
        if foreign:
            raise FileError(f"requires '{self.path}' for parts only, but it holds '{foreign[0].name}'")
        self._lock = open(self.path / "lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read_state()
        except BlockingIOError as error:
            self._lock.close()
            raise FileError(f"requires no other run on '{self.path}', but one is under way") from error
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def _read_state(self) -> None:
        found = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else _FINISHED
        self.resumed = found == self._state
        if not self.resumed and found != _FINISHED:
            raise InvalidArgumentError(
                f"requires the options and inputs that '{self.path}' was begun with, but they changed; "
                "remove the folder to start anew"
            )
        # Temporary files of a killed run, or all that one left that was sweeping.
        for left in self.path.iterdir():
            if ".tmp-" in left.name or (not self.resumed and left.name not in ("lock", "state.json")):
                left.unlink()

    def begin(self) -> None:
        """Says what the parts to come depend on."""
        write_json(self._file, self._state)

    def sweep(self) -> None:
        """Removes the folder; a kill in between leaves one that is finished."""
        write_json(self._file, _FINISHED)
        shutil.rmtree(self.path)
