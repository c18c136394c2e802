# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real data that a Debian machine with Python and scikit-learn has: text and digits."""

import gzip
import hashlib
import importlib.util
import pathlib
import sysconfig

import numpy as np

CORPUS, DIGITS = "corpus.npz", "digits.npz"
# Of every 20 files, one is kept for validation.
VALIDATION = 20
MAX_FILE = 200_000


def _sources():
    """Files of text: Python's library with its topics, licences, manual pages."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    yield from (path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    yield from pathlib.Path("/usr/share/common-licenses").glob("*")
    yield from pathlib.Path("/usr/share/man/man1").glob("*.gz")
    yield from pathlib.Path("/usr/share/perl").rglob("*.p[mo]d*")


def _read(path):
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def make_corpus(folder, megabytes):
    """Writes {train, validation} bytes; returns their sizes. A file's hash decides where
    it goes and in which order, so that duplicates meet and are dropped."""
    files = {}
    for path in _sources():
        try:
            data = _read(path)
        except OSError:
            continue
        if 1000 <= len(data):
            files[hashlib.sha256(data).hexdigest()] = data[:MAX_FILE]
    parts = {"train": [], "validation": []}
    for digest in sorted(files):
        part = "validation" if int(digest[-4:], 16) % VALIDATION == 0 else "train"
        parts[part].append(files[digest] + b"\n\n")
    limit = int(megabytes * 1e6)
    arrays = {name: np.frombuffer(b"".join(data), np.uint8)[:limit] for name, data in parts.items()}
    np.savez_compressed(pathlib.Path(folder) / CORPUS, **arrays)
    return {name: len(array) for name, array in arrays.items()}


def make_digits(folder):
    """Writes the 1797 scanned digits, 8 x 8 with 17 grey levels, that scikit-learn ships
    (from UCI's Optical Recognition of Handwritten Digits); returns their number."""
    package = importlib.util.find_spec("sklearn")
    if package is None:
        raise SystemExit("error: requires scikit-learn, which ships the digits, but it is not installed")
    path = pathlib.Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(gzip.open(path, "rt"), delimiter=",", dtype=np.uint8)
    np.savez_compressed(pathlib.Path(folder) / DIGITS, images=table[:, :64].reshape(-1, 8, 8), labels=table[:, 64])
    return len(table)
