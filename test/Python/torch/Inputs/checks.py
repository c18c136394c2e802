# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds what several tests check in the same way.


def refuses(kind, text, function, *arguments, **keywords):
    """Checks that a call raises `kind` with a diagnostic that contains `text`."""
    try:
        function(*arguments, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"requires {kind.__name__}: {text}")
