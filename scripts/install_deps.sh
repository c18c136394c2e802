#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file installs the Debian 12 packages that building and testing need; only
# what is missing, with sudo if not run as root.

set -euo pipefail

packages=(
  # LLVM and MLIR 22: libraries, tools, compiler, linker, sanitizers, linters.
  clang-22 clang-format-22 clang-tidy-22 libclang-rt-22-dev libmlir-22-dev
  libomp-22-dev lld-22 llvm-22-dev llvm-22-tools mlir-22-tools
  # What LLVM's and MLIR's CMake packages look for.
  libcurl4-openssl-dev libedit-dev libffi-dev libxml2-dev libzstd-dev zlib1g-dev
  # Build and test.
  ccache cmake g++ libbenchmark-dev libboost-context-dev libgmock-dev libgtest-dev librapidcheck-dev
  ninja-build python3 python3-numpy
)

if ! command -v dpkg-query > /dev/null; then
  echo "error: requires Debian's packages, but there is no dpkg-query here;" \
    "install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "install_deps: everything is there"
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo > /dev/null; then
    echo "error: requires root or sudo to install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install_deps: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
for package in "${missing[@]}"; do
  if ! apt-cache show "$package" > /dev/null 2>&1; then
    echo "error: requires the package $package, but no configured source has it;" \
      "LLVM 22 comes with Debian 12's security updates (bookworm-security)" >&2
    exit 1
  fi
done
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
echo "install_deps: done"
