// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the runner: it lowers a module if need be, compiles it in
// the process and calls one function of it on arrays from files.

#ifndef VNM_EXECUTIONENGINE_RUNNER_H
#define VNM_EXECUTIONENGINE_RUNNER_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace vnm {

/// What to run, and on what.
struct RunnerOptions {
  /// Where the compiled code runs.
  enum class Target { CPU, CUDA, Emulation };

  /// MLIR file; "-" is the standard input.
  std::string input;
  /// Function to call.
  std::string entry = "main";
  /// Array files, one per argument and per result of the function.
  std::vector<std::string> arguments, results;
  Target target = Target::CPU;
  /// Pipeline that lowers the module; empty: the target's own. Not used for a
  /// module that is lowered already.
  std::string pipeline;
  /// Timed calls after one warm-up call; 0: one call, timed.
  unsigned repeat = 0;
  /// Object file to write; empty: none.
  std::string objectFile;
  /// Folder that holds this project's runtime libraries.
  std::string libraryDir;
  /// How to emulate, as vnm_emulator_configure takes it; empty: its defaults.
  std::string emulationOrder, emulationChecks;
};

/// Does what `options` say and prints a summary to the standard output. The
/// context must know every dialect and translation the module needs. Errors are
/// emitted as diagnostics.
llvm::LogicalResult run(mlir::MLIRContext &context,
                        const RunnerOptions &options);

} // namespace vnm

#endif // VNM_EXECUTIONENGINE_RUNNER_H
