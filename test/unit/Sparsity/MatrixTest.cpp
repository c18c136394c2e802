// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests element types, their conversions and matrix views.

#include "TestUtils.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// LLVM's soft floats as the oracle.
static uint16_t roundByAPFloat(float value, const llvm::fltSemantics &to) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(to, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

static float widenByAPFloat(uint16_t bits, const llvm::fltSemantics &from) {
  llvm::APFloat number(from, llvm::APInt(16, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEsingle(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToFloat();
}

static void checkRounding(float value) {
  if (std::isnan(value)) {
    EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value))));
    EXPECT_TRUE(std::isnan(bfloat16ToFloat(floatToBfloat16(value))));
    return;
  }
  ASSERT_EQ(floatToHalf(value),
            roundByAPFloat(value, llvm::APFloat::IEEEhalf()))
      << value;
  ASSERT_EQ(floatToBfloat16(value),
            roundByAPFloat(value, llvm::APFloat::BFloat()))
      << value;
}

TEST(Conversion, WidensEveryPattern) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float half = halfToFloat(uint16_t(bits));
    float bfloat = bfloat16ToFloat(uint16_t(bits));
    float halfOracle = widenByAPFloat(bits, llvm::APFloat::IEEEhalf());
    if (std::isnan(halfOracle))
      EXPECT_TRUE(std::isnan(half));
    else
      ASSERT_EQ(llvm::bit_cast<uint32_t>(half),
                llvm::bit_cast<uint32_t>(halfOracle))
          << bits;
    ASSERT_EQ(llvm::bit_cast<uint32_t>(bfloat), bits << 16);
  }
}

TEST(Conversion, RoundTripsEveryPattern) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7FFF) <= 0x7C00)
      ASSERT_EQ(floatToHalf(halfToFloat(uint16_t(bits))), bits);
    if ((bits & 0x7FFF) <= 0x7F80)
      ASSERT_EQ(floatToBfloat16(bfloat16ToFloat(uint16_t(bits))), bits);
  }
}

TEST(Conversion, RoundsRandomPatternsToNearestEven) {
  Random random(1);
  for (int i = 0; i < 300000; ++i)
    checkRounding(llvm::bit_cast<float>(uint32_t(random())));
}

TEST(Conversion, RoundsTiesAndTheirNeighbours) {
  // Every point halfway between two halves, and the floats beside it: among
  // them the subnormal ones and the edge of infinity.
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    float low = halfToFloat(uint16_t(bits));
    float high = bits + 1 == 0x7C00 ? 65536.0f : halfToFloat(bits + 1);
    float tie = (low + high) / 2;
    for (float value :
         {std::nextafter(tie, 0.0f), tie, std::nextafter(tie, 1e30f), -tie})
      checkRounding(value);
  }
}

TEST(ElementType, ParsesItsNames) {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::I8})
    EXPECT_EQ(take(parseElementType(toString(type))), type);
  EXPECT_EQ(messageOf(parseElementType("f64")),
            "requires an element type of f16, bf16, f32 or i8, but found "
            "'f64'");
}

TEST(MatrixView, ReadsEveryTypeAndTransposed) {
  const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x3555};
  MatrixView view = MatrixView::rowMajor(halves, ElementType::F16, 2, 3);
  EXPECT_EQ(view.at(0, 1), -2.0f);
  EXPECT_EQ(view.at(1, 1), 65504.0f);
  EXPECT_EQ(view.transposed().at(1, 0), -2.0f);
  EXPECT_EQ(view.transposed().rows, 3);
  EXPECT_TRUE(std::signbit(view.at(1, 0)));
  const int8_t integers[] = {-128, 127};
  EXPECT_EQ(MatrixView::rowMajor(integers, ElementType::I8, 1, 2).at(0, 0),
            -128.0f);
  const uint16_t bfloats[] = {0x3FC0};
  EXPECT_EQ(MatrixView::rowMajor(bfloats, ElementType::BF16, 1, 1).at(0, 0),
            1.5f);
}
