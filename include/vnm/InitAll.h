// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the three calls that make a host know all of VNM.

#ifndef VNM_INITALL_H
#define VNM_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace vnm {

/// Adds the dialects of this project to `registry`.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Adds the interface implementations that this project attaches to dialects,
/// its own and upstream's, to `registry`.
void registerAllExtensions(mlir::DialectRegistry &registry);

/// Registers every pass and pipeline of this project with the process-wide
/// registries that textual pipelines are parsed against.
void registerAllPasses();

/// Registers everything a stand-alone tool needs: what upstream's `mlir-opt`
/// knows (dialects, extensions, passes, translation of GPU modules), and all of
/// this project. Hosts want the three calls above instead.
void registerForTool(mlir::DialectRegistry &registry);

} // namespace vnm

#endif // VNM_INITALL_H
