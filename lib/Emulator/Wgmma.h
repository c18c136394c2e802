// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the asynchronous products of warpgroups.

#ifndef VNM_LIB_EMULATOR_WGMMA_H
#define VNM_LIB_EMULATOR_WGMMA_H

namespace vnm::emulator {

/// The asynchronous products of a warpgroup.
struct WarpgroupWork {};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_WGMMA_H
