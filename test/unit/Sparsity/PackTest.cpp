// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests packing to and unpacking from the canonical storage.

#include "TestUtils.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static ElementType pickType(Random &random) {
  return ElementType(pick(random, 0, 3));
}

/// The dense bytes of `dense` where the structure keeps, zeros elsewhere.
static std::vector<char> maskBytes(const Dense &dense,
                                   const Structure &structure) {
  std::vector<uint8_t> mask = maskOf(structure);
  int64_t width = byteWidth(dense.type);
  std::vector<char> bytes(dense.bytes.size(), 0);
  for (size_t i = 0; i < mask.size(); ++i)
    if (mask[i])
      std::memcpy(&bytes[i * width], &dense.bytes[i * width], width);
  return bytes;
}

TEST(Pack, UnpacksToTheMaskedWeight) {
  EXPECT_TRUE(
      rc::check("unpack(pack(w)) is w under the mask", [](uint64_t seed) {
        Random random(seed);
        Pattern pattern{int64_t(16) << pick(random, 0, 3), 2,
                        pick(random, 4, 12)};
        Dense dense = randomDense(random, pickType(random),
                                  pick(random, 1, 140), pick(random, 1, 90));
        Structure structure =
            randomStructure(random, pattern, dense.rows, dense.cols,
                            Form(pick(random, 0, 1)), pick(random, 0, 1) != 0);
        Storage storage = take(pack(dense.view(), structure));
        take(verifyStorage(storage));
        std::vector<char> unpacked;
        take(unpack(storage, unpacked));
        RC_ASSERT(unpacked == maskBytes(dense, structure));
        RC_ASSERT(unpacked == decode(storage));
        // And packing that again changes nothing.
        Dense masked{dense.type, dense.rows, dense.cols, unpacked};
        RC_ASSERT(take(pack(masked.view(), structure)).values ==
                  storage.values);
      }));
}

TEST(Pack, ReadsTransposedViews) {
  Random random(3);
  Dense dense = randomDense(random, ElementType::BF16, 40, 70);
  Dense transposed{dense.type, 70, 40, std::vector<char>(dense.bytes.size())};
  for (int64_t row = 0; row < 70; ++row)
    for (int64_t col = 0; col < 40; ++col)
      std::memcpy(&transposed.bytes[(row * 40 + col) * 2],
                  dense.view().address(col, row), 2);
  Storage direct = take(compress(transposed.view(), {16, 2, 6}, {}, {}));
  Storage viewed =
      take(compress(dense.view().transposed(), {16, 2, 6}, {}, {}));
  EXPECT_EQ(direct.values, viewed.values);
  EXPECT_EQ(direct.structure.columns, viewed.structure.columns);
  EXPECT_EQ(direct.structure.metadata, viewed.structure.metadata);
}

TEST(Pack, KeepsEveryBitOfKeptValues) {
  // VENOM finds kept values by comparing with zero and loses exact zeros.
  const uint32_t bits[] = {0x80000000, 0,          0x3F800000, 0x40000000,
                           0x7FC00001, 0xFF800000, 0,          0x80000000};
  MatrixView weight = MatrixView::rowMajor(bits, ElementType::F32, 2, 4);
  std::vector<uint8_t> mask = {1, 1, 0, 0, 1, 0, 0, 1};
  Structure structure = take(structureFromMask(mask, 2, 4, {16, 2, 4}));
  PackOptions options;
  options.allowNonFinite = true;
  Storage storage = take(pack(weight, structure, options));
  std::vector<char> dense;
  take(unpack(storage, dense));
  uint32_t out[8];
  std::memcpy(out, dense.data(), sizeof(out));
  const uint32_t expected[] = {0x80000000, 0, 0, 0,
                               0x7FC00001, 0, 0, 0x80000000};
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(out[i], expected[i]) << i;
}

TEST(Pack, RefusesNonFiniteWeightsWithTheirIndex) {
  Random random(4);
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::F32}) {
    Dense dense = randomDense(random, type, 20, 33);
    Structure structure =
        randomStructure(random, {16, 2, 8}, 20, 33, Form::Strict, false);
    // Pruned or not: what is wrong with the weight is wrong anyway.
    for (auto [value, text] :
         {std::pair<float, const char *>{NAN, "nan"},
          {std::numeric_limits<float>::infinity(), "inf"},
          {-std::numeric_limits<float>::infinity(), "-inf"}}) {
      Dense bad = dense;
      uint16_t half = type == ElementType::F16 ? floatToHalf(value)
                                               : floatToBfloat16(value);
      std::memcpy(&bad.bytes[(17 * 33 + 32) * byteWidth(type)],
                  type == ElementType::F32 ? (void *)&value : (void *)&half,
                  byteWidth(type));
      EXPECT_EQ(
          messageOf(pack(bad.view(), structure)),
          std::string("requires finite weights, but element (17, 32) is ") +
              text);
      MatrixView transposed = bad.view().transposed();
      EXPECT_EQ(
          messageOf(importance(transposed, {})),
          std::string("requires finite weights, but element (32, 17) is ") +
              text);
      PackOptions options;
      options.allowNonFinite = true;
      Storage storage = take(pack(bad.view(), structure, options));
      EXPECT_EQ(decode(storage), maskBytes(bad, structure));
    }
  }
}

TEST(Pack, RefusesWhatDoesNotFit) {
  Random random(5);
  Dense dense = randomDense(random, ElementType::F32, 16, 16);
  Structure structure =
      randomStructure(random, {16, 2, 8}, 16, 17, Form::Strict, false);
  EXPECT_EQ(messageOf(pack(dense.view(), structure)),
            "requires the weight and the structure to have one shape, but they "
            "are 16 x 16 and 16 x 17");
  structure.metadata[0] = 0;
  EXPECT_EQ(messageOf(pack(dense.view(), structure)).substr(0, 5), "[S13]");
  std::vector<char> unpacked;
  Storage storage;
  EXPECT_EQ(messageOf(unpack(storage, unpacked)).substr(0, 4), "[S2]");
}

TEST(Pack, DoesNotDependOnThreads) {
  Random random(6);
  Dense dense = randomDense(random, ElementType::F16, 700, 1100);
  Structure structure =
      randomStructure(random, {64, 2, 4}, 700, 1100, Form::Free, true);
  std::vector<char> expected;
  for (unsigned threads : {1, 2, 3, 8, 0}) {
    PackOptions options;
    options.threads = threads;
    Storage storage = take(pack(dense.view(), structure, options));
    if (threads == 1)
      expected = storage.values;
    EXPECT_EQ(storage.values, expected) << threads;
  }
}

TEST(Storage, CountsItsBytes) {
  Random random(7);
  Storage storage = randomStorage(random, {16, 2, 8}, ElementType::F16, 20, 20);
  // 20 rows of 6 values, 20 rows of a word, 2 panels of 12 ids.
  EXPECT_EQ(storage.sizeInBytes(2), 20 * 6 * 2 + 20 * 2 + 24 * 2);
  EXPECT_EQ(storage.sizeInBytes(4), 20 * 6 * 2 + 20 * 2 + 24 * 4);
  EXPECT_EQ(minimalColumnBytes(65535), 2);
  EXPECT_EQ(minimalColumnBytes(65536), 4);
}

TEST(StorageFormat, GivesTheWorkedExample) {
  // docs/storage-format.md, "Example".
  const float weight[2][10] = {{9, 9, 1.5, 9, 9, 0, 9, 9, 3, 4},
                               {9, 9, 9, 9, -2, 9, 9, 5, 6, 7}};
  const std::vector<uint8_t> mask = {0, 0, 1, 0, 0, 1, 0, 0, 1, 1,
                                     0, 0, 0, 0, 1, 0, 0, 1, 1, 1};
  Structure structure = take(structureFromMask(mask, 2, 10, {16, 2, 8}));
  Storage storage = take(
      pack(MatrixView::rowMajor(weight, ElementType::F32, 2, 10), structure));
  EXPECT_EQ(structure.columns,
            (std::vector<int32_t>{2, 4, 5, 7, 8, 9, 10, 10}));
  EXPECT_EQ(structure.metadata, (std::vector<uint16_t>{0x4448, 0x444d}));
  const float expected[] = {1.5, 0, 3, 4, -2, 5, 6, 7};
  ASSERT_EQ(storage.values.size(), sizeof(expected));
  EXPECT_EQ(std::memcmp(storage.values.data(), expected, sizeof(expected)), 0);
}
