# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler knows of schedules: which a product admits, and which it takes."""

import dataclasses
import json
import os
import re
import subprocess
import tempfile

import cases

VERSION = 1


def to_text(family, fields):
    """What #vnm.schedule holds, e.g. "family = wgmma_sp, token_tile = 256"."""
    return ", ".join([f"family = {family}", *(f"{name} = {value}" for name, value in sorted(fields.items()))])


def family_of(text):
    """The family of a schedule's text, as to_text writes it."""
    return text.split(",")[0].removeprefix("family = ")


def run_vnm_opt(vnm_opt, text, *passes):
    """What vnm-opt prints for a module; ends the program with its errors."""
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([vnm_opt, file.name, *passes], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {vnm_opt} failed:\n{done.stderr.strip()}")
    return done.stdout


def read_listing(path):
    """The products of a file that vnm-list-schedules wrote."""
    with open(path) as file:
        listing = json.load(file)
    if listing.get("version") != VERSION:
        raise SystemExit(f"error: requires a listing of version {VERSION}, but {path} has {listing.get('version')}")
    return listing["products"]


def list_products(vnm_opt, text, chip, *passes):
    """The products of a module, after `passes`, with the schedules they admit."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "schedules.json")
        run_vnm_opt(vnm_opt, text, *passes, f"--vnm-list-schedules=chip={chip} file={path}", "-o", os.devnull)
        return read_listing(path)


def key_of(dtype, rows, cols, tokens, pattern, token_major, y_token_major, fragments):
    return dtype, rows, cols, tokens, pattern, token_major, y_token_major, fragments


def admitted(vnm_opt, chip, work):
    """[(case, [schedule text])] of all cases that `chip` can compute."""
    module = "".join(cases.to_mlir(case, f"product{number}") for number, case in enumerate(work))
    known = {}
    for product in list_products(vnm_opt, module, chip):
        key = key_of(product["dtype"], product["rows"], product["cols"], product["tokens"], product["pattern"],
                     product["x_layout"] == "token_major", product["y_layout"] == "token_major",
                     product["weight_layout"] == "fragments")
        known[key] = [to_text(s["family"], s["fields"]) for s in product["schedules"]]
    return [(case, known[key_of(case.dtype, case.rows, case.cols, case.tokens, f"{case.v}:2:{case.m}",
                                case.token_major, case.token_major or case.y_token_major, case.fragments)])
            for case in work]


def with_canonical(work, which):
    """The cases and, if several schedules are wanted, canonical twins of those in
    fragments, for the families that read nothing else."""
    if which == "default":
        return list(work)
    return [twin for case in work for twin in dict.fromkeys([case, dataclasses.replace(case, fragments=False)])]


def drop_twins(listed):
    """Without schedules of canonical weights that the same product has in fragments."""
    known = {(case, text) for case, texts in listed for text in texts}
    return [
        (case, [text for text in texts
                if case.fragments or (dataclasses.replace(case, fragments=True), text) not in known])
        for case, texts in listed
    ]


def with_schedules(vnm_opt, chip, work, which):
    """The cases with the schedules to build them with: `which` is default (the
    compiler's choice), families (one of each family) or all."""
    if which == "default":
        return list(work)
    result = []
    for case, texts in drop_twins(admitted(vnm_opt, chip, work)):
        if which == "families":
            texts = list(dict.fromkeys(text.split(",")[0] for text in texts))
        result += [dataclasses.replace(case, schedule=text) for text in texts]
    return result


def with_texts(work, texts):
    """The cases with each of these schedules; mma_sp reads canonical weights only."""
    reads = lambda text: not text.startswith("family = mma_sp")
    return [dataclasses.replace(case, schedule=text, fragments=case.fragments and reads(text))
            for case in work for text in texts]


def chosen(vnm_opt, chip, table, work):
    """The schedule texts that vnm-choose-schedule takes for the cases, by `table`, a
    file, or by the built-in rule if it is empty; None where it takes none."""
    module = "".join(cases.to_mlir(case, f"product{number}") for number, case in enumerate(work))
    option = f"--vnm-choose-schedule=chip={chip}" + (f" cost-table={table}" if table else "")
    printed = run_vnm_opt(vnm_opt, module, option)
    result = []
    for function in printed.split("func.func @product")[1:]:
        match = re.search(r"#vnm\.schedule<([^>]*)>", function)
        result.append(match[1] if match else None)
    return result
