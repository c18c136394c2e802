// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the descriptors of wgmma and their swizzles.

#include "TestUtils.h"
#include "vnm/Emulator/Instructions/MatrixDescriptor.h"
#include <set>

using namespace vnm::emulator;
using namespace vnm::emulator::test;

static constexpr Swizzle kSwizzles[] = {Swizzle::None, Swizzle::B32,
                                        Swizzle::B64, Swizzle::B128};

RC_GTEST_PROP(MatrixDescriptor, EncodesWhatItDecodes, ()) {
  MatrixDescriptor descriptor;
  descriptor.address = *rc::gen::inRange<uint32_t>(0, 1 << 14) * 16;
  descriptor.leadingOffset = *rc::gen::inRange<uint32_t>(0, 1 << 14) * 16;
  descriptor.strideOffset = *rc::gen::inRange<uint32_t>(0, 1 << 14) * 16;
  descriptor.baseOffset = *rc::gen::inRange(0u, 8u);
  descriptor.swizzle = *rc::gen::elementOf(
      std::vector<Swizzle>(std::begin(kSwizzles), std::end(kSwizzles)));
  auto decoded = MatrixDescriptor::decode(descriptor.encode());
  RC_ASSERT(bool(decoded));
  RC_ASSERT(decoded->encode() == descriptor.encode());
  RC_ASSERT(decoded->address == descriptor.address);
  RC_ASSERT(decoded->strideOffset == descriptor.strideOffset);
  RC_ASSERT(decoded->baseOffset == descriptor.baseOffset);
}

TEST(MatrixDescriptor, RefusesUndefinedBits) {
  for (unsigned bit : {14, 15, 30, 31, 46, 47, 48, 52, 61}) {
    auto decoded = MatrixDescriptor::decode(uint64_t(1) << bit);
    EXPECT_NE(messageOf(decoded.takeError()).find("requires bits 14-15"),
              std::string::npos)
        << bit;
  }
}

// The tile of X that Hopper kernels gather: 64-token chunks of k rows, piece c
// of row k at (c ^ (k & 7)), as verified on a GPU.
TEST(MatrixDescriptor, GathersTokenContiguousTiles) {
  constexpr unsigned kDepth = 64;
  MatrixDescriptor descriptor;
  descriptor.address = 0x8000;
  descriptor.leadingOffset = kDepth * 128;
  descriptor.strideOffset = 1024;
  descriptor.swizzle = Swizzle::B128;
  for (unsigned token = 0; token < 256; ++token)
    for (unsigned k = 0; k < kDepth; ++k) {
      unsigned chunk = token / 64, piece = token % 64 / 8;
      uint32_t expected = 0x8000 + chunk * kDepth * 128 + k * 128 +
                          ((piece ^ (k & 7)) << 4) + token % 8 * 2;
      ASSERT_EQ(
          descriptor.getElementAddress(ElementType::F16, Major::MN, token, k),
          expected);
    }
}

// Elements of a densely packed tile have addresses of their own, in the tile.
TEST(MatrixDescriptor, PlacesElementsApart) {
  for (Swizzle swizzle : kSwizzles)
    for (Major major : {Major::K, Major::MN}) {
      unsigned width = getSwizzleBytes(swizzle), k = 16, mn = 128;
      if (major == Major::K && swizzle != Swizzle::None && width < 2 * k)
        continue;
      MatrixDescriptor descriptor;
      descriptor.swizzle = swizzle;
      bool none = swizzle == Swizzle::None, kMajor = major == Major::K;
      descriptor.strideOffset = kMajor && none ? 256 : width * 8;
      descriptor.leadingOffset = none ? 128 : width * k;
      if (none && !kMajor)
        descriptor.strideOffset = 256;
      ASSERT_EQ(messageOf(descriptor.verify(ElementType::F16, major, mn, k)),
                "");
      std::set<uint32_t> seen;
      for (unsigned i = 0; i < mn; ++i)
        for (unsigned j = 0; j < k; ++j)
          seen.insert(
              descriptor.getElementAddress(ElementType::F16, major, i, j));
      EXPECT_EQ(seen.size(), size_t(mn) * k);
      EXPECT_LT(*seen.rbegin(), mn * std::max(2 * k, kMajor ? width : 0));
    }
}

TEST(MatrixDescriptor, RefusesWhatHasNoLayout) {
  MatrixDescriptor descriptor;
  descriptor.swizzle = Swizzle::B32;
  EXPECT_EQ(messageOf(descriptor.verify(ElementType::F16, Major::K, 8, 32)),
            "requires K-major rows within a swizzle pattern of 32 bytes, but "
            "they take bytes 0 to 63");
  EXPECT_EQ(messageOf(descriptor.verify(ElementType::S8, Major::MN, 8, 32)),
            "requires 16-bit elements in an MN-major matrix, but they are s8");
  descriptor.swizzle = Swizzle::None;
  descriptor.baseOffset = 2;
  EXPECT_EQ(messageOf(descriptor.verify(ElementType::F16, Major::K, 8, 16)),
            "requires a base offset of 0 without a swizzle, but it is 2");
}

RC_GTEST_PROP(Swizzle, IsItsOwnInverse, ()) {
  Swizzle swizzle = *rc::gen::elementOf(
      std::vector<Swizzle>(std::begin(kSwizzles), std::end(kSwizzles)));
  uint32_t address = *rc::gen::inRange<uint32_t>(0, 1 << 18);
  uint32_t swizzled = swizzleAddress(swizzle, address);
  RC_ASSERT(swizzled / 128 == address / 128);
  RC_ASSERT(swizzled % 16 == address % 16);
  RC_ASSERT(swizzleAddress(swizzle, swizzled) == address);
}
