// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the metadata of sparse matrix instructions.

#include "vnm/Emulator/Instructions/Metadata.h"
#include "Detail.h"

using namespace vnm::emulator;

unsigned MetadataFormat::getLanesPerQuad() const {
  // 16 rows of k / 4 codes (2:4) or k / 2 (1:2), 4 bits each, in 8 quads.
  unsigned codesPerRow = type == ElementType::TF32 ? k / 2 : k / 4;
  return 16 * codesPerRow * 4 / (8 * 32);
}

llvm::Error vnm::emulator::verify(const MetadataFormat &format) {
  unsigned limit = 4 / format.getLanesPerQuad();
  if (format.selector >= limit)
    return makeError("requires a sparsity selector below " +
                     llvm::Twine(limit) + " for " + stringify(format.type) +
                     " with k = " + llvm::Twine(format.k) + ", but it is " +
                     llvm::Twine(format.selector));
  return llvm::Error::success();
}

/// Whether PTX defines `code` (4 bits) as the indices of a group.
static bool isLegal(unsigned code, bool oneOfTwo) {
  if (oneOfTwo)
    return code == 0x4 || code == 0xE;
  return (code & 3) < code >> 2;
}

/// Where the code of a group lies: lane of the quad and lowest bit.
static std::pair<unsigned, unsigned> locateCode(const MetadataFormat &format,
                                                unsigned half, unsigned group) {
  unsigned first = format.selector * format.getLanesPerQuad();
  // 8-bit elements: a word has 8 groups of one row, lanes alternate between the
  // rows g and g + 8. Others: a word has 4 groups of either row.
  if (getBitWidth(format.type) == 8)
    return {first + group / 8 * 2 + half, group % 8 * 4};
  return {first + group / 4, half * 16 + group % 4 * 4};
}

llvm::Expected<llvm::SmallVector<uint8_t, 0>>
vnm::emulator::decodeMetadata(const MetadataFormat &format,
                              ConstFragmentRef metadata) {
  bool oneOfTwo = format.type == ElementType::TF32;
  unsigned groups = format.k / (oneOfTwo ? 2 : 4), stored = format.k / 2;
  unsigned rows = metadata.getNumLanes() / 2;
  llvm::SmallVector<uint8_t, 0> columns(size_t(rows) * stored);
  for (unsigned row = 0; row < rows; ++row) {
    unsigned quad = row / 16 * kWarpLanes + row % 8 * 4;
    for (unsigned group = 0; group < groups; ++group) {
      auto [inQuad, bit] = locateCode(format, row / 8 % 2, group);
      unsigned lane = quad + inQuad;
      unsigned code = metadata.get(lane, 0) >> bit & 0xF;
      if (!isLegal(code, oneOfTwo))
        return makeError(
            llvm::Twine("requires metadata codes of ") +
            (oneOfTwo ? "0x4 or 0xE" : "0x4, 0x8, 0x9, 0xC, 0xD or 0xE") +
            ", but bits " + llvm::Twine(bit) + " to " + llvm::Twine(bit + 3) +
            " of lane " + llvm::Twine(lane) + " hold 0x" +
            llvm::Twine::utohexstr(code));
      uint8_t *out = &columns[size_t(row) * stored];
      if (oneOfTwo) {
        out[group] = uint8_t(2 * group + (code == 0xE));
        continue;
      }
      out[2 * group] = uint8_t(4 * group + (code & 3));
      out[2 * group + 1] = uint8_t(4 * group + (code >> 2));
    }
  }
  return columns;
}
