// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the compiler: MLIR and a pipeline in; IR, kernels, their
// manifest, remarks and diagnostics out. It prints nothing.
//
// The compiler's tables are made by the first call of vnmCompile; whoever does
// not compile pays for loading the library only.

#ifndef VNM_C_COMPILE_H
#define VNM_C_COMPILE_H

#include "vnm-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What the module is given back as.
typedef int32_t VnmIRFormat;
enum {
  VnmIRFormatNone = 0,    ///< not at all
  VnmIRFormatText = 1,    ///< MLIR's text
  VnmIRFormatBytecode = 2 ///< MLIR's bytecode
};

/// How to compile. Initialise with vnmCompileOptionsGetDefault.
typedef struct VnmCompileOptions {
  VnmString pipeline;             ///< as mlir-opt's --pass-pipeline, with or
                                  ///< without "builtin.module()"; empty: no
                                  ///< passes
  VnmString sourceName;           ///< what locations call the source
  VnmString remarks;              ///< regular expression of the categories of
                                  ///< remarks to collect; "vnm.*"; empty: none
  VnmIRFormat irFormat;           ///< text
  bool allowUnregisteredDialects; ///< false
  uint32_t threads;               ///< 0 for all cores; no result depends on it
} VnmCompileOptions;
/// The defaults.
VNM_CAPI_EXPORTED VnmCompileOptions vnmCompileOptionsGetDefault(void);

/// What became of a module; immutable.
typedef struct VnmCompilation VnmCompilation;

/// Runs passes on the module in `source`, MLIR's text or bytecode in a buffer
/// of any alignment. Null options: no passes. Errors: options, a pipeline or a
/// source that do not parse, an op that does not verify, a pass that fails,
/// such as for a chip that is not supported. The message of the latter three
/// has a line per diagnostic, and vnmErrorGetDiagnostic gives each.
VNM_CAPI_EXPORTED VnmError *vnmCompile(VnmString source,
                                       const VnmCompileOptions *options,
                                       VnmCompilation **compilation);
/// Frees a compilation.
VNM_CAPI_EXPORTED void vnmCompilationDestroy(VnmCompilation *compilation);

/// The module after the last pass, in the format asked for; empty for none.
VNM_CAPI_EXPORTED VnmString
vnmCompilationGetIR(const VnmCompilation *compilation);
/// The manifest (JSON; docs/aot.md) of the kernels; empty if there are none.
VNM_CAPI_EXPORTED VnmString
vnmCompilationGetManifest(const VnmCompilation *compilation);

/// The code of kernels.
typedef struct VnmCode {
  VnmString fileName; ///< what the manifest calls it
  VnmString format;   ///< "ptx" or "cubin"
  VnmString data;     ///< PTX's text, or a cubin's bytes
} VnmCode;
/// The number of pieces of code; 0 for null.
VNM_CAPI_EXPORTED int64_t
vnmCompilationGetNumCode(const VnmCompilation *compilation);
/// The code at `index`. Error: an index out of range.
VNM_CAPI_EXPORTED VnmError *
vnmCompilationGetCode(const VnmCompilation *compilation, int64_t index,
                      VnmCode *code);

/// What a pass says of a decision.
typedef struct VnmRemark {
  VnmString kind;     ///< "Passed", "Missed", "Failure" or "Analysis"
  VnmString category; ///< e.g. "vnm-select"
  VnmString name;     ///< e.g. "select"
  VnmString function; ///< empty if it is about none
  VnmString location; ///< as MLIR prints it
  VnmString message;  ///< with reason, suggestion and metrics
} VnmRemark;
/// The number of remarks; 0 for null.
VNM_CAPI_EXPORTED int64_t
vnmCompilationGetNumRemarks(const VnmCompilation *compilation);
/// The remark at `index`. Error: an index out of range.
VNM_CAPI_EXPORTED VnmError *
vnmCompilationGetRemark(const VnmCompilation *compilation, int64_t index,
                        VnmRemark *remark);

/// How bad a diagnostic is.
typedef int32_t VnmSeverity;
enum {
  VnmSeverityError = 0,
  VnmSeverityWarning = 1,
  VnmSeverityRemark = 2,
  VnmSeverityNote = 3 ///< belongs to the diagnostic before it
};
/// What the compiler says of a place in the source.
typedef struct VnmDiagnostic {
  VnmSeverity severity;
  VnmString location; ///< as MLIR prints it, such as "model.mlir":3:5
  VnmString message;
} VnmDiagnostic;
/// The number of diagnostics of a module that compiled, such as warnings; 0 for
/// null.
VNM_CAPI_EXPORTED int64_t
vnmCompilationGetNumDiagnostics(const VnmCompilation *compilation);
/// The diagnostic at `index`. Error: an index out of range.
VNM_CAPI_EXPORTED VnmError *
vnmCompilationGetDiagnostic(const VnmCompilation *compilation, int64_t index,
                            VnmDiagnostic *diagnostic);

/// The number of diagnostics of an error of vnmCompile; 0 for any other.
VNM_CAPI_EXPORTED int64_t vnmErrorGetNumDiagnostics(const VnmError *error);
/// The diagnostic at `index`, owned by `error`. Error: an index out of range.
VNM_CAPI_EXPORTED VnmError *vnmErrorGetDiagnostic(const VnmError *error,
                                                  int64_t index,
                                                  VnmDiagnostic *diagnostic);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_COMPILE_H
