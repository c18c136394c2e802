// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the compiler of the C interface.

#include "vnm-c/Compile.h"
#include "Detail.h"
#include "Error.h"
#include "vnm/Compiler/Compiler.h"

using namespace vnm::capi;
using vnm::compiler::Code;
using vnm::compiler::Diagnostic;
using vnm::compiler::IRFormat;
using vnm::compiler::Options;
using vnm::compiler::Remark;

namespace vnm::capi {
template <>
struct HandleTraits<VnmCompilation> {
  using Object = vnm::compiler::Result;
};
} // namespace vnm::capi

static VnmDiagnostic wrap(const Diagnostic &diagnostic) {
  return {VnmSeverity(diagnostic.severity), wrap(diagnostic.location),
          wrap(diagnostic.message)};
}

static VnmCode wrap(const Code &code) {
  return {wrap(code.fileName), wrap(code.format), wrap(code.data)};
}

static VnmRemark wrap(const Remark &remark) {
  return {wrap(remark.kind),     wrap(remark.category), wrap(remark.name),
          wrap(remark.function), wrap(remark.location), wrap(remark.message)};
}

static llvm::Expected<Options> toOptions(const VnmCompileOptions *options) {
  Options result;
  if (!options)
    return result;
  llvm::Expected<IRFormat> format =
      toEnum<IRFormat>(options->irFormat, 3, "an IR format");
  if (!format)
    return format.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  result.pipeline = unwrap(options->pipeline).str();
  result.sourceName = unwrap(options->sourceName).str();
  result.remarks = unwrap(options->remarks).str();
  result.irFormat = *format;
  result.allowUnregisteredDialects = options->allowUnregisteredDialects;
  result.threads = options->threads;
  return result;
}

/// Stores the element at `index` of what `getList` gives of a compilation.
template <typename Handle, typename T, typename Result>
static VnmError *getElement(const Handle *handle, const char *name,
                            const std::vector<T> &(*getList)(const Handle *),
                            int64_t index, Result *result) {
  if (VnmError *error = requirePointers({{name, handle}, {"result", result}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<const T *> element = elementAt(getList(handle), index);
    if (!element)
      return element.takeError();
    *result = wrap(**element);
    return llvm::Error::success();
  });
}

static const std::vector<Code> &codeOf(const VnmCompilation *compilation) {
  return unwrap(compilation)->code;
}
static const std::vector<Remark> &remarksOf(const VnmCompilation *compilation) {
  return unwrap(compilation)->remarks;
}
static const std::vector<Diagnostic> &
diagnosticsOf(const VnmCompilation *compilation) {
  return unwrap(compilation)->diagnostics;
}
static const std::vector<Diagnostic> &diagnosticsOf(const VnmError *error) {
  static const std::vector<Diagnostic> none;
  return error->diagnostics ? *error->diagnostics : none;
}

extern "C" {

VnmCompileOptions vnmCompileOptionsGetDefault(void) {
  // Static: what the texts point to.
  static const Options defaults;
  return {wrap(defaults.pipeline),
          wrap(defaults.sourceName),
          wrap(defaults.remarks),
          VnmIRFormat(defaults.irFormat),
          defaults.allowUnregisteredDialects,
          defaults.threads};
}

VnmError *vnmCompile(VnmString source, const VnmCompileOptions *options,
                     VnmCompilation **compilation) {
  if (VnmError *error = requirePointers(
          {{"source", source.data}, {"compilation", compilation}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<Options> converted = toOptions(options);
    if (!converted)
      return converted.takeError();
    return take(vnm::compiler::compile(unwrap(source), *converted),
                compilation);
  });
}

void vnmCompilationDestroy(VnmCompilation *compilation) {
  delete unwrap(compilation);
}

VnmString vnmCompilationGetIR(const VnmCompilation *compilation) {
  return compilation ? wrap(unwrap(compilation)->ir) : VnmString{"", 0};
}

VnmString vnmCompilationGetManifest(const VnmCompilation *compilation) {
  return compilation ? wrap(unwrap(compilation)->manifest) : VnmString{"", 0};
}

int64_t vnmCompilationGetNumCode(const VnmCompilation *compilation) {
  return compilation ? int64_t(codeOf(compilation).size()) : 0;
}

VnmError *vnmCompilationGetCode(const VnmCompilation *compilation,
                                int64_t index, VnmCode *code) {
  return getElement(compilation, "compilation", codeOf, index, code);
}

int64_t vnmCompilationGetNumRemarks(const VnmCompilation *compilation) {
  return compilation ? int64_t(remarksOf(compilation).size()) : 0;
}

VnmError *vnmCompilationGetRemark(const VnmCompilation *compilation,
                                  int64_t index, VnmRemark *remark) {
  return getElement(compilation, "compilation", remarksOf, index, remark);
}

int64_t vnmCompilationGetNumDiagnostics(const VnmCompilation *compilation) {
  return compilation ? int64_t(diagnosticsOf(compilation).size()) : 0;
}

VnmError *vnmCompilationGetDiagnostic(const VnmCompilation *compilation,
                                      int64_t index,
                                      VnmDiagnostic *diagnostic) {
  return getElement<VnmCompilation, Diagnostic>(
      compilation, "compilation", diagnosticsOf, index, diagnostic);
}

int64_t vnmErrorGetNumDiagnostics(const VnmError *error) {
  return error ? int64_t(diagnosticsOf(error).size()) : 0;
}

VnmError *vnmErrorGetDiagnostic(const VnmError *error, int64_t index,
                                VnmDiagnostic *diagnostic) {
  return getElement<VnmError, Diagnostic>(error, "error", diagnosticsOf, index,
                                          diagnostic);
}

} // extern "C"
