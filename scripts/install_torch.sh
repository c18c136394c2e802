#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes build/torch, a virtual environment with PyTorch for the CPU and
# what its tests need. Where that fails (no network, no venv), it says so and
# leaves none: the tests of vnm.torch are then skipped. Exit status 0 either way.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment=build/torch
requirements=(torch==2.13.0 accelerate==1.15.0 ml_dtypes==0.6.0 numpy==2.4.6 peft==0.21.2
  safetensors==0.8.0 scikit-learn==1.9.1 transformers==5.24.0)
stamp=$environment/requirements
if [[ -f $stamp && $(cat "$stamp") == "${requirements[*]}" ]]; then
  echo "install_torch: everything is there"
  exit 0
fi

skip() {
  rm -rf "$environment"
  echo "install_torch: $1; tests of vnm.torch will be skipped" >&2
  exit 0
}

rm -rf "$environment"
mkdir -p build
python3 -m venv "$environment" > /dev/null || skip "requires python3 with venv, but it fails"
pip=("$environment/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1)
# The index of CPU builds spares gigabytes of CUDA; the other one has torch, too.
"${pip[@]}" "${requirements[0]}" --index-url https://download.pytorch.org/whl/cpu 2> /dev/null ||
  "${pip[@]}" "${requirements[0]}" || skip "requires ${requirements[0]}, but pip cannot install it"
"${pip[@]}" "${requirements[@]:1}" || skip "requires ${requirements[*]:1}, but pip cannot install them"
echo "${requirements[*]}" > "$stamp"
echo "install_torch: done"
