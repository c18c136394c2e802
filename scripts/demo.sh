#!/usr/bin/env bash
# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs what is missing, builds, and runs the demonstration (scripts/demo.py,
# whose options this script passes on; try --help).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/install_deps.sh
bash scripts/build.sh
# Debian's Python has numpy by now; another python3 may come first in PATH.
exec /usr/bin/python3 scripts/demo.py "$@"
