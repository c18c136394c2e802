// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice and the check of skinny schedules.

#include "SkinnySchedule.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace vnm;

RowPieces::RowPieces(int64_t rowBytes, int64_t stepBytes, int64_t granule) {
  for (int64_t bytes : {16, 8}) {
    pieceBytes = bytes;
    numPieces = stepBytes / bytes;
    shifted = rowBytes % bytes != 0;
    pitch = stepBytes;
    if (!shifted && stepBytes % bytes == 0)
      return;
  }
  pieceBytes = 16;
  shifted = true;
  // The first byte may be any but those behind the last granule of a piece.
  numPieces = llvm::divideCeil(stepBytes + pieceBytes - granule, pieceBytes);
  pitch = pieceBytes * numPieces;
}

SkinnySchedule::SkinnySchedule(const SpmmProblem &problem, const ChipInfo &chip,
                               int64_t rows, int64_t warps) {
  numRows = problem.numRows;
  numCols = problem.numCols;
  numGroups = problem.numGroups;
  numTokens = problem.numTokens;
  idBytes = problem.wideIds ? 4 : 2;
  fragments = problem.fragments;
  xTokenMajor = problem.xTokenMajor && numTokens > 1;
  dependentLaunch = hasDependentLaunch(chip);
  gathersPairs = fragments && numTokens == 1 && numCols % 2 == 0;
  chooseTile(problem.panelRows, chip.limits->numSMs);
  if (rows != 0)
    rowTile = rows;
  chooseDepth(chip.limits->sharedBytes, rows, warps, chip.limits->numSMs);
}

/// One token, gathered by pairs. In one wave a kernel's end overlaps the next
/// one's start if both find room: fewer warps where each would have one step.
/// Measured on an H200 (docs/performance.md, "Few tokens").
void SkinnySchedule::choosePairTile(bool oneWave, bool manyWaves) {
  rowTile = manyWaves ? 64 : 32;
  numWarps = 8;
  weightsAhead = 1;
  stagesPerStep = 2;
  if (oneWave) {
    if (numSteps() < 2 * numWarps) {
      numWarps = 4;
      weightsAhead = 2;
    }
  } else if (!manyWaves) {
    weightsAhead = 2;
    stagesPerStep = 1;
  }
}

/// Few rows for a CTA keep all SMs busy, many gather activations less often. Of
/// canonical rows, steps of two stages read 128 bytes at a time, those of four,
/// which suit shifted rows, 256; of fragments, any step reads whole kilobytes.
/// In one wave everything is asked for at the start. Measured on an H200
/// (docs/performance.md, "Few tokens").
void SkinnySchedule::chooseTile(int64_t panelRows, int64_t numSMs) {
  bool oneWave = isOneWave(numSMs), manyWaves = isManyWaves(numSMs);
  bool shifted = !fragments && numGroups % 4 != 0, oneToken = numTokens == 1;
  weightsAhead = 1;
  stagesPerStep = shifted && manyWaves ? 4 : 2;
  if (oneWave) {
    rowTile = 32;
    numWarps = oneToken ? 4 : 8;
    weightsAhead = oneToken ? 4 : 2;
  } else if (oneToken) {
    rowTile = manyWaves ? 16 : 32;
    numWarps = manyWaves && !shifted ? 8 : 4;
    weightsAhead = shifted && manyWaves ? 1 : 2;
  } else {
    rowTile = shifted ? 64 : kMaxRows;
    numWarps = fragments ? (manyWaves ? 4 : 8) : (manyWaves ? 2 : 4);
  }
  if (gathersPairs)
    choosePairTile(oneWave, manyWaves);
  // Sums take the registers of longer steps, and of more rows.
  int64_t mostRows = kMaxRows;
  if (numTokens > 32) {
    stagesPerStep = weightsAhead = 1;
    mostRows = shifted ? 32 : 64;
  }
  int64_t rows = llvm::bit_ceil(uint64_t(numRows));
  int64_t most = std::max<int64_t>(16, std::min({panelRows, rows, mostRows}));
  // Smaller tiles leave room for more warps.
  for (; rowTile > most; rowTile /= 2)
    numWarps = std::min<int64_t>(2 * numWarps, 8);
}

/// Two CTAs on an SM, or a kernel and the next, do better than deeper rings:
/// each may have half of the SM's shared memory but for the kilobyte that the
/// system takes. `rows` and `warps`, if not 0, are given.
void SkinnySchedule::chooseDepth(int64_t bytes, int64_t rows, int64_t warps,
                                 int64_t numSMs) {
  int64_t stages = llvm::divideCeil(numGroups, kStageGroups);
  if (warps != 0)
    numWarps = warps;
  while (stagesPerStep > 1 && stages < numWarps * stagesPerStep)
    stagesPerStep /= 2;
  // Chips with little take all, and so do many tokens in one wave, which the
  // warps share.
  constexpr int64_t kLittle = 128 * 1024, kSystemBytes = 1024;
  bool takesAll =
      bytes <= kLittle || (fragments && isOneWave(numSMs) && numTokens > 32);
  int64_t budget = takesAll ? bytes : bytes / 2 - kSystemBytes;
  auto fits = [&] { return sharedBytes() <= budget; };
  weightsAhead = std::min(weightsAhead, stepsPerWarp());
  activationsAhead = 1;
  residentMetadata = false;
  residentX = !gathersPairs && (numTokens % 2 != 0 || xTokenMajor);
  if (residentX && 2 * residentBytes() > bytes)
    residentX = false;
  // Metadata of fragments come in runs as long as the steps'.
  residentMetadata = !fragments;
  if (!fits() && !residentX)
    residentMetadata = false;
  while (!fits() && weightsAhead > 1)
    --weightsAhead;
  if (!fits())
    residentMetadata = false;
  while (!fits() && stagesPerStep > 1)
    stagesPerStep /= 2;
  while (!fits() && numWarps > 1 && warps == 0)
    numWarps /= 2;
  while (!fits() && rowTile > 16 && rows == 0)
    rowTile /= 2;
  weightsAhead = std::min(weightsAhead, stepsPerWarp());
}

std::string vnm::explainSkinnyRefusal(const SpmmProblem &problem,
                                      const ChipInfo &chip, int64_t rows,
                                      int64_t warps) {
  if (ShapedType::isDynamic(problem.numTokens))
    return "requires a static number of tokens, but it is dynamic";
  if (problem.numTokens < 1 || problem.numTokens > SkinnySchedule::kMaxTokens)
    return llvm::formatv("requires 1 to {0} tokens, but there are {1}",
                         SkinnySchedule::kMaxTokens, problem.numTokens);
  if (rows > 16 && rows > problem.panelRows)
    return llvm::formatv("requires tiles of at most V = {0} rows, but they "
                         "have {1}",
                         problem.panelRows, rows);
  SkinnySchedule schedule(problem, chip, rows, warps);
  if (schedule.xTokenMajor && !schedule.residentX)
    return llvm::formatv("requires feature-major activations, or that all of a "
                         "batch entry's fit in half of {0} bytes of shared "
                         "memory, but they are token-major",
                         chip.limits->sharedBytes);
  return explainScheduleRefusal(schedule, chip.limits->sharedBytes);
}

std::string vnm::explainScheduleRefusal(const SkinnySchedule &schedule,
                                        int64_t sharedBytes) {
  auto isOneOf = [](int64_t value, int64_t least, int64_t most) {
    return llvm::isPowerOf2_64(value) && value >= least && value <= most;
  };
  if (!isOneOf(schedule.rowTile, 16, SkinnySchedule::kMaxRows))
    return llvm::formatv("requires tiles of 16, 32, 64 or 128 rows, but they "
                         "have {0}",
                         schedule.rowTile);
  if (!isOneOf(schedule.numWarps, 1, SkinnySchedule::kMaxWarps))
    return llvm::formatv("requires a power of two of at most {0} warps, but "
                         "there are {1}",
                         SkinnySchedule::kMaxWarps, schedule.numWarps);
  if (!isOneOf(schedule.stagesPerStep, 1, 4))
    return llvm::formatv("requires steps of 1, 2 or 4 stages, but they have "
                         "{0}",
                         schedule.stagesPerStep);
  if (schedule.activationsAhead < 1 ||
      schedule.weightsAhead < schedule.activationsAhead)
    return llvm::formatv("requires at least one step of activations ahead, and "
                         "of weights no fewer, but there are {0} and {1}",
                         schedule.activationsAhead, schedule.weightsAhead);
  if (schedule.numSums() > SkinnySchedule::kMaxSums)
    return llvm::formatv("requires at most {0} sums per thread, but there are "
                         "{1}",
                         SkinnySchedule::kMaxSums, schedule.numSums());
  if (schedule.sharedBytes() > sharedBytes)
    return llvm::formatv("requires {0} bytes of shared memory, but a CTA has "
                         "{1}",
                         schedule.sharedBytes(), sharedBytes);
  return {};
}
