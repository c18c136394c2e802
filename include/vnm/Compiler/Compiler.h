// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the compiler as one function of values: MLIR and a
// pipeline in; IR, kernels, remarks and diagnostics out. Nothing is printed.

#ifndef VNM_COMPILER_COMPILER_H
#define VNM_COMPILER_COMPILER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace vnm::compiler {

enum class Severity { Error, Warning, Remark, Note };
/// "error", "warning", "remark" or "note".
llvm::StringRef toString(Severity severity);

/// What the compiler says of a place in the source. Notes follow what they
/// belong to.
struct Diagnostic {
  Severity severity;
  std::string location; ///< as MLIR prints it, e.g. "model.mlir":3:5
  std::string message;
};

/// An optimization remark (mlir/IR/Remarks.h).
struct Remark {
  std::string kind;     ///< "Passed", "Missed", "Failure" or "Analysis"
  std::string category; ///< e.g. "vnm-select"
  std::string name;     ///< e.g. "select"
  std::string function; ///< empty if it is about none
  std::string location;
  std::string message; ///< with reason, suggestion and metrics
};

/// PTX or a cubin.
struct Code {
  std::string fileName; ///< as the manifest calls it
  std::string format;   ///< "ptx" or "cubin"
  std::string data;
};

enum class IRFormat { None, Text, Bytecode };

struct Options {
  /// As mlir-opt's --pass-pipeline: "builtin.module(...)", or a list of passes
  /// of the module. Empty: no passes.
  std::string pipeline;
  /// What diagnostics call the source.
  std::string sourceName = "source";
  /// Regular expression of the categories of remarks to collect; empty for
  /// none.
  std::string remarks = "vnm.*";
  IRFormat irFormat = IRFormat::Text;
  /// Whether ops of dialects that are not known may occur.
  bool allowUnregisteredDialects = false;
  /// Threads that passes may run on; 0 for all cores. No result depends on it.
  unsigned threads = 0;
};

struct Result {
  std::string ir;         ///< after the last pass, in the chosen format
  std::vector<Code> code; ///< of all kernels that are compiled
  std::string manifest;   ///< of the kernels (docs/aot.md); empty if none
  std::vector<Remark> remarks;
  std::vector<Diagnostic> diagnostics; ///< warnings and their notes
};

/// The error of a source or of a pipeline that is refused. Its message has a
/// line "location: severity: text" per diagnostic.
class CompileError : public llvm::ErrorInfo<CompileError> {
public:
  // The name is llvm::ErrorInfo's.
  static char ID; // NOLINT(readability-identifier-naming)
  explicit CompileError(std::vector<Diagnostic> diagnostics)
      : diagnostics(std::move(diagnostics)) {}

  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
  const std::vector<Diagnostic> &getDiagnostics() const { return diagnostics; }

private:
  std::vector<Diagnostic> diagnostics;
};

/// Runs `options.pipeline` on the module in `source`, MLIR's text or bytecode.
/// Known are this project's dialects and passes, and those of upstream's that
/// models in linalg and the pipelines here need (docs/c-api.md).
/// Errors: CompileError for a source that does not parse or verify, a pipeline
/// that does not parse, a pass that fails; a plain error for a bad option.
llvm::Expected<Result> compile(llvm::StringRef source, const Options &options);

} // namespace vnm::compiler

#endif // VNM_COMPILER_COMPILER_H
