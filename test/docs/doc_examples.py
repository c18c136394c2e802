# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file parses and verifies every example in the documentation: the blocks
# marked mlir in docs and in the reference generated from the .td files. Every op,
# attribute and pass must have one.
#
# An example is a module, a list of attributes or types, or ops. Free values of ops
# become arguments of a function around them, with the types that the ops spell
# out. A line "// becomes" separates two examples in one block. What is no valid IR
# (an elision, a sketch) belongs in a block without the mark.
#
# RUN: %python %s %vnm_src/docs %vnm_obj/docs vnm-opt

import pathlib
import re
import subprocess
import sys

# Ops that stand only inside another op: their surroundings.
SETUPS = {
    "vnm.yield": """
func.func @example(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>,
                   %y: tensor<128x8xf16>) -> tensor<128x8xf16> {{
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>)
                  outs(%y : tensor<128x8xf16>) epilogue {{
    ^bb0(%acc: f32):
      %out = arith.truncf %acc : f32 to f16
      {}
    }} -> tensor<128x8xf16>
  return %0 : tensor<128x8xf16>
}}
""",
}
OPENING, CLOSING = "(<{[", ")>}]"


def blocks(text):
    """Yields (section, line, text) of every block marked mlir."""
    section, body, start = "", None, 0
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"#{2,4} `?-?([\w.-]+)`?", line)
        if body is None and heading:
            section = heading[1]
        elif body is None and line.strip() == "```mlir":
            body, start = [], number
        elif body is not None and line.strip() == "```":
            for part in re.split(r"^\s*// becomes\s*$", "\n".join(body), flags=re.M):
                yield section, start, part
            body = None
        elif body is not None:
            body.append(line)


def sections(text):
    """Headings that must have an example: ops, attributes and passes."""
    return re.findall(r"^### (?:`-?([\w.-]+)`.*|(\w+Attr))$", text, flags=re.M)


def dedent_lines(text):
    lines = [line for line in text.splitlines() if line.strip()]
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    return [line[indent:] for line in lines]


def statements(text):
    """Joins continuation lines to the line they continue."""
    result = []
    for line in dedent_lines(text):
        if line.lstrip().startswith("//"):
            continue
        if result and (line[0] == " " or line[0] in CLOSING + ":-"):
            result[-1] += "\n" + line
        else:
            result.append(line)
    return result


def split_top_level(text, separator):
    """Splits at separators outside brackets; "->" is no bracket."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char in OPENING:
            depth += 1
        elif char in CLOSING and not (char == ">" and text[index - 1] == "-"):
            depth -= 1
        elif depth == 0 and char == separator:
            parts.append(text[start:index])
            start = index + 1
    return parts + [text[start:]]


def types_after_colon(text):
    """Operand types of a trailing `: types`."""
    parts = split_top_level(text, ":")
    if len(parts) < 2:
        return []
    types = re.split(r"\s->\s|\sto\s", parts[1].strip())[0].strip()
    if types.startswith("("):
        types = types[1:-1]
    return [t.strip() for t in split_top_level(types, ",")]


def free_values(stmts):
    """Names and types of the values that the statements use but do not define."""
    defined, free = set(), {}
    for statement in stmts:
        lhs, rhs = "", statement
        if statement.startswith("%"):
            lhs, rhs = re.match(r"((?:%[\w, %:]+)) = (.*)", statement, flags=re.S).groups()
        # Names that a region defines are its own.
        inner = set(re.findall(r"(%\w+)\s*(?:,\s*%\w+\s*)*=\s", rhs))
        for args in re.findall(r"\^\w+\(([^)]*)\)", rhs):
            inner |= set(re.findall(r"%\w+", args))
        rest = re.sub(r"\{\s*\^.*\}", "", rhs, flags=re.S)
        uses = []
        for names, types in re.findall(r"\(((?:\s*%[^():]*?)):([^()]*)\)", rest):
            uses += list(zip(re.findall(r"%\w+", names), [t.strip() for t in split_top_level(types, ",")]))
        rest = re.sub(r"\w*\(\s*%[^()]*?:[^()]*\)", "", rest)
        names = re.findall(r"%\w+", split_top_level(rest, ":")[0])
        uses += list(zip(names, types_after_colon(rest)))
        for name, type_ in uses:
            if name not in defined | inner and free.setdefault(name, type_) != type_:
                raise ValueError(f"{name} is used as {free[name]} and as {type_}")
        defined |= set(re.findall(r"%\w+", lhs))
    return free


def wrap(section, text):
    """A module that holds the example."""
    if re.search(r"^\s*(module|func\.func|gpu\.(?:module|binary)|llvm\.func|ml_program\.global)\b", text, flags=re.M):
        return text
    stmts = statements(text)
    if section in SETUPS:
        return SETUPS[section].format("\n".join(stmts))
    if all(s.startswith("#") for s in stmts):
        return "\n".join(f'"example.attribute"() {{value = {s}}} : () -> ()' for s in stmts)
    if all(s.startswith("tensor<") for s in stmts):
        return "\n".join(f"func.func private @type_{i}({s})" for i, s in enumerate(stmts))
    arguments = ", ".join(f"{name}: {type_}" for name, type_ in free_values(stmts).items())
    return f"func.func @example({arguments}) {{\n{chr(10).join(stmts)}\nreturn\n}}"


def check(opt, section, text):
    """The reason why the example is none, or nothing."""
    try:
        module = wrap(section, text)
    except ValueError as error:
        return str(error)
    result = subprocess.run(
        [opt, "--allow-unregistered-dialect", "-o", "-"], input=module, capture_output=True, text=True
    )
    if result.returncode != 0:
        return f"{result.stderr.strip()}\nin:\n{module}"
    return None


def registered_passes(opt):
    text = subprocess.run([opt, "--help"], capture_output=True, text=True).stdout
    return set(re.findall(r"^ +--((?:convert-)?vnm-[\w-]+) ", text, flags=re.M))


def main(source, generated, opt):
    failures, examples, wanted, have = [], 0, set(), set()
    files = [p for d in (source, generated) for p in sorted(pathlib.Path(d).rglob("*.md"))]
    for path in files:
        text = path.read_text()
        if pathlib.Path(generated) in path.parents:
            wanted |= {a or b for a, b in sections(text)}
        for section, line, body in blocks(text):
            problem = check(opt, section, body)
            examples += 1
            if problem:
                failures.append(f"{path}:{line}: example of {section}: {problem}")
            else:
                have.add(section)
    failures += [f"requires an example of {name} that parses" for name in sorted(wanted - have)]
    documented = {name for name in wanted if "vnm-" in name}
    pipelines = {
        "vnm-lower-emulation-host",
        "vnm-lower-to-cpu",
        "vnm-lower-to-emulation",
        "vnm-lower-to-nvvm",
        "vnm-sparsify-model",
    }
    failures += [
        f"requires documentation of the pass {name}"
        for name in sorted(registered_passes(opt) - documented - pipelines)
    ]
    if not {"vnm.matmul", "EncodingAttr", "vnm-expand-storage"} <= wanted:
        failures.append(f"requires generated documentation in {generated}, but it holds {sorted(wanted)}")
    # The harness itself: a wrong example must not pass.
    if not check(opt, "vnm.matmul", "%0 = vnm.decompress %e : tensor<4x4xf16> to tensor<4x4xf16>"):
        failures.append("requires a wrong example to fail")
    print("\n\n".join(failures))
    print(f"{examples} examples, {len(have)} sections, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
