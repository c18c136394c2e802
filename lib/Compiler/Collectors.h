// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what turns diagnostics and remarks into values.

#ifndef VNM_LIB_COMPILER_COLLECTORS_H
#define VNM_LIB_COMPILER_COLLECTORS_H

#include "mlir/IR/Diagnostics.h"
#include "vnm/Compiler/Compiler.h"
#include <mutex>

namespace vnm::compiler {

/// Takes every diagnostic of a context while it lives, so that none is printed.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);
  std::vector<Diagnostic> take() { return std::move(diagnostics); }

private:
  void add(mlir::Diagnostic &diagnostic);

  std::vector<Diagnostic> diagnostics;
  std::mutex mutex;
  mlir::ScopedDiagnosticHandler handler;
};

/// Takes the remarks of a context; outlives it.
class RemarkCollector {
public:
  /// Collects remarks whose category matches the expression `categories`.
  llvm::LogicalResult attach(mlir::MLIRContext &context,
                             llvm::StringRef categories);
  std::vector<Remark> take() { return std::move(remarks); }

private:
  std::vector<Remark> remarks;
  std::mutex mutex;
};

} // namespace vnm::compiler

#endif // VNM_LIB_COMPILER_COLLECTORS_H
