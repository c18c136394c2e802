// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the V:N:M pattern.

#include "TestUtils.h"

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

TEST(Pattern, RoundTripsItsText) {
  for (const char *text : {"64:2:8", "16:2:4", "128:2:100", "1024:2:5"})
    EXPECT_EQ(take(Pattern::parse(text)).str(), text);
}

TEST(Pattern, RefusesMalformedText) {
  for (const char *text : {"", "64", "64:2", "64:2:8:1", ":::", "64:2:x",
                           "64:2:8 ", "64:2:99999999999999999999"})
    EXPECT_NE(messageOf(Pattern::parse(text)).find("requires a pattern V:N:M"),
              std::string::npos)
        << text;
}

TEST(Pattern, RefusesImpossibleNumbers) {
  EXPECT_EQ(messageOf(Pattern::parse("48:2:8")),
            "requires V to be a power of two in [16, 1048576], but V is 48");
  EXPECT_EQ(messageOf(Pattern::parse("8:2:8")),
            "requires V to be a power of two in [16, 1048576], but V is 8");
  EXPECT_EQ(messageOf(Pattern::parse("64:4:8")),
            "requires N to be 2, the hardware's 2:4 pattern, but N is 4");
  EXPECT_EQ(messageOf(Pattern::parse("64:2:3")),
            "requires M to be in [4, 1048576], but M is 3");
  EXPECT_EQ(messageOf(Pattern::parse("-64:2:8")),
            "requires V to be a power of two in [16, 1048576], but V is -64");
}

TEST(Pattern, CountsPartsOfRaggedShapes) {
  Pattern pattern{64, 2, 5};
  EXPECT_EQ(pattern.numPanels(65), 2);
  EXPECT_EQ(pattern.numGroups(384), 77);
  EXPECT_EQ(pattern.numColumnSlots(384), 308);
  EXPECT_EQ(pattern.numRowValues(384), 154);
  EXPECT_EQ(pattern.numMetadataWords(384), 20);
  EXPECT_DOUBLE_EQ(pattern.density(), 0.4);
}

TEST(Pattern, RanksByMaskDiversity) {
  // log2 C(M,4) / (V M) + log2(6) / M, worked out by hand to 5 places.
  EXPECT_NEAR((Pattern{16, 2, 5}.log2MaskDiversity()), 0.54602, 1e-5);
  EXPECT_NEAR((Pattern{64, 2, 8}.log2MaskDiversity()), 0.33509, 1e-5);
  EXPECT_NEAR((Pattern{128, 2, 32}.log2MaskDiversity()), 0.08447, 1e-5);
  // A power of the binomial instead of the binomial would turn this around.
  EXPECT_GT((Pattern{32, 2, 5}.log2MaskDiversity()),
            (Pattern{16, 2, 6}.log2MaskDiversity()));
}
