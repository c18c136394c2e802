#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file installs what is missing, builds, and runs everything: lit and unit
# tests, the examples in the documentation, the linters:
#   scripts/test.sh [--preset release|debug|asan] [--no-lint]
# The last line is "N passed, N failed"; the exit status is 0 if none failed.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
lint=1
while [[ $# -gt 0 ]]; do
  case $1 in
    --preset) preset=${2:?requires a preset after --preset}; shift 2 ;;
    --no-lint) lint=0; shift ;;
    *)
      echo "usage: scripts/test.sh [--preset release|debug|asan] [--no-lint]" >&2
      exit 2
      ;;
  esac
done

bash scripts/install_deps.sh
bash scripts/install_torch.sh
bash scripts/build.sh --preset "$preset"

# libMLIR is not instrumented: containers that cross into it look overflown, its
# allocations poisoned, and what it keeps leaked (docs/testing.md).
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

build=build/$preset
report=$build/test/report.json
/usr/lib/llvm-22/bin/lit -sv --time-tests --output "$report" "$build/test" || true
if [[ ! -s $report ]]; then
  echo "error: the test run left no report" >&2
  echo "0 passed, 1 failed"
  exit 1
fi
lint_report=$build/test/lint.txt
: > "$lint_report"
if [[ $lint -eq 1 ]]; then
  bash scripts/lint.sh --all --build "$build" --report "$lint_report" || true
fi
/usr/bin/env python3 scripts/summarize_tests.py "$report" "$lint_report" "$lint"
