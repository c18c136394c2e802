// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the reference product.

#include "vnm/Sparsity/Reference.h"
#include "TestUtils.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// The product of the unpacked dense weight, in the plainest way.
static std::vector<double> densePlain(const Storage &storage,
                                      const std::vector<double> &x,
                                      int64_t tokens) {
  std::vector<char> bytes = decode(storage);
  int64_t rows = storage.structure.numRows, cols = storage.structure.numCols;
  MatrixView weight =
      MatrixView::rowMajor(bytes.data(), storage.type, rows, cols);
  std::vector<double> y(rows * tokens, 0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c)
      for (int64_t t = 0; t < tokens; ++t)
        y[r * tokens + t] += double(weight.at(r, c)) * x[c * tokens + t];
  return y;
}

TEST(Reference, IsTheDenseProduct) {
  auto isDense = [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{16, 2, pick(random, 4, 9)};
    Dense dense = randomDense(random, ElementType(pick(random, 0, 3)),
                              pick(random, 1, 40), pick(random, 1, 40));
    Structure structure =
        randomStructure(random, pattern, dense.rows, dense.cols,
                        Form(pick(random, 0, 1)), pick(random, 0, 1) != 0);
    Storage storage = take(pack(dense.view(), structure));
    // Fewer tokens than rows as well as more: VENOM's output lost features
    // where tokens were fewer.
    int64_t tokens = pick(random, 1, 50);
    std::vector<double> x(dense.cols * tokens);
    // Multiples of 1/8: sums are exact in any order.
    for (double &value : x)
      value = double(pick(random, -16, 16)) / 8;
    std::vector<double> y = referenceSpmm(storage, x, tokens);
    std::vector<double> expected = densePlain(storage, x, tokens);
    RC_ASSERT(y.size() == expected.size());
    for (size_t i = 0; i < y.size(); ++i)
      RC_ASSERT(std::fabs(y[i] - expected[i]) <=
                1e-12 * std::max(1.0, std::fabs(expected[i])));
  };
  EXPECT_TRUE(rc::check("referenceSpmm is the dense product", isDense));
}

TEST(VenomDefects, TailNeverReadsRowK) {
  // VENOM's kernel tests k > K where it must test k >= K and reads one row past
  // the end. Here the vector ends at K, which the address sanitizer watches,
  // and everything not named is poison.
  Random random(2);
  // One panel only, so that all rows leave out the same columns.
  Storage storage = randomStorage(random, {16, 2, 8}, ElementType::F32, 16, 17);
  std::vector<uint8_t> mask = maskOf(storage.structure);
  std::vector<double> x(17 * 3, 1.0);
  int64_t poisoned = 0;
  for (int64_t col = 0; col < 17; ++col) {
    bool named = false;
    for (int64_t row = 0; row < 16; ++row)
      named |= mask[row * 17 + col] != 0;
    for (int64_t token = 0; !named && token < 3; ++token)
      x[col * 3 + token] = token == 0 ? std::numeric_limits<double>::quiet_NaN()
                                      : std::numeric_limits<double>::infinity();
    poisoned += !named;
  }
  EXPECT_EQ(poisoned, 8);
  for (double value : referenceSpmm(storage, x, 3))
    EXPECT_TRUE(std::isfinite(value));
}

TEST(Reference, StoresPermutedRowsWhereTheyBelong) {
  const float weight[2] = {3, 5};
  Structure structure =
      take(structureFromMask(std::vector<uint8_t>{1, 1}, 2, 1, {16, 2, 4}));
  structure.rows = {1, 0};
  Storage storage = take(
      pack(MatrixView::rowMajor(weight, ElementType::F32, 2, 1), structure));
  float first;
  std::memcpy(&first, storage.values.data(), sizeof(first));
  EXPECT_EQ(first, 5.0f);
  EXPECT_EQ(referenceSpmm(storage, {10.0}, 1),
            (std::vector<double>{30.0, 50.0}));
}
