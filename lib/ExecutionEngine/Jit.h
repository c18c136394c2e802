// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the in-process compilation of lowered modules.

#ifndef VNM_LIB_EXECUTIONENGINE_JIT_H
#define VNM_LIB_EXECUTIONENGINE_JIT_H

#include "vnm/ExecutionEngine/Runner.h"
#include "vnm/ExecutionEngine/Signature.h"

#include "mlir/ExecutionEngine/ExecutionEngine.h"

namespace vnm {

/// Loads what the compiled code of `options.target` calls into: this project's
/// runtime libraries and OpenMP's.
llvm::LogicalResult loadRuntimeLibraries(mlir::Location loc,
                                         const RunnerOptions &options);

/// Compiles `module`, in the LLVM dialect, for this machine at -O3.
mlir::FailureOr<std::unique_ptr<mlir::ExecutionEngine>>
compile(mlir::ModuleOp module, bool keepObject);

/// The arguments and results of one call, in the layout the compiled code
/// expects: memref descriptors spelled out field by field.
class Call {
public:
  /// Prepares a call with `arguments`, which it copies: the callee may write
  /// into its buffers.
  Call(const Signature &signature, llvm::ArrayRef<NpyArray> arguments);
  ~Call();
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

  /// Calls `function`, the packed wrapper that the engine generates.
  void invoke(void (*function)(void **));
  /// Copies out result number `index`; only after `invoke`.
  NpyArray getResult(unsigned index) const;

private:
  /// Frees the buffers of the results that the callee allocated.
  void freeResults();

  const Signature &signature;
  llvm::SmallVector<NpyArray> buffers;
  /// Fields of the descriptors, and the slot that holds the results.
  llvm::SmallVector<uint64_t> fields, resultSlot;
  /// Byte offset of every result in the slot.
  llvm::SmallVector<size_t> resultOffsets;
  bool hasResults = false;
};

} // namespace vnm

#endif // VNM_LIB_EXECUTIONENGINE_JIT_H
