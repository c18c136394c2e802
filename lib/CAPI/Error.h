// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what is behind an error of the C interface.

#ifndef VNM_LIB_CAPI_ERROR_H
#define VNM_LIB_CAPI_ERROR_H

#include "vnm-c/Support.h"
#include "vnm/Compiler/Compiler.h"
#include <vector>

/// An error's text is its own, unless the error is static.
struct VnmError {
  VnmErrorKind kind;
  const char *text;
  size_t length;
  /// Of an error of the compiler, else null; its own.
  const std::vector<vnm::compiler::Diagnostic> *diagnostics;
};

#endif // VNM_LIB_CAPI_ERROR_H
