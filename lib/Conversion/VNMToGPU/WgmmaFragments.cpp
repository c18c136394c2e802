// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the weights of the wgmma_sp kernel, from memory to registers.
// Of fragments, a lane's registers lie side by side (vnm/Sparsity/Fragments.h);
// wgmma::getInstructionGroup says why they do in the canonical storage, too.

#include "Fragments.h"
#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "vnm/Sparsity/Fragments.h"
#include <numeric>

using namespace mlir;
using namespace vnm;

/// Bytes of one row's values and metadata of a stage.
static constexpr int64_t kRowValueBytes = 4 * wgmma::kStageGroups;
static constexpr int64_t kStageWords = wgmma::kStageGroups / 4;

/// A lane's part of a k32 step.
static constexpr int64_t kLaneBytes = 16;

/// Whether the lanes of a quad load a row's metadata together, two words each,
/// because rows are not aligned to more. Words are loaded by twos from
/// addresses that are aligned, so the array must have an even number; what is
/// loaded beside the row's words are other rows', which are legal for values
/// that are zero.
bool WgmmaKernel::sharesMetadata() {
  return problem.numWords() % kStageWords != 0 &&
         problem.numRows * problem.numWords() % 2 == 0;
}

/// Blocks past R repeat the last: their sums are not stored.
WeightPointers WgmmaKernel::emitFragmentPointers(const WgmmaTile &tile) {
  WeightPointers pointers;
  Value fresh = emitFreshLane();
  pointers.zero = shiftRight(fresh, 5);
  Value block = div(emitWarpRow(tile), sparsity::kBlockRows);
  if (problem.numRows % schedule.rowTile() != 0)
    block = minimum(
        block,
        i32(llvm::divideCeil(problem.numRows, sparsity::kBlockRows) - 1));
  Value stage = mul(block, problem.numGroups / wgmma::kStageGroups);
  if (schedule.splitsDepth)
    stage = add(stage, mul(ring, stagesPerTile()));
  stage = extend(stage);
  Value values = add(mul(stage, sparsity::kStageValueBytes),
                     extend(mul(fresh, kLaneBytes)));
  Value metadata =
      add(mul(stage, sparsity::kStageMetadataBytes), extend(mul(fresh, 4)));
  pointers.values[0] = advance(globalPointer(args.values), values);
  pointers.metadata[0] = advance(globalPointer(args.metadata), metadata);
  return pointers;
}

/// Rows past R repeat the last: their sums are not stored.
WeightPointers WgmmaKernel::emitWeightPointers(const WgmmaTile &tile) {
  if (problem.fragments)
    return emitFragmentPointers(tile);
  WeightPointers pointers;
  Value fresh = emitFreshLane();
  pointers.zero = shiftRight(fresh, 5);
  Value quadRow = div(fresh, 4), quadLane = rem(fresh, 4);
  Value warpRow = emitWarpRow(tile);
  int64_t rowBytes = 2 * problem.numWords();
  // The ring's first stage.
  Value stage = schedule.splitsDepth ? mul(ring, stagesPerTile()) : i32(0);
  // Rows that are 8 apart are aligned alike.
  pointers.metadataShift = mul(rem(mul(quadRow, rowBytes), 4), 8);
  bool clamps = problem.numRows % schedule.rowTile() != 0;
  for (int64_t half = 0; half < 2; ++half) {
    if (half == 1 && !clamps) {
      pointers.values[1] = advance(pointers.values[0], 32 * problem.numGroups);
      pointers.metadata[1] = advance(pointers.metadata[0], 8 * rowBytes);
      break;
    }
    Value row = add(add(warpRow, quadRow), 8 * half);
    if (clamps)
      row = minimum(row, i32(problem.numRows - 1));
    Value values =
        add(mul(extend(row), 4 * problem.numGroups), extend(mul(quadLane, 16)));
    Value metadata = mul(extend(row), rowBytes);
    if (sharesMetadata())
      metadata = add(bitAnd(metadata, -4), extend(mul(quadLane, 4)));
    values = add(values, extend(mul(stage, kRowValueBytes)));
    metadata = add(metadata, extend(mul(stage, 2 * kStageWords)));
    pointers.values[half] = advance(globalPointer(args.values), values);
    pointers.metadata[half] = advance(globalPointer(args.metadata), metadata);
  }
  return pointers;
}

StageWeightsList WgmmaKernel::emitLoadWeights(const WeightPointers &pointers,
                                              Value stage, int64_t known) {
  int64_t count = schedule.weightGroup;
  if (known >= 0)
    count = std::min(count, stagesPerTile() - known);
  StageWeightsList group(count);
  if (problem.fragments) {
    for (auto [i, weights] : llvm::enumerate(group))
      weights = emitLoadFragments(pointers, add(stage, int64_t(i)));
    return group;
  }
  for (int64_t half = 0; half < 2; ++half) {
    Value values =
        advance(pointers.values[half], extend(mul(stage, kRowValueBytes)));
    Value metadata =
        advance(pointers.metadata[half], extend(mul(stage, 2 * kStageWords)));
    for (int64_t i = 0; i < count; ++i)
      group[i].values[half] =
          emitLoadValues(advance(values, i * kRowValueBytes),
                         known + i == stagesPerTile() - 1 && known >= 0);
    // By pairs of stages.
    for (int64_t i = 0; i < count; i += 2) {
      MutableArrayRef<StageWeights> pair =
          MutableArrayRef(group).drop_front(i).take_front(2);
      Value place = advance(metadata, 2 * kStageWords * i);
      int64_t knownPair = known < 0 ? known : known + i;
      if (sharesMetadata())
        emitLoadSharedMetadata(place, knownPair, half, pair);
      else
        emitLoadMetadata(place, knownPair, half, pair);
    }
  }
  return group;
}

/// One stage's registers: a0 to a3 of either k32 step, and the metadata.
StageWeights WgmmaKernel::emitLoadFragments(const WeightPointers &pointers,
                                            Value stage) {
  StageWeights weights;
  Value values = advance(pointers.values[0],
                         extend(mul(stage, sparsity::kStageValueBytes)));
  for (int64_t step = 0; step < 2; ++step) {
    Value words =
        load(VectorType::get({4}, b.getI32Type()),
             advance(values, step * sparsity::kStepValueBytes), kLaneBytes);
    for (int64_t i = 0; i < 4; ++i)
      weights.values[i % 2][2 * step + i / 2] =
          vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i});
  }
  Value metadata = advance(pointers.metadata[0],
                           extend(mul(stage, sparsity::kStageMetadataBytes)));
  weights.metadata[0] = {load(b.getI32Type(), metadata, 4)};
  return weights;
}

/// The values of four groups, as few loads as the alignment of rows allows;
/// zero past G, which only the last stage has.
std::array<Value, 4> WgmmaKernel::emitLoadValues(Value pointer, bool last) {
  int64_t width = std::gcd<int64_t>(4, problem.numGroups);
  int64_t left = problem.numGroups % wgmma::kStageGroups;
  bool ragged = last && left != 0;
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

/// A row's metadata words of one or two stages: two i32 per stage if the
/// alignment of rows allows, else four i16; unused nibbles past G. Neighbouring
/// stages share a sector, which the L1 cache keeps.
void WgmmaKernel::emitLoadMetadata(Value pointer, int64_t known, int64_t half,
                                   MutableArrayRef<StageWeights> pair) {
  int64_t width = std::gcd<int64_t>(2 * kStageWords, problem.numWords());
  if (width == 2 * kStageWords && pair.size() == 2) {
    Value words = load(VectorType::get({4}, b.getI32Type()), pointer, 16);
    for (int64_t i = 0; i < 4; ++i)
      pair[i / 2].metadata[half].push_back(
          vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}));
    return;
  }
  for (auto [i, weights] : llvm::enumerate(pair)) {
    int64_t stage = known + static_cast<int64_t>(i);
    int64_t left =
        known < 0 ? kStageWords : problem.numWords() - kStageWords * stage;
    weights.metadata[half] =
        emitLoadWords(advance(pointer, 2 * kStageWords * i), left);
  }
}

/// One stage's words, of which `left` are left in the row.
SmallVector<Value, 4> WgmmaKernel::emitLoadWords(Value pointer, int64_t left) {
  SmallVector<Value, 4> result;
  if (problem.numWords() % kStageWords == 0) {
    Value words = load(VectorType::get({2}, b.getI32Type()), pointer, 8);
    for (int64_t i = 0; i < 2; ++i)
      result.push_back(
          vector::ExtractOp::create(b, words, ArrayRef<int64_t>{i}));
    return result;
  }
  Type type = b.getI16Type();
  for (int64_t word = 0; word < kStageWords; ++word)
    result.push_back(word < left
                         ? load(type, advance(pointer, 2 * word), 2)
                         : arith::ConstantIntOp::create(b, type, kUnusedWord));
  return result;
}

/// A lane's two metadata words of a pair of stages and the word behind them,
/// as two i32 at aligned addresses; or one if rows are aligned to that.
void WgmmaKernel::emitLoadSharedMetadata(Value pointer, int64_t known,
                                         int64_t half,
                                         MutableArrayRef<StageWeights> pair) {
  int64_t end = known + static_cast<int64_t>(pair.size());
  bool isLast = known >= 0 && end == stagesPerTile();
  int64_t bytes = 2 * problem.numWords() * problem.numRows;
  SmallVector<Value, 4> words;
  for (int64_t i = 0; i < 1 + problem.numWords() % 2; ++i) {
    Value place = advance(pointer, 4 * i);
    if (isLast) {
      // Behind the last row there may be nothing.
      Value last = advance(globalPointer(args.metadata), bytes - 4);
      Value exists =
          LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ult, place, last);
      place = select(exists, place, last);
    }
    words.push_back(load(b.getI32Type(), place, 4));
  }
  for (auto [part, weights] : llvm::enumerate(pair)) {
    weights.metadata[half] = words;
    weights.part = static_cast<int64_t>(part);
  }
}

/// A row's words 0 and 1, and 2 and 3, each two as an i32.
std::array<Value, 2>
WgmmaKernel::emitWordPairs(const StageWeights &weights, int64_t half,
                           const WeightPointers &pointers) {
  ArrayRef<Value> words = weights.metadata[half];
  std::array<Value, 2> pairs;
  if (!sharesMetadata() && words.size() == 2)
    return {words[0], words[1]};
  if (!sharesMetadata()) {
    for (int64_t i = 0; i < 2; ++i) {
      Value low = arith::ExtUIOp::create(b, b.getI32Type(), words[2 * i]);
      Value high = arith::ExtUIOp::create(b, b.getI32Type(), words[2 * i + 1]);
      pairs[i] = bitOr(low, shiftLeft(high, 16));
    }
    return pairs;
  }
  // Lane i of the quad has two words of the stages' eight.
  Value own = words.front();
  if (problem.numWords() % 2 != 0)
    own = LLVM::FshrOp::create(b, b.getI32Type(), words[1], own,
                               pointers.metadataShift);
  constexpr int64_t kWithinQuad = 0x1C1F;
  for (int64_t i = 0; i < 2; ++i)
    pairs[i] = NVVM::ShflOp::create(b, b.getI32Type(), i32(-1), own,
                                    i32(2 * weights.part + i), i32(kWithinQuad),
                                    NVVM::ShflKind::idx, UnitAttr());
  return pairs;
}

/// To be called behind a wait for the multiplications that used the register
/// before. ptxas 13.0 does not know that they read it after they were issued
/// and may compute the next one too early, in the same register, unless it
/// depends on something that is not known earlier: a shuffle, which is not
/// moved across a loop such as the wait for a stage.
Value WgmmaKernel::emitMetadataRegister(const StageWeights &weights,
                                        const WeightPointers &pointers) {
  if (problem.fragments)
    return NVVM::ShflOp::create(b, b.getI32Type(), i32(-1),
                                weights.metadata[0].front(), lane, i32(31),
                                NVVM::ShflKind::idx, UnitAttr());
  Value shift = mul(rem(lane, 4), 4);
  if (!sharesMetadata())
    shift = NVVM::ShflOp::create(b, b.getI32Type(), i32(-1), shift, lane,
                                 i32(31), NVVM::ShflKind::idx, UnitAttr());
  Value halves[2];
  for (int64_t half = 0; half < 2; ++half)
    halves[half] = selectNibbles(emitWordPairs(weights, half, pointers), shift);
  return bitOr(bitAnd(halves[0], 0xFFFF), shiftLeft(halves[1], 16));
}

/// A copy of what was loaded, so that the next loads can follow. An operation
/// that compilers cannot do without makes it: for a plain copy they would have
/// loads wait at the end of the main loop, where the next round's registers are
/// filled.
StageWeights WgmmaKernel::emitCopy(const StageWeights &weights,
                                   const WeightPointers &pointers) {
  StageWeights copy = weights;
  for (int64_t half = 0; half < 2; ++half) {
    for (Value &word : copy.values[half])
      word = bitOr(word, pointers.zero);
    for (Value &word : copy.metadata[half])
      if (word.getType().isInteger(32))
        word = bitOr(word, pointers.zero);
  }
  return copy;
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
