// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the layouts of the wgmma_sp kernel against the emulator's
// instructions.

#include "WgmmaLayout.h"

#include "vnm/Emulator/Instructions/Fragment.h"
#include "vnm/Emulator/Instructions/MatrixDescriptor.h"
#include "vnm/Emulator/Instructions/Metadata.h"
#include "gtest/gtest.h"
#include <set>

using namespace vnm;
using namespace vnm::emulator;

TEST(WgmmaLayout, OrdersEveryGroupOnce) {
  std::set<int64_t> groups;
  for (int64_t group = 0; group < wgmma::kStageGroups; ++group)
    groups.insert(wgmma::getInstructionGroup(group));
  EXPECT_EQ(groups.size(), 16u);
  EXPECT_EQ(*groups.begin(), 0);
  EXPECT_EQ(*groups.rbegin(), 15);
}

// Word 2 s + h of the 16 bytes that lane q loads of row g is register a(2h) of
// k32 step s; of row g + 8, a(2h + 1).
TEST(WgmmaLayout, GivesALanesOperandsSixteenBytes) {
  for (unsigned lane = 0; lane < kWarpLanes; ++lane)
    for (unsigned step = 0; step < 2; ++step)
      for (unsigned index = 0; index < 4; ++index) {
        Coordinate place = getCoordinateA(ElementType::F16, lane, index, 0);
        unsigned half = index / 2;
        EXPECT_EQ(place.row, lane / 4 + index % 2 * 8);
        EXPECT_EQ(8 * step + place.col / 2,
                  wgmma::getInstructionGroup(lane % 4 * 4 + 2 * step + half));
      }
}

// Nibble q of a row's words is what lane q must hold: a code that only stored
// group 4 j + q has comes out at the instruction's group of it.
TEST(WgmmaLayout, TakesMetadataFromTheSameNibbleOfEveryWord) {
  for (unsigned lane = 0; lane < kWarpLanes; ++lane)
    for (unsigned word = 0; word < 4; ++word) {
      std::vector<uint32_t> registers(kWarpLanes, 0x44444444);
      registers[lane] ^= (0x4u ^ 0xEu) << 4 * word;
      unsigned quadLane = lane % 4, selector = quadLane / 2;
      auto columns = decodeMetadata({ElementType::F16, 32, selector},
                                    {registers, kWarpLanes});
      ASSERT_TRUE(bool(columns));
      unsigned group = wgmma::getInstructionGroup(4 * word + quadLane);
      EXPECT_EQ(group / 8, selector);
      for (unsigned i = 0; i < 8; ++i)
        EXPECT_EQ((*columns)[lane / 4 * 16 + 2 * i] == 4 * i + 2,
                  i == group % 8);
    }
}

TEST(WgmmaLayout, PutsPiecesWhereTheDescriptorFindsThem) {
  for (unsigned step = 0; step < 2; ++step) {
    uint64_t start = step * wgmma::kStepStride >> 4;
    auto descriptor = MatrixDescriptor::decode(wgmma::kDescriptorBase + start);
    ASSERT_TRUE(bool(descriptor));
    for (unsigned k = 0; k < 32; ++k)
      for (unsigned n = 0; n < 256; ++n) {
        int64_t piece = n % wgmma::kChunkTokens / 8;
        int64_t place = n / wgmma::kChunkTokens * wgmma::kChunkStride +
                        wgmma::getPieceOffset(32 * step + k, piece) + n % 8 * 2;
        EXPECT_EQ(
            descriptor->getElementAddress(ElementType::F16, Major::MN, n, k),
            place);
      }
  }
}
