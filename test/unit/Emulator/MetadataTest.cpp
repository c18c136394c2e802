// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the metadata of sparse instructions.

#include "vnm/Emulator/Instructions/Metadata.h"
#include "TestUtils.h"

using namespace vnm::emulator;
using namespace vnm::emulator::test;

static const std::vector<MetadataFormat> kFormats = {
    {ElementType::F16, 16, 0},  {ElementType::F16, 16, 3},
    {ElementType::BF16, 32, 0}, {ElementType::BF16, 32, 1},
    {ElementType::TF32, 8, 2},  {ElementType::TF32, 16, 1},
    {ElementType::S8, 32, 1},   {ElementType::U8, 64, 0}};

static std::vector<uint32_t> fill(size_t lanes, uint32_t word) {
  return std::vector<uint32_t>(lanes, word);
}

// Every code of the chosen lanes is read, none of the others.
TEST(Metadata, ReadsTheChosenLanes) {
  for (const MetadataFormat &format : kFormats)
    for (unsigned lane = 0; lane < 128; ++lane)
      for (unsigned bit = 0; bit < 32; bit += 4) {
        std::vector<uint32_t> words = fill(128, 0x44444444);
        words[lane] ^= 0x4u << bit; // 0 is illegal everywhere.
        auto columns = decodeMetadata(format, {words, 128});
        unsigned count = format.getLanesPerQuad();
        bool chosen = lane % 4 / count == format.selector;
        ASSERT_EQ(!columns, chosen);
        std::string message = messageOf(columns.takeError());
        if (chosen) {
          ASSERT_NE(message.find("bits " + std::to_string(bit) + " to " +
                                 std::to_string(bit + 3) + " of lane " +
                                 std::to_string(lane) + " hold 0x0"),
                    std::string::npos)
              << message;
        }
      }
}

// The layout of docs and kernels: lane (g, q) holds 16 columns of rows g and
// g + 8 of the half step q & 1, selector q / 2.
RC_GTEST_PROP(Metadata, HasTheLayoutOfPackedWeights, ()) {
  const unsigned legal[] = {0x4, 0x8, 0x9, 0xC, 0xD, 0xE};
  std::vector<uint32_t> words(32);
  for (uint32_t &word : words)
    for (unsigned j = 0; j < 8; ++j)
      word |= legal[*rc::gen::inRange(0, 6)] << 4 * j;
  unsigned selector = *rc::gen::inRange(0u, 2u);
  auto columns = decodeMetadata({ElementType::F16, 32, selector}, {words, 32});
  RC_ASSERT(bool(columns));
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned group = 0; group < 8; ++group) {
      uint32_t word = words[row % 8 * 4 + selector * 2 + group / 4];
      unsigned code = word >> (row / 8 * 16 + group % 4 * 4) & 15;
      RC_ASSERT((*columns)[row * 16 + 2 * group] == 4 * group + (code & 3));
      RC_ASSERT((*columns)[row * 16 + 2 * group + 1] ==
                4 * group + (code >> 2));
    }
}

TEST(Metadata, KnowsTheLegalCodes) {
  for (unsigned code = 0; code < 16; ++code) {
    bool legal = code == 4 || code == 8 || code == 9 || code >= 12;
    legal = legal && code != 15;
    std::vector<uint32_t> words = fill(32, 0x11111111 * code);
    auto two = decodeMetadata({ElementType::F16, 32, 0}, {words, 32});
    EXPECT_EQ(bool(two), legal) << code;
    llvm::consumeError(two.takeError());
    auto one = decodeMetadata({ElementType::TF32, 16, 0}, {words, 32});
    EXPECT_EQ(bool(one), code == 4 || code == 14) << code;
    llvm::consumeError(one.takeError());
  }
}

TEST(Metadata, RefusesSelectorsOutOfRange) {
  EXPECT_EQ(messageOf(verify(MetadataFormat{ElementType::F16, 16, 3})), "");
  EXPECT_EQ(messageOf(verify(MetadataFormat{ElementType::F16, 32, 2})),
            "requires a sparsity selector below 2 for f16 with k = 32, but it "
            "is 2");
  EXPECT_EQ(messageOf(verify(MetadataFormat{ElementType::S8, 64, 1})),
            "requires a sparsity selector below 1 for s8 with k = 64, but it "
            "is 1");
}
