// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests weights in the order of tensor cores' registers.

#include "vnm/Sparsity/Fragments.h"
#include "TestUtils.h"
#include <cstring>
#include <rapidcheck.h>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// The dense bytes of fragments: what mma.sp multiplies, by the PTX manual's
/// figures for the A operand and the metadata of m16n8k32, lane by lane.
static std::vector<char> decode(const Fragments &fragments,
                                const Structure &structure) {
  int64_t rows = structure.numRows, cols = structure.numCols;
  FragmentShape shape(structure.pattern, rows, cols);
  std::vector<char> dense(rows * cols * 2, 0);
  for (int64_t block = 0; block < shape.numBlocks; ++block)
    for (int64_t stage = 0; stage < shape.numStages; ++stage)
      for (int64_t step = 0; step < 2; ++step)
        for (int64_t lane = 0; lane < 32; ++lane)
          for (int64_t i = 0; i < 8; ++i) {
            int64_t place = (block * shape.numStages + stage) * 2 + step;
            const char *value =
                fragments.values.data() + ((place * 32 + lane) * 8 + i) * 2;
            // Row and column of the fragment's 16 x 16 stored values.
            bool high = (i / 2) % 2 == 1;
            int64_t row = 16 * block + lane / 4 + (high ? 8 : 0);
            int64_t col = 2 * (lane % 4) + i % 2 + (i >= 4 ? 8 : 0);
            // Groups of 4 logical columns hold two of them. Lanes 2 step and
            // 2 step + 1 of the quad have the step's metadata, 4 groups each.
            int64_t group = col / 2;
            int64_t source = lane / 4 * 4 + 2 * step + group / 4;
            uint32_t word =
                fragments.metadata[(block * shape.numStages + stage) * 32 +
                                   source] >>
                (high ? 16 : 0);
            uint32_t nibble = word >> (4 * (group % 4)) & 0xF;
            RC_ASSERT((nibble & 3) < nibble >> 2);
            int64_t position = i % 2 == 0 ? nibble & 3 : nibble >> 2;
            int64_t slot = 64 * stage + 32 * step + 4 * group + position;
            if (row >= rows) {
              RC_ASSERT(value[0] == 0 && value[1] == 0);
              continue;
            }
            int64_t panel = row / structure.pattern.v;
            int32_t id = fragments.columns[panel * shape.numSlots() + slot];
            if (id == cols) {
              RC_ASSERT(value[0] == 0 && value[1] == 0);
              continue;
            }
            int64_t output = structure.outputRow(row);
            std::memcpy(&dense[(output * cols + id) * 2], value, 2);
          }
  return dense;
}

TEST(Fragments, HoldTheWeight) {
  EXPECT_TRUE(rc::check("fragments decode to the weight", [](uint64_t seed) {
    Random random(seed);
    Pattern pattern{int64_t(16) << pick(random, 0, 3), 2, pick(random, 4, 12)};
    ElementType type =
        pick(random, 0, 1) ? ElementType::F16 : ElementType::BF16;
    Dense dense =
        randomDense(random, type, pick(random, 1, 140), pick(random, 1, 500));
    Structure structure =
        randomStructure(random, pattern, dense.rows, dense.cols,
                        Form(pick(random, 0, 1)), pick(random, 0, 1) != 0);
    Storage storage = take(pack(dense.view(), structure));
    Fragments fragments = take(packFragments(storage));
    RC_ASSERT(decode(fragments, structure) ==
              vnm::sparsity::test::decode(storage));
    // Threads make no difference.
    Fragments serial = take(packFragments(storage, /*threads=*/1));
    RC_ASSERT(serial.values == fragments.values);
    RC_ASSERT(serial.metadata == fragments.metadata);
    RC_ASSERT(serial.columns == fragments.columns);
  }));
}

TEST(Fragments, RefuseOtherWidths) {
  Random random(5);
  for (ElementType type : {ElementType::F32, ElementType::I8}) {
    Storage storage = randomStorage(random, {16, 2, 8}, type, 20, 40);
    EXPECT_EQ(messageOf(packFragments(storage)),
              type == ElementType::F32
                  ? "requires elements of f16 or bf16 in fragments, but they "
                    "have 32 bits"
                  : "requires elements of f16 or bf16 in fragments, but they "
                    "have 8 bits");
  }
}

TEST(Fragments, RefuseWhatBreaksARule) {
  Random random(6);
  Storage storage = randomStorage(random, {16, 2, 8}, ElementType::F16, 20, 40);
  storage.structure.metadata[0] = 0;
  EXPECT_NE(messageOf(packFragments(storage)).find("[S13]"), std::string::npos);
}
