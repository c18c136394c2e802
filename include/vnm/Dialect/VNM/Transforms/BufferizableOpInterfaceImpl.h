// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the bufferization of the vnm dialect.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define VNM_DIALECT_VNM_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace vnm {

/// Registers BufferizableOpInterface for vnm.spmm, vnm.pack and vnm.unpack. Ops
/// on encoded tensors get a model that asks for vnm-expand-storage.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace vnm

#endif // VNM_DIALECT_VNM_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
