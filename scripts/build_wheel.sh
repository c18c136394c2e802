#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file builds the wheel, which holds its own LLVM and MLIR and serves every
# Python from 3.9 on, and checks what it needs and shows:
#   scripts/build_wheel.sh [--out FOLDER] [--python PYTHON]
# The last line is the wheel's path.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/wheel
python=python3
while [[ $# -gt 0 ]]; do
  case $1 in
    --out) out=${2:?requires a folder after --out}; shift 2 ;;
    --python) python=${2:?requires a Python after --python}; shift 2 ;;
    *) echo "usage: scripts/build_wheel.sh [--out FOLDER] [--python PYTHON]" >&2; exit 2 ;;
  esac
done

# As scripts/build.sh: one cache for all folders of the same content.
export CCACHE_BASEDIR=$PWD
launcher=$(command -v ccache || true)
mkdir -p "$out"
rm -f "$out"/vnm-*.whl
"$python" -m pip wheel . --no-deps --quiet --wheel-dir "$out" \
  --config-settings=build-dir=build/wheel-cmake \
  --config-settings=cmake.define.CMAKE_C_COMPILER_LAUNCHER="$launcher" \
  --config-settings=cmake.define.CMAKE_CXX_COMPILER_LAUNCHER="$launcher"
wheel=$(ls "$out"/vnm-*.whl)
"$python" scripts/check_wheel.py "$wheel"
echo "$wheel"
