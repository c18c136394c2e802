# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the GoogleTest programs a lit suite.

import os

import lit.formats

config.name = "VNM-Unit"
config.suffixes = []
config.test_source_root = os.path.join(config.vnm_obj_root, "test", "unit")
config.test_exec_root = config.test_source_root
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.test_format.test_suffixes = {"Test", "Tests"}
for name in ("ASAN_OPTIONS", "HOME", "LSAN_OPTIONS", "TMPDIR", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
