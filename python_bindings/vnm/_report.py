# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file writes reports on compressed checkpoints.

"""What became of the tensors of a checkpoint, as JSON or as a page of HTML."""

import html
import io
import pathlib
from collections.abc import Sequence
from typing import Any

from . import plot
from ._checkpoint import write_json, write_text

_STYLE = """body { font: 14px sans-serif; margin: 2em; }
table { border-collapse: collapse; }
th, td { padding: 0.2em 0.7em; border-bottom: 1px solid #ccc; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.dense { color: #777; }
svg { max-width: 100%; height: auto; }"""
_COLUMNS = ["tensor", "shape", "type", "pattern", "form", "retained importance", "bytes before", "after", "s", "note"]


def dense_bytes(row: dict[str, Any]) -> int:
    """What a tensor took before; one that was packed already, what it takes."""
    return row.get("dense_bytes", row["bytes"])


def _cells(row: dict[str, Any]) -> list[tuple[str, bool]]:
    """A table's row: texts, and whether each is a number."""
    shape = " x ".join(map(str, row.get("shape", []))) + (", transposed" if row.get("transposed") else "")
    seconds = f"{row['seconds']:.2f}" if "seconds" in row else ""
    retained = f"{row['retained']:.4f}" if "pattern" in row else ""
    return [
        (row["name"], False),
        (shape, False),
        (row.get("dtype", ""), False),
        (row.get("pattern", ""), False),
        (row.get("form", ""), False),
        (retained, True),
        (str(dense_bytes(row)), True),
        (str(row["bytes"]), True),
        (seconds, True),
        (row.get("note", ""), False),
    ]


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{column}</th>" for column in _COLUMNS) + "</tr>"]
    for row in rows:
        cells = "".join(
            f'<td class="number">{html.escape(text)}</td>' if number else f"<td>{html.escape(text)}</td>"
            for text, number in _cells(row)
        )
        lines.append(("<tr>" if "pattern" in row else '<tr class="dense">') + cells + "</tr>")
    return "\n".join([*lines, "</table>"])


def _picture(packed: Sequence[dict[str, Any]]) -> str:
    """Retained importance by layer as SVG; a remark where there is no matplotlib."""
    if not packed:
        return ""
    if not plot.is_available():
        return "<p>Without matplotlib there are no pictures.</p>"
    figure = plot.layers([row["name"] for row in packed], [row["retained"] for row in packed])
    stream = io.StringIO()
    figure.savefig(stream, format="svg")
    text = stream.getvalue()
    return text[text.index("<svg") :]


def make_html(options: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """A page that needs no other file."""
    packed = [row for row in rows if "pattern" in row]
    before, after = (sum(map(count, rows)) for count in (dense_bytes, lambda row: row["bytes"]))
    seconds = sum(row.get("seconds", 0.0) for row in rows)
    chosen = ", ".join(f"{name} = {value}" for name, value in options.items() if value not in (None, False))
    share = f" ({100 * after / before:.1f} %)" if before else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>V:N:M compression report</title>
<style>
{_STYLE}
</style>
</head>
<body>
<h1>V:N:M compression report</h1>
<p>{len(packed)} of {len(rows)} tensors are compressed: {before} bytes became {after}{share}, in {seconds:.1f} s.</p>
<p>Options: {html.escape(chosen)}.</p>
{_picture(packed)}
{_table(rows)}
</body>
</html>
"""


def write_report(path: pathlib.Path, options: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Writes a page if the name ends in .html or .htm, and JSON otherwise."""
    if path.suffix.lower() in (".html", ".htm"):
        write_text(path, make_html(options, rows))
        return
    before, after = sum(map(dense_bytes, rows)), sum(row["bytes"] for row in rows)
    write_json(path, {"options": options, "tensors": list(rows), "dense_bytes": before, "bytes": after})
