// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests that every rule of the storage format is checked and that
// its documentation has it.

#include "TestUtils.h"
#include "llvm/Support/MemoryBuffer.h"
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

namespace {
/// A legal strict weight of 20 x 21 at 16:2:8: two panels, the second short;
/// three groups, the last of 5 columns; and its free and short relatives.
class StorageVerifierTest : public testing::Test {
protected:
  StorageVerifierTest() {
    Random random(1);
    storage = randomStorage(random, {16, 2, 8}, ElementType::F32, 20, 21);
    // 17 = 2 x 8 + 1: a tail of one column, so empty slots.
    tail = randomStorage(random, {16, 2, 8}, ElementType::F32, 20, 17);
  }

  Structure &structure = storage.structure;
  Storage storage, tail;
};
} // namespace

TEST_F(StorageVerifierTest, AcceptsLegalStorage) {
  EXPECT_EQ(messageOf(verifyStorage(storage)), "");
  EXPECT_EQ(messageOf(verifyStorage(tail)), "");
  structure.form = Form::Free;
  EXPECT_EQ(messageOf(verifyStorage(storage)), "");
}

TEST_F(StorageVerifierTest, S1Pattern) {
  structure.pattern.v = 24;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S1] requires V to be a power of two in [16, 1048576], but V is "
            "24");
}

TEST_F(StorageVerifierTest, S2Shape) {
  structure.numCols = 0;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S2] requires K to be in [1, 2147483647], but K is 0");
  structure.numRows = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S2] requires R to be in [1, 2147483647], but R is "
            "9223372036854775807");
}

TEST_F(StorageVerifierTest, S3NumberOfColumns) {
  structure.columns.pop_back();
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S3] requires P x 4G = 2 x 12 = 24 column ids, but there are 23");
}

TEST_F(StorageVerifierTest, S4NumberOfMetadataWords) {
  structure.metadata.push_back(0x4444);
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S4] requires R x ceil(G/4) = 20 x 1 = 20 metadata words, but "
            "there are 21");
}

TEST_F(StorageVerifierTest, S5NumberOfRows) {
  structure.rows = {0, 1};
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S5] requires no row order or one of R = 20 rows, but there are "
            "2");
}

TEST_F(StorageVerifierTest, S6RowsArePermutation) {
  for (int32_t row = 0; row < 20; ++row)
    structure.rows.push_back(19 - row);
  EXPECT_EQ(messageOf(verifyStorage(storage)), "");
  structure.rows[3] = 19;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S6] requires rows to be a permutation, but rows[0] and rows[3] "
            "are both 19");
  structure.rows[3] = 20;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S6] requires rows to be a permutation of 0 to R - 1 = 19, but "
            "rows[3] is 20");
  structure.rows[3] = -1;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S6] requires rows to be a permutation of 0 to R - 1 = 19, but "
            "rows[3] is -1");
}

TEST_F(StorageVerifierTest, S7ColumnRange) {
  structure.columns[12 + 5] = 22;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S7] requires column ids to be in [0, K = 21], but slot 1 in "
            "group 1 of panel 1 is 22");
  structure.columns[12 + 5] = -1;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S7] requires column ids to be in [0, K = 21], but slot 1 in "
            "group 1 of panel 1 is -1");
}

TEST_F(StorageVerifierTest, S8ColumnsBeforeEmptySlots) {
  structure.form = Form::Free;
  std::fill_n(structure.columns.begin(), 2, 21);
  structure.columns[2] = 5;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S8] requires columns before empty slots, but slot 0 in group 0 "
            "of panel 0 is empty and slot 2 is 5");
}

TEST_F(StorageVerifierTest, S9StrictRange) {
  structure.columns[3] = 8;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S9] requires columns of group 0 of panel 0 in strict form to be "
            "in [0, 8), but slot 3 is 8");
}

TEST_F(StorageVerifierTest, S10StrictOrder) {
  structure.columns[0] = 2;
  structure.columns[1] = 2;
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S10] requires columns of group 0 of panel 0 in strict form to "
            "ascend, but slots 0 and 1 are 2 and 2");
}

TEST_F(StorageVerifierTest, S11StrictCount) {
  structure.columns[3] = 21;
  EXPECT_EQ(
      messageOf(verifyStorage(storage)),
      "[S11] requires 4 columns in group 0 of panel 0 in strict form, but "
      "there are 3");
}

TEST_F(StorageVerifierTest, S12FreeUniqueness) {
  structure.form = Form::Free;
  structure.columns[12 + 9] = structure.columns[12];
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S12] requires a column at most once per panel, but column " +
                std::to_string(structure.columns[12]) +
                " of panel 1 is in group 0 and in group 2");
}

TEST_F(StorageVerifierTest, S13LegalNibbles) {
  for (unsigned nibble = 0; nibble < 16; ++nibble) {
    structure.metadata[7] =
        uint16_t((structure.metadata[7] & 0xFF0F) | nibble << 4);
    bool legal = false;
    for (unsigned position0 = 0; position0 < 4; ++position0)
      for (unsigned position1 = position0 + 1; position1 < 4; ++position1)
        legal |= nibble == (position0 | position1 << 2);
    EXPECT_EQ(messageOf(verifyStorage(storage)),
              legal ? ""
                    : "[S13] requires a metadata nibble of 4, 8, 9, 12, 13 or "
                      "14, but row 7 holds " +
                          std::to_string(nibble) + " for group 1");
  }
}

TEST_F(StorageVerifierTest, S14UnusedNibbles) {
  structure.metadata[19] =
      uint16_t((structure.metadata[19] & 0x0FFF) | 14 << 12);
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S14] requires unused metadata nibbles to be 4, but row 19 holds "
            "14 after its last group, in nibble 3");
}

TEST_F(StorageVerifierTest, S15NumberOfValues) {
  storage.values.pop_back();
  EXPECT_EQ(messageOf(verifyStorage(storage)),
            "[S15] requires R x 2G = 20 x 6 values of f32 in 480 bytes, but "
            "there are 479 bytes");
}

TEST_F(StorageVerifierTest, S16EmptySlotsAreZero) {
  // Row 18's tail keeps its one column and an empty slot; -0 is not +0.
  tail.values[(18 * 6 + 5) * 4 + 3] = char(0x80);
  EXPECT_EQ(messageOf(verifyStorage(tail)),
            "[S16] requires values of slots without a column to be +0, but "
            "value 5 of row 18 is not");
}

TEST(StorageFormat, DocumentsEveryRuleOnce) {
  auto buffer = llvm::MemoryBuffer::getFile(VNM_DOCS_DIR "/storage-format.md");
  ASSERT_TRUE(bool(buffer));
  llvm::StringRef text = (*buffer)->getBuffer();
  for (auto [letter, last] : {std::pair('S', 20), {'D', 6}, {'V', 4}})
    for (int number = 1; number <= last; ++number) {
      std::string rule = "\n- **" + (letter + std::to_string(number)) + "** ";
      EXPECT_EQ(text.count(rule), 1u) << rule;
    }
  // The lines of the worked example that PackTest.cpp proves.
  for (const char *line :
       {"columns   2 4 5 7 8 9 10 10 ", "values    1.5 0 3 4 ",
        "          -2 5 6 7 ", "metadata  0x4448 ", "          0x444d "})
    EXPECT_TRUE(text.contains(line)) << line;
}
