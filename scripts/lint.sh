#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file runs the linters:
#   scripts/lint.sh [--all|--changed] [--build DIR] [--report FILE]
# --all (default) runs clang-tidy over every source of lib and tools; --changed
# only over those that differ from the branch main. Format and text are checked
# for every file either way. DIR is a configured and built folder (default
# build/release). FILE gets a line "PASS name" or "FAIL name" per check.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=all
build=build/release
report=/dev/null
while [[ $# -gt 0 ]]; do
  case $1 in
    --all | --changed) mode=${1#--}; shift ;;
    --build) build=${2:?requires a folder after --build}; shift 2 ;;
    --report) report=${2:?requires a file after --report}; shift 2 ;;
    *)
      echo "usage: scripts/lint.sh [--all|--changed] [--build DIR] [--report FILE]" >&2
      exit 2
      ;;
  esac
done

failed=0
check() {
  local name=$1
  shift
  local start=$SECONDS
  if "$@"; then
    echo "lint: $name: ok ($((SECONDS - start)) s)"
    echo "PASS $name" >> "$report"
  else
    echo "lint: $name: FAILED ($((SECONDS - start)) s)"
    echo "FAIL $name" >> "$report"
    failed=1
  fi
}

# Files of the tree, whether it is a clone or an unpacked archive.
list_files() {
  if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@"
  else
    find . -type f -not -path './build/*' -not -path './.git/*' | sed 's|^\./||' |
      grep -E "$(printf '%s\n' "$@" | sed 's/\./\\./g; s/\*/.*/g; s/$/$/' | paste -sd'|')"
  fi
}

format() {
  list_files '*.h' '*.cpp' '*.c' | xargs -r -d '\n' clang-format-22 --dry-run -Werror
}

text() {
  list_files '*' | xargs -r -d '\n' python3 scripts/check_text.py
}

python_sources() {
  local files
  mapfile -t files < <(list_files '*.py')
  if command -v ruff > /dev/null; then
    ruff check --quiet "${files[@]}" || return 1
  fi
  python3 - "${files[@]}" << 'PY'
import ast, sys
for path in sys.argv[1:]:
    with open(path) as file:
        ast.parse(file.read(), path)
PY
}

shell_sources() {
  list_files '*.sh' | while read -r file; do
    bash -n "$file" || exit 1
  done
}

tidy() {
  if [[ ! -f $build/compile_commands.json ]]; then
    echo "error: requires a configured build in $build (scripts/build.sh)" >&2
    return 1
  fi
  local sources
  if [[ $mode == changed ]]; then
    mapfile -t sources < <(git diff --name-only --diff-filter=d main -- 'lib/*.cpp' 'tools/*.cpp')
  else
    mapfile -t sources < <(list_files 'lib/*.cpp' 'tools/*.cpp')
  fi
  [[ ${#sources[@]} -gt 0 ]] || return 0
  # llvm-include-order takes a header forced from outside for the file's own.
  mkdir -p "$build/tidy"
  sed 's| -include [^ ]*/NoStatistics.h||g' "$build/compile_commands.json" \
    > "$build/tidy/compile_commands.json"
  # One line per finding is enough; run-clang-tidy names each file otherwise.
  local log=$build/clang-tidy.log
  if ! run-clang-tidy-22 -quiet -j "$(nproc)" -p "$build/tidy" \
    -clang-tidy-binary clang-tidy-22 \
    "${sources[@]/#/^$PWD/}" > "$log" 2>&1; then
    grep -E -A3 '(error|warning): ' "$log" || tail -5 "$log"
    return 1
  fi
}

check clang-format format
check text text
check python python_sources
check shell shell_sources
check clang-tidy tidy
exit "$failed"
