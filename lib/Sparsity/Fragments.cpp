// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the derivation of fragments from the canonical storage.

#include "vnm/Sparsity/Fragments.h"
#include "Detail.h"
#include <cstring>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

/// A metadata word of unused nibbles.
static constexpr uint32_t kUnusedWord = 0x1111 * kUnusedNibble;
/// Registers of a lane, of two values each.
static constexpr int64_t kRegisters = kLaneValues / kValuesPerGroup;
static constexpr int64_t kElementBytes = 2;
static constexpr int64_t kRegisterBytes = kValuesPerGroup * kElementBytes;

/// Fills the registers of one block and stage, [step][lane][register].
static void packValues(const Storage &storage, int64_t block, int64_t stage,
                       char *registers) {
  const Structure &structure = storage.structure;
  int64_t numGroups = structure.numGroups();
  for (int64_t step = 0; step < kStepsPerStage; ++step)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      for (int64_t i = 0; i < kRegisters; ++i, registers += kRegisterBytes) {
        int64_t row = kBlockRows * block + lane / 4 + 8 * (i % 2);
        int64_t group =
            kStageGroups * stage + 8 * step + lane % 4 + 4 * (i / 2);
        if (row >= structure.numRows || group >= numGroups)
          continue;
        const char *pair =
            storage.values.data() + (row * numGroups + group) * kRegisterBytes;
        std::memcpy(registers, pair, kRegisterBytes);
      }
}

/// The word of groups 4 `word` to 4 `word` + 3 of a row.
static uint32_t getWord(const Structure &structure, int64_t row, int64_t word) {
  int64_t numWords = structure.pattern.numMetadataWords(structure.numCols);
  if (row >= structure.numRows || word >= numWords)
    return kUnusedWord;
  return structure.metadata[row * numWords + word];
}

static void packMetadata(const Structure &structure, int64_t block,
                         int64_t stage, uint32_t *lanes) {
  constexpr int64_t kStageWords = kStageGroups / kGroupsPerMetadataWord;
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    int64_t row = kBlockRows * block + lane / 4;
    int64_t word = kStageWords * stage + lane % 4;
    lanes[lane] =
        getWord(structure, row, word) | getWord(structure, row + 8, word) << 16;
  }
}

llvm::Expected<Fragments> vnm::sparsity::packFragments(const Storage &storage,
                                                       unsigned threads) {
  if (llvm::Error error = verifyStorage(storage))
    return std::move(error);
  if (byteWidth(storage.type) != kElementBytes)
    return makeError("requires elements of f16 or bf16 in fragments, but they "
                     "have " +
                     Twine(8 * byteWidth(storage.type)) + " bits");
  const Structure &structure = storage.structure;
  FragmentShape shape(structure.pattern, structure.numRows, structure.numCols);
  Fragments fragments;
  fragments.values.assign(shape.numValues() * kElementBytes, 0);
  fragments.metadata.resize(shape.numBlocks * shape.numStages * kLanes);
  constexpr int64_t kStageValues = kStepsPerStage * kLanes * kLaneValues;
  detail::parallelFor(
      threads, shape.numBlocks, shape.numStages * kStageValues,
      [&](int64_t block) {
        for (int64_t stage = 0; stage < shape.numStages; ++stage) {
          int64_t place = block * shape.numStages + stage;
          packValues(storage, block, stage,
                     fragments.values.data() +
                         place * kStageValues * kElementBytes);
          packMetadata(structure, block, stage,
                       fragments.metadata.data() + place * kLanes);
        }
      });
  fragments.columns.assign(structure.numPanels() * shape.numSlots(),
                           static_cast<int32_t>(structure.numCols));
  int64_t numSlots = structure.pattern.numColumnSlots(structure.numCols);
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    std::copy_n(structure.columns.begin() + panel * numSlots, numSlots,
                fragments.columns.begin() + panel * shape.numSlots());
  return fragments;
}
