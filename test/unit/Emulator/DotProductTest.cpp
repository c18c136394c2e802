// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the rounding model against exact arithmetic.

#include "vnm/Emulator/Instructions/DotProduct.h"
#include "TestUtils.h"
#include <cmath>
#include <vector>

using namespace vnm::emulator;
using namespace vnm::emulator::test;

static uint32_t dotTF32(const std::vector<float> &a,
                        const std::vector<float> &b, float c) {
  std::vector<uint32_t> bitsA, bitsB;
  for (float x : a)
    bitsA.push_back(bitsOf(x));
  for (float x : b)
    bitsB.push_back(bitsOf(x));
  return computeDotProduct(ElementType::TF32, ElementType::F32, bitsA, bitsB,
                           bitsOf(c));
}

// Bits 24 and 25 below the largest addend count together, alone they are lost
// in the rounding, and bit 26 never counts.
TEST(DotProduct, KeepsTwoBitsBelowTheResult) {
  float bit24 = std::ldexp(1.0f, -24), bit25 = std::ldexp(1.0f, -25),
        bit26 = std::ldexp(1.0f, -26);
  float next = 1 + std::ldexp(1.0f, -23);
  EXPECT_EQ(valueOf(dotTF32({1, 1}, {1, bit24}, 0)), 1);
  EXPECT_EQ(valueOf(dotTF32({1, 1, 1}, {1, bit24, bit24}, 0)), next);
  EXPECT_EQ(valueOf(dotTF32({1, 1, 1, 1}, {1, bit24, bit25, bit25}, 0)), next);
  EXPECT_EQ(
      valueOf(dotTF32({1, 1, 1, 1, 1}, {1, bit24, bit25, bit26, bit26}, 0)), 1);
}

TEST(DotProduct, RoundsTowardsZero) {
  float bit24 = std::ldexp(1.5f, -24);
  EXPECT_EQ(valueOf(dotTF32({1, 1}, {1, bit24}, 0)), 1);
  EXPECT_EQ(valueOf(dotTF32({-1, -1}, {1, bit24}, 0)), -1);
  // Cut off before the sum: nothing is left to subtract.
  EXPECT_EQ(valueOf(dotTF32({1, -1}, {1, std::ldexp(1.0f, -26)}, 0)), 1);
}

TEST(DotProduct, ReadsTenMantissaBitsOfTF32) {
  EXPECT_EQ(valueOf(dotTF32({valueOf(0x3F801FFF)}, {1}, 0)), 1);
  EXPECT_EQ(valueOf(dotTF32({valueOf(0x3F802000)}, {1}, 0)),
            1 + std::ldexp(1.0f, -10));
}

TEST(DotProduct, HasOneNaNAndPositiveZeros) {
  EXPECT_EQ(dotTF32({INFINITY}, {0}, 0), 0x7FFFFFFFu);
  EXPECT_EQ(dotTF32({INFINITY, -INFINITY}, {1, 1}, 0), 0x7FFFFFFFu);
  EXPECT_EQ(dotTF32({1}, {1}, -NAN), 0x7FFFFFFFu);
  EXPECT_EQ(dotTF32({-INFINITY}, {2}, 1), bitsOf(-INFINITY));
  EXPECT_EQ(dotTF32({0}, {-1}, -0.0f), 0u);
  EXPECT_EQ(dotTF32({-1, 1}, {1, 1}, 0), 0u);
}

TEST(DotProduct, KeepsDenormals) {
  float denormal = valueOf(0x00000001);
  EXPECT_EQ(dotTF32({0}, {0}, denormal), 1u);
  EXPECT_EQ(dotTF32({std::ldexp(1.0f, -75)}, {std::ldexp(1.0f, -74)}, 0), 1u);
  EXPECT_EQ(dotTF32({std::ldexp(1.0f, -75)}, {std::ldexp(1.0f, -75)}, 0), 0u);
}

// Every addend loses less than a unit of the largest's 25th bit, the result
// less than one of its last place.
RC_GTEST_PROP(DotProduct, StaysWithinTheBound, ()) {
  int count = *rc::gen::inRange(1, 17);
  std::vector<float> a, b;
  float c = float(*rc::gen::inRange(-4096, 4096)) / 64;
  double exact = c, largest = std::fabs(c);
  for (int i = 0; i < count; ++i) {
    a.push_back(std::ldexp(float(*rc::gen::inRange(-1023, 1024)),
                           *rc::gen::inRange(-12, 12)));
    b.push_back(std::ldexp(float(*rc::gen::inRange(-1023, 1024)),
                           *rc::gen::inRange(-12, 12)));
    exact += double(a.back()) * b.back();
    largest = std::max(largest, std::fabs(double(a.back()) * b.back()));
  }
  double got = valueOf(dotTF32(a, b, c));
  double bound = (count + 1) * std::ldexp(largest, -25) +
                 std::ldexp(std::max(std::fabs(exact), largest), -23);
  RC_ASSERT(std::fabs(got - exact) <= bound);
}

TEST(IntegerDotProduct, WrapsOrSaturates) {
  std::vector<uint32_t> a = {0x80, 0x7F}, b = {0x80, 1};
  auto dot = [&](ElementType typeA, bool saturate, int32_t c) {
    return computeIntegerDotProduct(typeA, ElementType::S8, saturate, a, b, c);
  };
  EXPECT_EQ(dot(ElementType::S8, false, 5), 16384 + 127 + 5);
  EXPECT_EQ(dot(ElementType::U8, false, 5), -16384 + 127 + 5);
  EXPECT_EQ(dot(ElementType::S8, false, INT32_MAX),
            INT32_MIN + 16384 + 127 - 1);
  EXPECT_EQ(dot(ElementType::S8, true, INT32_MAX), INT32_MAX);
  EXPECT_EQ(dot(ElementType::U8, true, INT32_MIN), INT32_MIN);
}
