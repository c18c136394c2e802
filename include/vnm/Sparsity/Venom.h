// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares import and export of VENOM's packed arrays.

#ifndef VNM_SPARSITY_VENOM_H
#define VNM_SPARSITY_VENOM_H

#include "vnm/Sparsity/Storage.h"

namespace vnm::sparsity {

/// The arrays of VENOM (SC'23; github.com/UDC-GAC/venom), f16 only. With
/// KP = roundup(2 ceil(K/M), 16) values per row and G' = KP/2 groups:
struct VenomArrays {
  Pattern pattern;
  int64_t numRows = 0;              ///< R, a multiple of 32 and of V
  int64_t numCols = 0;              ///< K
  std::vector<uint16_t> values;     ///< R * KP f16 bit patterns, tiled
  std::vector<uint32_t> metadata;   ///< R/2 * KP/8 words, tiled
  std::vector<uint32_t> columnLocs; ///< (R/V) * G' * 4 columns within a group
};

/// Converts to VENOM's arrays. Errors: element type not f16, form not strict,
/// rows permuted, R no multiple of V or 32, V < 32. Padding groups get the
/// legal nibble 4, where VENOM's own packer writes the illegal 0.
llvm::Expected<VenomArrays> exportVenom(const Storage &storage);

/// Converts from VENOM's arrays; zero-valued padding groups may have any
/// nibble. Errors name the array, index and what is wrong.
llvm::Expected<Storage> importVenom(const VenomArrays &arrays);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_VENOM_H
