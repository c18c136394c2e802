// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the launcher of compiled kernels: a folder that
// vnm-write-kernels wrote, on the CUDA driver, which is loaded when it is first
// needed.

#ifndef VNM_RUNTIME_KERNELLAUNCHER_H
#define VNM_RUNTIME_KERNELLAUNCHER_H

#include "vnm/Runtime/KernelManifest.h"
#include <memory>

namespace vnm::runtime {

/// The kernels of one folder, on the GPU. Not safe for use by several threads
/// at once.
class KernelLauncher {
public:
  /// Reads `folder`/manifest.json and loads its code into the current context,
  /// or, if there is none, into the primary context of device 0, which becomes
  /// current. Error: no driver or device, a manifest or file that is wrong, or
  /// code that the driver refuses, with its log.
  static llvm::Expected<KernelLauncher> load(llvm::StringRef folder);

  KernelLauncher(KernelLauncher &&other) noexcept;
  KernelLauncher &operator=(KernelLauncher &&other) noexcept;
  ~KernelLauncher();

  const std::vector<KernelEntry> &getKernels() const;

  /// Enqueues kernel `index` on `stream`, a CUstream (null: the default
  /// stream), and returns at once. The buffers must stay alive until it has
  /// run. With `overlap`, a kernel whose entry says dependentLaunch may start
  /// before the kernel before it on the stream has ended: that one must not
  /// write values, metadata or columns of this one; others ignore it. Error: as
  /// of KernelEntry::numBlocks and packParameters, or of the driver.
  llvm::Error launch(size_t index, const KernelBuffers &buffers,
                     const KernelSizes &sizes, void *stream,
                     bool overlap = false) const;

private:
  struct State;
  explicit KernelLauncher(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace vnm::runtime

#endif // VNM_RUNTIME_KERNELLAUNCHER_H
