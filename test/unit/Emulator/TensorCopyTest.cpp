// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the address maps of tensor copies.

#include "vnm/Emulator/Instructions/TensorCopy.h"
#include "TestUtils.h"
#include <map>

using namespace vnm::emulator;
using namespace vnm::emulator::test;

static TensorMap makeMap() {
  TensorMap map;
  map.globalAddress = 4096;
  map.sizes = {72, 10, 5};
  map.strides = {144, 1440};
  map.box = {64, 4, 3};
  map.swizzle = Swizzle::B128;
  return map;
}

// Byte by byte: where it lies in the box, the tensor, and whether it exists.
RC_GTEST_PROP(TensorCopy, MapsEveryByteOfTheBox, ()) {
  TensorMap map = makeMap();
  std::vector<int32_t> at = {8 * *rc::gen::inRange(-9, 10),
                             *rc::gen::inRange(-5, 12),
                             *rc::gen::inRange(-4, 7)};
  constexpr uint32_t kBase = 2048;
  std::map<uint32_t, std::pair<uint64_t, bool>> bytes;
  auto collect = [&](TensorCopyPiece piece) {
    for (unsigned i = 0; i < piece.bytes; ++i)
      bytes[piece.sharedAddress + i] = {piece.globalAddress + i,
                                        piece.outOfBounds};
    return llvm::Error::success();
  };
  RC_ASSERT(messageOf(forEachTensorCopyPiece(map, TensorCopyDirection::Load, at,
                                             kBase, collect)) == "");
  RC_ASSERT(bytes.size() == map.getBoxBytes());
  for (int z = 0; z < 3; ++z)
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 64; ++x) {
        int row = 4 * z + y;
        // 128-byte rows, whose pieces move by the row's number.
        uint32_t shared =
            kBase + row * 128 + ((x / 8 ^ row % 8) * 16) + x % 8 * 2;
        int gx = at[0] + x, gy = at[1] + y, gz = at[2] + z;
        bool inside =
            gx >= 0 && gx < 72 && gy >= 0 && gy < 10 && gz >= 0 && gz < 5;
        RC_ASSERT(bytes.count(shared));
        auto [global, outside] = bytes[shared];
        RC_ASSERT(outside == !inside);
        if (inside)
          RC_ASSERT(global == uint64_t(4096 + 2 * gx + 144 * gy + 1440 * gz));
      }
}

// The order of channels that wgmma_sp asks for: pairs of a group's number in x
// and in shared memory, 8 rows of 128 bytes each.
TEST(TensorCopy, TakesBoxesOfFiveDimensions) {
  TensorMap map;
  map.globalAddress = 4096;
  map.sizes = {64, 4, 4, 4, 2};
  map.strides = {128, 16 * 128, 4 * 128, 64 * 128};
  map.box = {64, 4, 4, 4, 1};
  map.swizzle = Swizzle::B128;
  unsigned numPieces = 0;
  auto check = [&](TensorCopyPiece piece) {
    uint32_t slot = piece.sharedAddress / 128, group = slot / 4;
    uint64_t channel = (piece.globalAddress - 4096) / 128 - 64;
    EXPECT_EQ(channel, 4 * (4 * (group % 4) + group / 4) + slot % 4);
    EXPECT_EQ(piece.sharedAddress / 16 % 8,
              (piece.globalAddress / 16 % 8) ^ slot % 8);
    EXPECT_FALSE(piece.outOfBounds);
    ++numPieces;
    return llvm::Error::success();
  };
  EXPECT_EQ(messageOf(forEachTensorCopyPiece(map, TensorCopyDirection::Load,
                                             {0, 0, 0, 0, 1}, 0, check)),
            "");
  EXPECT_EQ(numPieces, 512u);
}

TEST(TensorCopy, Refuses) {
  auto run = [](const TensorMap &map, llvm::ArrayRef<int32_t> at,
                uint32_t shared, TensorCopyDirection direction) {
    auto visit = [](TensorCopyPiece) { return llvm::Error::success(); };
    return messageOf(forEachTensorCopyPiece(map, direction, at, shared, visit));
  };
  constexpr auto kLoad = TensorCopyDirection::Load;
  constexpr auto kStore = TensorCopyDirection::Store;
  TensorMap map = makeMap();
  EXPECT_EQ(run(map, {0, 0, 0}, 128, kLoad),
            "requires a shared address aligned to 1024 bytes, but it is 0x80");
  EXPECT_EQ(run(map, {0, 0}, 0, kLoad),
            "requires 3 coordinates, but there are 2");
  EXPECT_EQ(run(map, {4, 0, 0}, 0, kLoad),
            "requires a box that begins at a multiple of 16 bytes in dimension "
            "0, but it begins at byte 8");
  EXPECT_EQ(run(map, {-8, -1, 0}, 0, kLoad), "");
  EXPECT_EQ(
      run(map, {8, -1, 0}, 0, kStore),
      "requires coordinates of a store not to be negative, but one is -1");
  map.box[0] = 72;
  EXPECT_EQ(messageOf(verify(map)),
            "requires the inner dimension of the box to be at most 128 bytes, "
            "the swizzle, but it is 144 bytes");
  map.box[0] = 20;
  EXPECT_EQ(messageOf(verify(map)),
            "requires the inner dimension of the box to be a multiple of 16 "
            "bytes, but it is 40 bytes");
  map = makeMap();
  map.strides[0] = 150;
  EXPECT_EQ(messageOf(verify(map)),
            "requires strides that are multiples of 16 below 2^40, but one is "
            "150");
  map = makeMap();
  map.box[1] = 257;
  EXPECT_EQ(messageOf(verify(map)),
            "requires box dimensions in [1, 256], but one is 257");
  map = makeMap();
  map.strides.clear();
  EXPECT_EQ(messageOf(verify(map)),
            "requires 1 to 5 sizes, as many box dimensions and one stride "
            "less, but there are 3, 3 and 0");
}
