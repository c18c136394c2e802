// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the maps between registers and matrices.

#include "vnm/Emulator/Instructions/Fragment.h"
#include "DeviceResults.h"
#include "TestUtils.h"
#include "vnm/Emulator/Instructions/MatrixCopy.h"
#include <numeric>
#include <set>

using namespace vnm::emulator;
using namespace vnm::emulator::test;

/// Checks that `map` takes registers of `lanes` lanes one to one to a matrix.
template <typename Map>
static void expectBijection(ElementType type, unsigned lanes,
                            unsigned registers, unsigned rows, unsigned cols,
                            Map map) {
  std::set<std::pair<unsigned, unsigned>> seen;
  for (unsigned lane = 0; lane < lanes; ++lane)
    for (unsigned index = 0; index < registers; ++index)
      for (unsigned e = 0; e < getElementsPerRegister(type); ++e) {
        Coordinate at = map(type, lane, index, e);
        EXPECT_LT(at.row, rows);
        EXPECT_LT(at.col, cols);
        seen.insert({at.row, at.col});
      }
  EXPECT_EQ(seen.size(), size_t(rows) * cols);
}

TEST(Fragment, CoversEveryElementOnce) {
  for (ElementType type :
       {ElementType::F16, ElementType::TF32, ElementType::S8}) {
    unsigned run = getElementsPerRegister(type);
    expectBijection(type, 32, 2, 16, 4 * run, getCoordinateA);
    expectBijection(type, 32, 4, 16, 8 * run, getCoordinateA);
    expectBijection(type, 128, 4, 64, 8 * run, getCoordinateA);
    for (unsigned registers : {1, 2, 4})
      expectBijection(type, 32, registers, 4 * run * registers, 8,
                      getCoordinateB);
  }
  expectBijection(ElementType::F32, 32, 4, 16, 8, getCoordinateD);
  expectBijection(ElementType::F16, 32, 2, 16, 8, getCoordinateD);
  expectBijection(ElementType::F32, 128, 128, 64, 256, getCoordinateD);
  expectBijection(ElementType::F16, 128, 12, 64, 48, getCoordinateD);
}

TEST(Fragment, AgreesWithPTX) {
  // Figures of mma.m16n8k16 with f16: lane 6 is group 1, second of its quad.
  Coordinate a3 = getCoordinateA(ElementType::F16, 6, 3, 1);
  EXPECT_EQ(a3.row, 9u);
  EXPECT_EQ(a3.col, 13u);
  Coordinate b1 = getCoordinateB(ElementType::F16, 6, 1, 0);
  EXPECT_EQ(b1.row, 12u);
  EXPECT_EQ(b1.col, 1u);
  Coordinate d2 = getCoordinateD(ElementType::F32, 6, 2, 0);
  EXPECT_EQ(d2.row, 9u);
  EXPECT_EQ(d2.col, 4u);
}

// ldmatrix.x4 of the four 8 x 8 quarters of a row-major 16 x 16 matrix gives
// the fragment of A; with .trans, of a token-contiguous X, that of B.
TEST(MatrixCopy, LoadsFragments) {
  ByteMemory memory(32 * 16);
  for (unsigned i = 0; i < 256; ++i)
    memory.bytes[2 * i] = uint8_t(i);
  std::vector<uint32_t> addresses(32), a(128), b(128);
  for (unsigned lane = 0; lane < 32; ++lane)
    addresses[lane] = lane % 16 * 32 + lane / 16 * 16;
  ASSERT_EQ(messageOf(executeLdMatrix(addresses, false, memory, {a, 32})), "");
  // X is 32 x 8: row k of 16 bytes at 16 k.
  for (unsigned lane = 0; lane < 32; ++lane)
    addresses[lane] = lane * 16;
  ASSERT_EQ(messageOf(executeLdMatrix(addresses, true, memory, {b, 32})), "");
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned index = 0; index < 4; ++index)
      for (unsigned half = 0; half < 2; ++half) {
        Coordinate at = getCoordinateA(ElementType::F16, lane, index, half);
        ASSERT_EQ(a[lane * 4 + index] >> (16 * half) & 0xFFFF,
                  at.row * 16 + at.col);
        at = getCoordinateB(ElementType::F16, lane, index, half);
        ASSERT_EQ(b[lane * 4 + index] >> (16 * half) & 0xFFFF,
                  at.row * 8 + at.col);
      }
}

TEST(MatrixCopy, StoresWhatItLoads) {
  for (bool transpose : {false, true})
    for (unsigned count : {1, 2, 4}) {
      ByteMemory source(512), copy(512);
      std::iota(source.bytes.begin(), source.bytes.end(), uint8_t(1));
      std::vector<uint32_t> addresses(32), registers(32 * count);
      for (unsigned lane = 0; lane < 32; ++lane)
        addresses[lane] = (lane * 7 % 32) * 16;
      ASSERT_EQ(messageOf(executeLdMatrix(addresses, transpose, source,
                                          {registers, 32})),
                "");
      ASSERT_EQ(messageOf(executeStMatrix(addresses, transpose, {registers, 32},
                                          copy)),
                "");
      for (unsigned lane = 0; lane < 8 * count; ++lane)
        for (unsigned i = 0; i < 16; ++i)
          ASSERT_EQ(copy.bytes[addresses[lane] + i],
                    source.bytes[addresses[lane] + i]);
    }
}
