# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs the examples in the package's docstrings and in the pages on
# Python. An instrumented library needs an instrumented Python.
#
# REQUIRES: numpy
# UNSUPPORTED: asan
# RUN: %vnm_python %s %vnm_src/docs/python.md %vnm_src/README.md

import doctest
import importlib
import pkgutil
import sys

import vnm


def main():
    # vnm.torch needs PyTorch and has a test of its own.
    names = ["vnm"] + [f"vnm.{module.name}" for module in pkgutil.iter_modules(vnm.__path__) if not module.ispkg]
    results = {}
    for name in names:
        if name != "vnm.__main__":
            results[name] = doctest.testmod(importlib.import_module(name))
    for path in sys.argv[1:]:
        results[path] = doctest.testfile(path, module_relative=False)
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    # Every public function and class has an example, or is in one.
    shown = "".join(open(importlib.import_module(name).__file__).read() for name in names)
    for name in vnm.__all__:
        assert f"{name}(" in shown or f"{name}," in shown, name
        assert getattr(vnm, name).__doc__, f"requires a docstring of {name}, but there is none"
    for path in sys.argv[1:]:
        assert results[path].attempted > 0, f"requires examples in {path}, but there are none"
    return sum(result.failed for result in results.values())


sys.exit(main())
