// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares ldmatrix and stmatrix.

#ifndef VNM_EMULATOR_INSTRUCTIONS_MATRIXCOPY_H
#define VNM_EMULATOR_INSTRUCTIONS_MATRIXCOPY_H

#include "vnm/Emulator/Instructions/Fragment.h"
#include "vnm/Emulator/Instructions/Memory.h"

namespace vnm::emulator {

/// `ldmatrix.sync.aligned.m8n8.x{1,2,4}{.trans}.shared.b16` (PTX ISA
/// 9.7.14.5, "ldmatrix"). Lane 8i + r supplies the address of row r of matrix i
/// in `addresses` (32 of them); addresses of lanes beyond 8 * number of
/// matrices are ignored. `destination` has 1, 2 or 4 registers, one per matrix.
/// Errors: another number of registers, a row not aligned to 16 bytes, and
/// those of `memory`.
llvm::Error executeLdMatrix(llvm::ArrayRef<uint32_t> addresses, bool transpose,
                            SharedMemory &memory, FragmentRef destination);

/// `stmatrix.sync.aligned.m8n8.x{1,2,4}{.trans}.shared.b16` (PTX ISA
/// 9.7.14.5, "stmatrix"), with operands and errors as above.
llvm::Error executeStMatrix(llvm::ArrayRef<uint32_t> addresses, bool transpose,
                            ConstFragmentRef source, SharedMemory &memory);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_MATRIXCOPY_H
