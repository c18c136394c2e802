#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file configures and builds everything, tests included:
#   scripts/build.sh [--preset release|debug|asan]

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
while [[ $# -gt 0 ]]; do
  case $1 in
    --preset) preset=${2:?requires a preset after --preset}; shift 2 ;;
    *) echo "usage: scripts/build.sh [--preset release|debug|asan]" >&2; exit 2 ;;
  esac
done

# Paths relative to the tree: folders of the same content share the cache.
export CCACHE_BASEDIR=$PWD
cmake --preset "$preset"
cmake --build "build/$preset" -j "$(nproc)"
cmake --build "build/$preset" -j "$(nproc)" --target VNMUnitTests VNMTestPlugin vnm-doc
