// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what the tests of the sparsity library share.

#include "TestUtils.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// RapidCheck runs 100 cases of a property unless told otherwise.
static const int kThousandCases = setenv("RC_PARAMS", "max_success=1000", 0);

Dense test::randomDense(Random &random, ElementType type, int64_t rows,
                        int64_t cols) {
  Dense dense{type, rows, cols,
              std::vector<char>(rows * cols * byteWidth(type))};
  for (int64_t i = 0; i < rows * cols; ++i) {
    float value = (pickUnit(random) - 0.5f) * 8;
    int64_t special = pick(random, 0, 9);
    if (special <= 1)
      value = special == 0 ? 0.0f : -0.0f;
    uint16_t bits =
        type == ElementType::F16 ? floatToHalf(value) : floatToBfloat16(value);
    int8_t integer = int8_t(value * 30);
    const void *source = &value;
    if (type == ElementType::I8)
      source = &integer;
    else if (type != ElementType::F32)
      source = &bits;
    std::memcpy(dense.bytes.data() + i * byteWidth(type), source,
                byteWidth(type));
  }
  return dense;
}

/// Fills the columns of one panel in free form.
static void pickFreeColumns(Random &random, Structure &structure,
                            int32_t *ids) {
  std::vector<int32_t> all(structure.numCols);
  std::iota(all.begin(), all.end(), 0);
  std::shuffle(all.begin(), all.end(), random);
  for (int64_t group = 0; group < structure.numGroups(); ++group)
    for (int64_t slot = 0, count = pick(random, 0, 5); slot < 4; ++slot) {
      bool exists = slot < count && !all.empty();
      *ids++ = exists ? all.back() : int32_t(structure.numCols);
      if (exists)
        all.pop_back();
    }
}

/// Fills the columns of one panel in strict form.
static void pickStrictColumns(Random &random, Structure &structure,
                              int32_t *ids) {
  for (int64_t group = 0; group < structure.numGroups(); ++group) {
    int64_t begin = group * structure.pattern.m;
    std::vector<int32_t> all(
        std::min(structure.pattern.m, structure.numCols - begin));
    std::iota(all.begin(), all.end(), int32_t(begin));
    std::shuffle(all.begin(), all.end(), random);
    all.resize(std::min<size_t>(4, all.size()));
    std::sort(all.begin(), all.end());
    all.resize(4, int32_t(structure.numCols));
    ids = std::copy(all.begin(), all.end(), ids);
  }
}

Structure test::randomStructure(Random &random, const Pattern &pattern,
                                int64_t rows, int64_t cols, Form form,
                                bool permuteRows) {
  Structure structure;
  structure.pattern = pattern;
  structure.form = form;
  structure.numRows = rows;
  structure.numCols = cols;
  int64_t slots = pattern.numColumnSlots(cols);
  structure.columns.resize(structure.numPanels() * slots);
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    (form == Form::Free ? pickFreeColumns : pickStrictColumns)(
        random, structure, structure.columns.data() + panel * slots);
  int64_t words = pattern.numMetadataWords(cols);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t word = 0; word < words; ++word) {
      unsigned bits = 0;
      for (int64_t i = 0; i < 4; ++i) {
        bool used = 4 * word + i < structure.numGroups();
        bits |= (used ? kLegalNibbles[pick(random, 0, 5)] : 4u) << (4 * i);
      }
      structure.metadata.push_back(uint16_t(bits));
    }
  if (permuteRows) {
    structure.rows.resize(rows);
    std::iota(structure.rows.begin(), structure.rows.end(), 0);
    std::shuffle(structure.rows.begin(), structure.rows.end(), random);
  }
  return structure;
}

std::vector<char> test::decode(const Storage &storage) {
  const Structure &s = storage.structure;
  int64_t width = byteWidth(storage.type);
  int64_t groups = (s.numCols + s.pattern.m - 1) / s.pattern.m;
  int64_t words = (groups + 3) / 4;
  std::vector<char> dense(s.numRows * s.numCols * width, 0);
  for (int64_t r = 0; r < s.numRows; ++r)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = 0; i < 2; ++i) {
        int position = s.metadata[r * words + g / 4] >> (g % 4 * 4 + i * 2) & 3;
        int64_t c = s.columns[(r / s.pattern.v * groups + g) * 4 + position];
        if (c == s.numCols)
          continue;
        int64_t out = s.rows.empty() ? r : s.rows[r];
        std::memcpy(&dense[(out * s.numCols + c) * width],
                    &storage.values[(r * 2 * groups + 2 * g + i) * width],
                    width);
      }
  return dense;
}

Storage test::randomStorage(Random &random, const Pattern &pattern,
                            ElementType type, int64_t rows, int64_t cols) {
  Dense dense = randomDense(random, type, rows, cols);
  return take(compress(dense.view(), pattern, {}, {}));
}
