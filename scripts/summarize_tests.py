# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file adds up a lit report and a lint report:
#   summarize_tests.py REPORT.json LINT.txt EXPECT_LINT
# It prints what was skipped and failed, then "N passed, N failed" as last line.

import json
import sys

PASSES = {"PASS", "XFAIL", "FLAKYPASS"}
SKIPS = {"UNSUPPORTED", "SKIPPED", "EXCLUDED"}


def main(report_path, lint_path, expect_lint):
    with open(report_path) as file:
        results = [(test["code"], test["name"]) for test in json.load(file)["tests"]]
    with open(lint_path) as file:
        lint = [line.split(maxsplit=1) for line in file.read().splitlines()]
    if expect_lint and not lint:
        lint = [["FAIL", "lint did not run"]]
    results += [(code, f"lint: {name}") for code, name in lint]

    passed = sum(code in PASSES for code, _ in results)
    skipped = [name for code, name in results if code in SKIPS]
    failed = [name for code, name in results if code not in PASSES | SKIPS]
    if skipped:
        print(f"{len(skipped)} skipped, for want of a device, a tool or a feature:")
        print("".join(f"  {name}\n" for name in skipped), end="")
    for name in failed:
        print(f"FAILED: {name}")
    # No test at all is a failure of the harness.
    broken = len(failed) + (passed == 0)
    print(f"{passed} passed, {broken} failed")
    return 1 if broken else 0


sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3] == "1"))
