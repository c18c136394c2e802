// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the table of NVIDIA chips.

#include "vnm/Conversion/VNMToGPU/ChipTable.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace vnm;

static constexpr KernelFamily kMmaSp[] = {KernelFamily::MmaSp,
                                          KernelFamily::Skinny};
static constexpr KernelFamily kHopper[] = {
    KernelFamily::MmaSp, KernelFamily::WgmmaSp, KernelFamily::Skinny};

/// Of every capability: SMs, and shared memory per CTA and SM in KiB.
static constexpr ChipLimits makeLimits(int64_t numSMs, int64_t sharedKiB,
                                       int64_t sharedKiBPerSM) {
  return {numSMs, sharedKiB * 1024, 65536, sharedKiBPerSM * 1024};
}
static constexpr ChipLimits kSm80 = makeLimits(108, 163, 164); // A100
static constexpr ChipLimits kSm86 = makeLimits(84, 99, 100);   // A40, 3090
static constexpr ChipLimits kSm87 = makeLimits(16, 163, 164);  // Orin
static constexpr ChipLimits kSm88 = makeLimits(16, 99, 100);   // no data: as 86
static constexpr ChipLimits kSm89 = makeLimits(142, 99, 100);  // L40S
static constexpr ChipLimits kSm90 = makeLimits(132, 227, 228); // H100, H200
static constexpr ChipLimits kSm100 = makeLimits(148, 227, 228); // B200
static constexpr ChipLimits kSm103 = makeLimits(148, 227, 228); // B300
static constexpr ChipLimits kSm110 = makeLimits(20, 227, 228);  // Thor
static constexpr ChipLimits kSm120 = makeLimits(188, 99, 100);  // RTX PRO 6000
static constexpr ChipLimits kSm121 = makeLimits(48, 99, 100);   // GB10

/// Checked with LLVM 22.1.8 and ptxas 13.0: an mma.sp::ordered_metadata kernel
/// of each chip at its version assembles, and one version lower makes LLVM
/// abort. mma.sp::ordered_metadata itself needs PTX ISA 8.5. sm_101 is left
/// out: CUDA 13 renamed it sm_110.
static constexpr ChipInfo kChips[] = {
    {"sm_80", 85, kMmaSp, &kSm80},    {"sm_86", 85, kMmaSp, &kSm86},
    {"sm_87", 85, kMmaSp, &kSm87},    {"sm_88", 90, kMmaSp, &kSm88},
    {"sm_89", 85, kMmaSp, &kSm89},    {"sm_90", 85, kMmaSp, &kSm90},
    {"sm_90a", 85, kHopper, &kSm90},  {"sm_100", 86, kMmaSp, &kSm100},
    {"sm_100a", 86, kMmaSp, &kSm100}, {"sm_100f", 88, kMmaSp, &kSm100},
    {"sm_103", 88, kMmaSp, &kSm103},  {"sm_103a", 88, kMmaSp, &kSm103},
    {"sm_103f", 88, kMmaSp, &kSm103}, {"sm_110", 90, kMmaSp, &kSm110},
    {"sm_110a", 90, kMmaSp, &kSm110}, {"sm_110f", 90, kMmaSp, &kSm110},
    {"sm_120", 87, kMmaSp, &kSm120},  {"sm_120a", 87, kMmaSp, &kSm120},
    {"sm_120f", 88, kMmaSp, &kSm120}, {"sm_121", 88, kMmaSp, &kSm121},
    {"sm_121a", 88, kMmaSp, &kSm121}, {"sm_121f", 88, kMmaSp, &kSm121},
};

static constexpr unsigned kPtxVersions[] = {85, 86, 87, 88, 90};

llvm::StringRef vnm::toString(KernelFamily family) {
  switch (family) {
  case KernelFamily::MmaSp:
    return "mma_sp";
  case KernelFamily::WgmmaSp:
    return "wgmma_sp";
  case KernelFamily::Skinny:
    return "skinny";
  }
  llvm_unreachable("unknown kernel family");
}

llvm::ArrayRef<ChipInfo> vnm::getChips() { return kChips; }

llvm::ArrayRef<unsigned> vnm::getPtxVersions() { return kPtxVersions; }

const ChipInfo *vnm::lookupChip(llvm::StringRef name) {
  const ChipInfo *chip =
      llvm::find_if(kChips, [&](const ChipInfo &c) { return c.name == name; });
  return chip == std::end(kChips) ? nullptr : chip;
}

bool vnm::hasDependentLaunch(const ChipInfo &chip) {
  unsigned number = 0;
  llvm::StringRef digits = chip.name;
  digits.consume_front("sm_");
  digits.consumeInteger(10, number);
  return number >= 90;
}

std::string vnm::checkTarget(Location loc, llvm::StringRef chip, unsigned ptx) {
  const ChipInfo *info = lookupChip(chip);
  if (!info) {
    InFlightDiagnostic diagnostic = emitError(loc)
                                    << "requires chip to be one of ";
    llvm::interleaveComma(kChips, diagnostic,
                          [&](const ChipInfo &c) { diagnostic << c.name; });
    diagnostic << ", but it is '" << chip << "'";
    return {};
  }
  if (ptx == 0)
    ptx = info->minPtx;
  if (ptx >= info->minPtx && llvm::is_contained(kPtxVersions, ptx))
    return "+ptx" + std::to_string(ptx);
  InFlightDiagnostic diagnostic = emitError(loc)
                                  << "requires ptx to be one of ";
  llvm::interleaveComma(
      llvm::make_filter_range(kPtxVersions,
                              [&](unsigned v) { return v >= info->minPtx; }),
      diagnostic, [&](unsigned v) { diagnostic << v; });
  diagnostic << " for chip " << chip << ", but it is " << ptx;
  return {};
}
