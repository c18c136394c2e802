// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of kernel launches.

#ifndef VNM_LIB_CONVERSION_NVVMTOEMULATION_LAUNCH_H
#define VNM_LIB_CONVERSION_NVVMTOEMULATION_LAUNCH_H

#include "KernelConverter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace vnm {

/// Adds the record of a converted kernel, and the function that unpacks its
/// arguments: what the emulator takes for a kernel (KernelRecord in
/// lib/Emulator/Launch.h).
mlir::LLVM::GlobalOp addKernelRecord(mlir::ModuleOp module,
                                     mlir::SymbolTable &symbols,
                                     mlir::LLVM::LLVMFuncOp kernel,
                                     llvm::StringRef name,
                                     const SharedLayout &layout);

/// Name of the attribute by which a kernel's declaration names its record.
inline llvm::StringRef getRecordAttrName() { return "vnm.record"; }

} // namespace vnm

#endif // VNM_LIB_CONVERSION_NVVMTOEMULATION_LAUNCH_H
