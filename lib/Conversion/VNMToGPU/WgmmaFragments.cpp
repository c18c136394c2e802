// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the weight fragments of the wgmma_sp kernel, from the
// canonical storage to registers; wgmma::getInstructionGroup says why they fit.

#include "Fragments.h"
#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Bytes of one row's values and metadata of a stage.
static constexpr int64_t kStageValueBytes = 4 * wgmma::kStageGroups;
static constexpr int64_t kStageWords = wgmma::kStageGroups / 4;

/// Rows past R repeat the last: their sums are not stored.
WeightPointers WgmmaKernel::emitWeightPointers(const WgmmaTile &tile) {
  WeightPointers pointers;
  Value fresh = emitFreshLane();
  Value quadRow = div(fresh, 4), quadLane = rem(fresh, 4);
  Value warpRow = add(tile.row, mul(warp, 16));
  if (schedule.rings == 1)
    warpRow = add(warpRow, mul(warpgroup, 64));
  for (int64_t half = 0; half < 2; ++half) {
    Value row = add(add(warpRow, quadRow), 8 * half);
    if (problem.numRows % schedule.rowTile() != 0)
      row = minimum(row, i32(problem.numRows - 1));
    Value values =
        add(mul(extend(row), 4 * problem.numGroups), extend(mul(quadLane, 16)));
    pointers.values[half] = advance(globalPointer(args.values), values);
    pointers.metadata[half] = advance(globalPointer(args.metadata),
                                      mul(extend(row), 2 * problem.numWords()));
  }
  return pointers;
}

StageWeightsList WgmmaKernel::emitLoadWeights(const WeightPointers &pointers,
                                              Value stage, int64_t known) {
  int64_t count = WgmmaSchedule::kWeightGroup;
  if (known >= 0)
    count = std::min(count, stagesPerTile() - known);
  StageWeightsList group(count);
  for (int64_t half = 0; half < 2; ++half) {
    Value values =
        advance(pointers.values[half], extend(mul(stage, kStageValueBytes)));
    Value metadata =
        advance(pointers.metadata[half], extend(mul(stage, 2 * kStageWords)));
    for (int64_t i = 0; i < count; ++i)
      group[i].values[half] =
          emitLoadValues(advance(values, i * kStageValueBytes),
                         known + i == stagesPerTile() - 1 && known >= 0);
    emitLoadMetadata(metadata, known, half, group);
  }
  return group;
}

/// The values of four groups, as few loads as the alignment of rows allows;
/// zero past G, which only the last stage has.
std::array<Value, 4> WgmmaKernel::emitLoadValues(Value pointer, bool last) {
  int64_t width = std::gcd<int64_t>(4, problem.numGroups);
  int64_t left =
      problem.numGroups - wgmma::kStageGroups * (stagesPerTile() - 1);
  bool ragged = last && left != wgmma::kStageGroups;
  Value firstGroup = mul(rem(lane, 4), 4);
  std::array<Value, 4> result;
  for (int64_t group = 0; group < 4; group += width) {
    Value place = advance(pointer, 4 * group);
    Value valid;
    if (ragged) {
      valid = less(add(firstGroup, group), left);
      place = select(valid, place, globalPointer(args.values));
    }
    Value words =
        load(VectorType::get({width}, b.getI32Type()), place, 4 * width);
    for (int64_t i = 0; i < width; ++i) {
      Value word = vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i});
      result[group + i] = ragged ? select(valid, word, i32(0)) : word;
    }
  }
  return result;
}

/// A row's metadata words of a group of stages: two i32 per stage if the
/// alignment of rows allows, else four i16; unused nibbles past G. Neighbouring
/// stages share a sector, which the L1 cache keeps.
void WgmmaKernel::emitLoadMetadata(Value pointer, int64_t known, int64_t half,
                                   StageWeightsList &group) {
  int64_t width = std::gcd<int64_t>(2 * kStageWords, problem.numWords());
  if (width == 2 * kStageWords && group.size() == 2) {
    Value words = load(VectorType::get({4}, b.getI32Type()), pointer, 16);
    for (int64_t i = 0; i < 4; ++i)
      group[i / 2].metadata[half].push_back(
          vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}));
    return;
  }
  for (auto [i, weights] : llvm::enumerate(group)) {
    int64_t stage = known + static_cast<int64_t>(i);
    int64_t left =
        known < 0 ? kStageWords : problem.numWords() - kStageWords * stage;
    weights.metadata[half] =
        emitLoadWords(advance(pointer, 2 * kStageWords * i), left);
  }
}

/// One stage's words, of which `left` are left in the row.
SmallVector<Value, 4> WgmmaKernel::emitLoadWords(Value pointer, int64_t left) {
  int64_t width = std::gcd<int64_t>(kStageWords, problem.numWords());
  SmallVector<Value, 4> result;
  if (width == kStageWords) {
    Value words = load(VectorType::get({2}, b.getI32Type()), pointer, 8);
    for (int64_t i = 0; i < 2; ++i)
      result.push_back(
          vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}));
    return result;
  }
  Type type = b.getIntegerType(16 * width);
  int64_t unused = width == 2 ? kUnusedWord << 16 | kUnusedWord : kUnusedWord;
  for (int64_t word = 0; word < kStageWords; word += width)
    result.push_back(word < left
                         ? load(type, advance(pointer, 2 * word), 2 * width)
                         : arith::ConstantIntOp::create(b, type, unused));
  return result;
}

/// Of each row, nibble q of its four words.
Value WgmmaKernel::emitMetadataRegister(const StageWeights &weights) {
  Value shift = mul(rem(lane, 4), 4);
  Value low = bitAnd(selectNibbles(weights.metadata[0], shift), 0xFFFF);
  return bitOr(low, shiftLeft(selectNibbles(weights.metadata[1], shift), 16));
}

StageWeightsList WgmmaKernel::emitLoadFirst(const WeightPointers &pointers) {
  return emitLoadWeights(pointers, i32(0), /*known=*/0);
}

void WgmmaKernel::pack(const StageWeightsList &list,
                       SmallVectorImpl<Value> &values) {
  for (const StageWeights &weights : list)
    for (int64_t half = 0; half < 2; ++half) {
      llvm::append_range(values, weights.values[half]);
      llvm::append_range(values, weights.metadata[half]);
    }
}

void WgmmaKernel::unpack(ValueRange values, StageWeightsList &list) {
  auto next = values.begin();
  for (StageWeights &weights : list)
    for (int64_t half = 0; half < 2; ++half) {
      for (Value &value : weights.values[half])
        value = *next++;
      for (Value &value : weights.metadata[half])
        value = *next++;
    }
}
