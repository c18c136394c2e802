// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the metadata of sparse matrix instructions: which lanes
// and bits hold it, and which codes are legal.

#ifndef VNM_EMULATOR_INSTRUCTIONS_METADATA_H
#define VNM_EMULATOR_INSTRUCTIONS_METADATA_H

#include "vnm/Emulator/Instructions/Fragment.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace vnm::emulator {

/// How the metadata operand of a sparse instruction is read.
struct MetadataFormat {
  /// Type of A's elements: decides between 2:4 and, for tf32, 1:2.
  ElementType type = ElementType::F16;
  /// Columns of the uncompressed A.
  unsigned k = 32;
  /// The sparsity selector: which lanes of four contribute.
  unsigned selector = 0;

  /// Lanes of each four that contribute: 1, 2 or 4.
  unsigned getLanesPerQuad() const;
};

/// Checks the selector against the range that PTX gives for the shape (PTX ISA
/// 9.7.14.6.1, "Sparse matrix storage").
llvm::Error verify(const MetadataFormat &format);

/// Columns of the uncompressed A that its stored elements have: the result
/// holds k / 2 columns for each of the 16 rows of every warp of `metadata`
/// (one register per lane), row by row. Errors name lane, bits and code where a
/// code is illegal: for 2:4 anything but 0x4, 0x8, 0x9, 0xC, 0xD, 0xE (indices
/// in ascending order), for 1:2 anything but 0x4 and 0xE. PTX demands ascending
/// order of mma.sp::ordered_metadata alone; no kernel needs the other.
llvm::Expected<llvm::SmallVector<uint8_t, 0>>
decodeMetadata(const MetadataFormat &format, ConstFragmentRef metadata);

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_METADATA_H
