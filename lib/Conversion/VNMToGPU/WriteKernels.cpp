// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-write-kernels.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "vnm/Conversion/VNMToGPU/KernelFiles.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace vnm {
#define GEN_PASS_DEF_WRITEKERNELS
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

/// Writes `text` to `name` in `dir`; an error at `loc` if that fails.
static LogicalResult writeFile(Location loc, StringRef dir, StringRef name,
                               StringRef text) {
  SmallString<128> path(dir);
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error) {
    stream << text;
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  if (!error)
    return success();
  return emitError(loc) << "requires a folder that can be written, but writing "
                        << path << " failed: " << error.message();
}

namespace {
struct WriteKernels final : vnm::impl::WriteKernelsBase<WriteKernels> {
  using WriteKernelsBase::WriteKernelsBase;

  void runOnOperation() override {
    Location loc = getOperation().getLoc();
    if (dir.empty()) {
      emitError(loc, "requires dir to name a folder, but it is empty");
      return signalPassFailure();
    }
    FailureOr<KernelFiles> files = getKernelFiles(getOperation());
    if (failed(files))
      return signalPassFailure();
    if (std::error_code error = llvm::sys::fs::create_directories(dir)) {
      emitError(loc) << "requires a folder that can be written, but making "
                     << dir << " failed: " << error.message();
      return signalPassFailure();
    }
    for (const KernelCode &code : files->code)
      if (failed(writeFile(loc, dir, code.fileName, code.data)))
        return signalPassFailure();
    if (failed(writeFile(loc, dir, "manifest.json", files->manifest)))
      signalPassFailure();
  }
};
} // namespace
