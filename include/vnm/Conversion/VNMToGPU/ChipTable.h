// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the table of NVIDIA chips that kernels can be built for.

#ifndef VNM_CONVERSION_VNMTOGPU_CHIPTABLE_H
#define VNM_CONVERSION_VNMTOGPU_CHIPTABLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace mlir {
class Location;
} // namespace mlir

namespace vnm {

/// How a kernel multiplies; each needs instructions that not every chip has.
enum class KernelFamily {
  /// mma.sp.sync with ordered metadata, sm_80 and later.
  MmaSp,
  /// wgmma.mma_async.sp, sm_90a.
  WgmmaSp,
  /// mma.sp.sync, for few tokens: warps split K, weights stream through rings
  /// of
  /// their own; sm_80 and later.
  Skinny
};

/// "mma_sp", "wgmma_sp", "skinny".
llvm::StringRef toString(KernelFamily family);

/// What the CTAs of a chip can use (CUDA C++ Programming Guide, "Compute
/// Capabilities").
struct ChipLimits {
  int64_t numSMs;      ///< Of the largest product.
  int64_t sharedBytes; ///< Shared memory per CTA.
  int64_t registers;   ///< 32-bit registers per SM.
  int64_t sharedBytesPerSM;
};

/// One chip that LLVM's NVPTX back end and NVIDIA's assembler both know.
struct ChipInfo {
  /// As the assembler spells it, e.g. "sm_90a".
  llvm::StringLiteral name;
  /// Oldest PTX ISA version, times ten, that can express our kernels there.
  unsigned minPtx;
  /// The families whose instructions it has.
  llvm::ArrayRef<KernelFamily> families;
  /// Never null.
  const ChipLimits *limits;
};

/// Every supported chip, in ascending order.
llvm::ArrayRef<ChipInfo> getChips();

/// PTX ISA versions, times ten, that LLVM writes and our kernels can use, in
/// ascending order.
llvm::ArrayRef<unsigned> getPtxVersions();

/// The entry of `name`, or null.
const ChipInfo *lookupChip(llvm::StringRef name);

/// Whether kernels can wait for the one before them (griddepcontrol, PTX ISA
/// 9.7.13.13): sm_90 and later.
bool hasDependentLaunch(const ChipInfo &chip);

/// The target features LLVM needs for `chip` and PTX version `ptx` (times ten;
/// 0 for the chip's minimum), e.g. "+ptx85". On a chip or a version that is not
/// supported, emits an error at `loc` that lists what is, and returns an empty
/// string. LLVM aborts on such a pair, so ask here first.
std::string checkTarget(mlir::Location loc, llvm::StringRef chip, unsigned ptx);

} // namespace vnm

#endif // VNM_CONVERSION_VNMTOGPU_CHIPTABLE_H
