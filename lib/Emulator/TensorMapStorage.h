// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares how the emulator stores a tensor map in memory: its own
// format in the 128 bytes of CUDA's opaque one.

#ifndef VNM_LIB_EMULATOR_TENSORMAPSTORAGE_H
#define VNM_LIB_EMULATOR_TENSORMAPSTORAGE_H

#include "vnm/Emulator/Instructions/TensorCopy.h"

#include <optional>

namespace vnm::emulator {

inline constexpr size_t kTensorMapBytes = 128;

/// Writes `map`, of rank 1 to 5, to `bytes`, which has room for
/// kTensorMapBytes.
void storeTensorMap(const TensorMap &map, char *bytes);

/// The map at `bytes`; none if storeTensorMap did not write it.
std::optional<TensorMap> loadTensorMap(const char *bytes);

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_TENSORMAPSTORAGE_H
