// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the compiler of vnm/Compiler/Compiler.h knows.

#ifndef VNM_LIB_COMPILER_REGISTRATION_H
#define VNM_LIB_COMPILER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace vnm::compiler {

/// The dialects that a model in linalg, tensors or memrefs may use, this
/// project's, and what their lowering needs. A part of what upstream has: all
/// of it would be several times as large when linked statically.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers passes and pipelines with the process-wide registry, once; those
/// that a host has registered already stay.
void registerPasses();

} // namespace vnm::compiler

#endif // VNM_LIB_COMPILER_REGISTRATION_H
