# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests the examples in vnm.torch's docstrings and pages.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: %vnm_torch_python %s %vnm_src/docs/torch.md %vnm_src/docs/training.md


import doctest
import importlib
import pkgutil
import sys

import torch
import vnm.torch


def main():
    names = ["vnm.torch"] + [module.name for module in pkgutil.walk_packages(vnm.torch.__path__, "vnm.torch.")]
    results = {name: doctest.testmod(importlib.import_module(name)) for name in names}
    for path in sys.argv[1:]:
        torch.manual_seed(0)
        results[path] = doctest.testfile(path, module_relative=False)
        assert results[path].attempted > 0, f"requires examples in {path}, but there are none"
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    for package in (vnm.torch, importlib.import_module("vnm.torch.lora")):
        for name in package.__all__:
            assert getattr(package, name).__doc__, f"requires a docstring of {name}, but there is none"
    return sum(result.failed for result in results.values())


sys.exit(main())
