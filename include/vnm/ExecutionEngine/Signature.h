// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the runner knows of an entry point's arguments and
// results: their types before bufferization and lowering.

#ifndef VNM_EXECUTIONENGINE_SIGNATURE_H
#define VNM_EXECUTIONENGINE_SIGNATURE_H

#include "vnm/ExecutionEngine/Npy.h"

#include "mlir/IR/BuiltinOps.h"

namespace vnm {

/// One argument or result: a ranked tensor or memref, or a scalar.
struct ValueSpec {
  /// The type before lowering.
  mlir::Type type;
  /// Its shape; empty for a scalar. Dynamic extents are ShapedType::kDynamic.
  llvm::SmallVector<int64_t, 4> shape;
  /// How its elements are stored in a file (bf16 as u2, index as i8).
  NpyType elements;
  /// Passed by value, not as a memref descriptor.
  bool isScalar = false;
};

/// Arguments and results of an entry point.
struct Signature {
  llvm::SmallVector<ValueSpec> arguments;
  llvm::SmallVector<ValueSpec> results;
};

/// The signature that `vnm-record-signature` left on the function `entry` of a
/// lowered module. Emits an error if there is no such function, if it carries
/// no signature, or if a type of it cannot be passed.
mlir::FailureOr<Signature> getSignature(mlir::ModuleOp module,
                                        llvm::StringRef entry);

/// Checks that `array`, read from `path`, can be argument number `index`.
mlir::LogicalResult checkArgument(mlir::Location loc, const ValueSpec &spec,
                                  unsigned index, const NpyArray &array,
                                  llvm::StringRef path);

} // namespace vnm

#endif // VNM_EXECUTIONENGINE_SIGNATURE_H
