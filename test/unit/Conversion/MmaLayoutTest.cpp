// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests where the mma_sp kernel puts things in shared memory, and its
// schedules' use of it.

#include "MmaLayout.h"

#include "vnm/Emulator/Instructions/Fragment.h"
#include "gtest/gtest.h"
#include <set>

using namespace vnm;
using namespace vnm::emulator;

/// Which of the 8 pieces that shared memory reads at a time.
static int64_t getBankGroup(int64_t offset) {
  return offset / mma::kPieceBytes % 8;
}

TEST(MmaLayout, PutsEveryPieceInAPlaceOfItsOwn) {
  for (int64_t pieces : {2, 4, 8, 16, 32}) {
    std::set<int64_t> places;
    for (int64_t row = 0; row < 64; ++row)
      for (int64_t piece = 0; piece < pieces; ++piece) {
        int64_t place = mma::getPieceOffset(row, piece, pieces);
        EXPECT_EQ(place % mma::kPieceBytes, 0);
        EXPECT_LT(place, 64 * pieces * mma::kPieceBytes);
        places.insert(place);
      }
    EXPECT_EQ(places.size(), size_t(64 * pieces));
  }
}

// ldmatrix reads a piece of 8 rows at a time; copies write pieces of one row or
// of neighbouring rows.
TEST(MmaLayout, MeetsEveryBankOnce) {
  for (int64_t pieces : {2, 4, 8, 16, 32}) {
    for (int64_t row = 0; row < 64; row += 8)
      for (int64_t piece = 0; piece < pieces; ++piece) {
        std::set<int64_t> groups;
        for (int64_t i = 0; i < 8; ++i)
          groups.insert(
              getBankGroup(mma::getPieceOffset(row + i, piece, pieces)));
        EXPECT_EQ(groups.size(), 8u) << pieces << " pieces, row " << row;
      }
    for (int64_t first = 0; first < 64 * pieces; first += 8) {
      std::set<int64_t> groups;
      for (int64_t i = first; i < first + 8; ++i)
        groups.insert(
            getBankGroup(mma::getPieceOffset(i / pieces, i % pieces, pieces)));
      EXPECT_EQ(groups.size(), 8u) << pieces << " pieces, piece " << first;
    }
  }
}

// The kernel adds what is aligned and XORs the rest.
TEST(MmaLayout, SplitsIntoRowsAndPieces) {
  for (int64_t pieces : {2, 4, 8, 16, 32})
    for (int64_t row = 0; row < 32; ++row)
      for (int64_t piece = 0; piece < pieces; ++piece) {
        int64_t place = mma::getPieceOffset(row, 0, pieces);
        EXPECT_EQ(place ^ piece * mma::kPieceBytes,
                  mma::getPieceOffset(row, piece, pieces));
        EXPECT_EQ(mma::getPieceOffset(row, piece, pieces) +
                      32 * pieces * mma::kPieceBytes,
                  mma::getPieceOffset(row + 32, piece, pieces));
      }
}

// Stored values 2 j, 2 j + 1 of a row are those of group j: the instruction's
// operands are 8x8 matrices of them, and its activations' of slots.
TEST(MmaLayout, GivesMatricesOfEightRowsAndOnePiece) {
  constexpr int64_t kPieceElements = mma::kPieceBytes / 2;
  for (unsigned lane = 0; lane < kWarpLanes; ++lane)
    for (unsigned index = 0; index < 4; ++index) {
      Coordinate a = getCoordinateA(ElementType::F16, lane, index, 0);
      EXPECT_EQ(a.row, lane / 4 + index % 2 * 8);
      EXPECT_EQ(a.col, index / 2 * kPieceElements + lane % 4 * 2);
    }
}

// Of bytes, what ldmatrix transposes are pairs of tokens: lane 4g + q gets rows
// 2q and 2q + 1 of a matrix at tokens 2g and 2g + 1. A register of activations
// is slots of two matrices at one of them.
TEST(MmaLayout, PutsSlotsOfBytesWhereLanesReadThem) {
  std::set<int64_t> rows;
  for (int64_t slot = 0; slot < mma::kStageSlots; ++slot)
    rows.insert(mma::getByteRow(slot));
  EXPECT_EQ(rows.size(), size_t(mma::kStageSlots));
  for (unsigned lane = 0; lane < kWarpLanes; ++lane)
    for (unsigned index = 0; index < 4; ++index)
      for (unsigned element = 0; element < 4; ++element) {
        Coordinate b = getCoordinateB(ElementType::S8, lane, index, element);
        unsigned matrix = 2 * index + element / 2;
        EXPECT_EQ(mma::getByteRow(b.row),
                  8 * matrix + 2 * (lane % 4) + element % 2);
      }
}

// A thread adds the rows of its slots to that of its first.
TEST(MmaLayout, AddsRowsOfSlotsOfBytes) {
  for (int64_t count : {1, 2, 4, 8, 16, 32})
    for (int64_t first = 0; first < mma::kStageSlots; first += count)
      for (int64_t i = 0; i < count; ++i)
        EXPECT_EQ(mma::getByteRow(first) + mma::getByteRow(i),
                  mma::getByteRow(first + i));
}

// Interleaved tokens: 8 lanes write 16 bytes each at a time.
TEST(MmaLayout, StagesInterleavedSumsWithoutConflicts) {
  for (int64_t elements : {32, 64, 128}) {
    std::set<int64_t> banks;
    int64_t pitch = elements + mma::kInterleavedLinePadding;
    for (int64_t row = 0; row < 2; ++row)
      for (int64_t column = 0; column < 16; ++column)
        banks.insert((row * pitch + column) % 32);
    EXPECT_EQ(banks.size(), 32u) << elements;
  }
}

// The lanes that write staged sums at a time meet every bank once.
TEST(MmaLayout, StagesSumsWithoutConflicts) {
  for (int64_t elements : {8, 16, 32, 64}) {
    std::set<int64_t> banks;
    int64_t pitch = elements + mma::kTokenLinePadding;
    for (int64_t row = 0; row < 4; ++row)
      for (int64_t column = 0; column < 8; ++column)
        banks.insert((row * pitch + column) % 32);
    if (elements % 32 == 0)
      EXPECT_EQ(banks.size(), 32u) << elements;
    banks.clear();
    pitch = elements + mma::kRowLinePadding;
    for (int64_t token = 0; token < 8; token += 2)
      for (int64_t row = 0; row < 8; ++row)
        banks.insert((token * pitch + row) % 32);
    if (elements % 16 == 0)
      EXPECT_EQ(banks.size(), 32u) << elements;
  }
}
