// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what a host that launches kernels is given of a compiled
// module: code and manifest (docs/aot.md).

#ifndef VNM_CONVERSION_VNMTOGPU_KERNELFILES_H
#define VNM_CONVERSION_VNMTOGPU_KERNELFILES_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace vnm {

/// The code of one gpu.binary.
struct KernelCode {
  std::string fileName; ///< as the manifest calls it: "<symbol>.<format>"
  std::string format;   ///< "ptx" or "cubin"
  std::string data;
};

/// The code of all kernels of a module, and the manifest about them.
struct KernelFiles {
  llvm::SmallVector<KernelCode> code;
  std::string manifest; ///< JSON, with a line's end
};

/// The files of the kernels in `module`, which vnm-serialize-kernels compiled.
/// Errors, at the op: no gpu.binary; one that holds something else than PTX or
/// a cubin, or kernels without a description.
llvm::FailureOr<KernelFiles> getKernelFiles(mlir::ModuleOp module);

} // namespace vnm

#endif // VNM_CONVERSION_VNMTOGPU_KERNELFILES_H
