// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice and the check of wgmma_sp schedules.

#include "WgmmaSchedule.h"

#include "WgmmaCopy.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace vnm;

/// More stages than this hide no more latency.
static constexpr int64_t kMaxStages = 8;
/// Of a row, staged at a time: stores of it are then whole lines.
static constexpr int64_t kStagedRowBytes = 128;
/// Groups of a row from which on the depth is split: 8 stages.
static constexpr int64_t kMinSplitGroups = 8 * wgmma::kStageGroups;
/// The depth is split where tiles keep fewer of the SMs busy: percent.
static constexpr int64_t kBusyPercent = 75;

/// What a wave of tiles takes, relative to the widest: narrow ones multiply
/// less for what they load. Measured on an H200 (4096 x 4096, T = 128 to 4096,
/// and DeiT-B's shapes, T = 25216; M = 5, 8 and 16, V = 128).
static constexpr std::pair<int64_t, int64_t> kWaveCosts[] = {
    {256, 100}, {192, 82}, {128, 68}, {64, 56}};

int64_t WgmmaSchedule::numTiles(const SpmmProblem &problem) const {
  return llvm::divideCeil(problem.numRows, rowTile()) *
         llvm::divideCeil(problem.numTokens, tokenTile);
}

int64_t WgmmaSchedule::stagesPerTile(const SpmmProblem &problem) const {
  int64_t stages = llvm::divideCeil(problem.numGroups, wgmma::kStageGroups);
  return splitsDepth ? stages / 2 : stages;
}

/// Whether tiles of 64 rows, one per CTA, fill one wave where the schedule's do
/// not, and are deep enough to be worth adding up. Both halves have whole
/// stages only.
bool WgmmaSchedule::canSplitDepth(const SpmmProblem &problem) const {
  int64_t tiles = llvm::divideCeil(problem.numRows, 64) *
                  llvm::divideCeil(problem.numTokens, tokenTile) *
                  problem.numBatches;
  return tokenTile == 64 && problem.numGroups >= kMinSplitGroups &&
         problem.numGroups % (2 * wgmma::kStageGroups) == 0 &&
         100 * numTiles(problem) < kBusyPercent * rings * numSMs &&
         tiles <= numSMs;
}

int64_t WgmmaSchedule::numWaves(const SpmmProblem &problem) const {
  return numTiles(problem) * problem.numBatches / tilesPerWave();
}

int64_t WgmmaSchedule::numTailTiles(const SpmmProblem &problem) const {
  return numTiles(problem) * problem.numBatches % tilesPerWave();
}

static int64_t getWaveCost(int64_t tokens) {
  return llvm::find_if(kWaveCosts,
                       [&](const auto &entry) { return entry.first == tokens; })
      ->second;
}

/// What tiles that are left over take, cut into ones of `tokens` tokens.
int64_t WgmmaSchedule::getTailCost(const SpmmProblem &problem,
                                   int64_t tokens) const {
  int64_t tiles = numTailTiles(problem) * (tokenTile / tokens);
  return getWaveCost(tokens) * llvm::divideCeil(tiles, tilesPerWave());
}

/// The width whose waves take the least time together, of equals the widest.
int64_t WgmmaSchedule::chooseTokenTile(const SpmmProblem &problem) {
  int64_t best = 0, bestCost = 0;
  for (auto [tokens, cost] : kWaveCosts) {
    tokenTile = tokens;
    int64_t total = cost * numWaves(problem) +
                    getTailCost(problem, chooseTailTile(problem));
    if (best != 0 && total >= bestCost)
      continue;
    best = tokens;
    bestCost = total;
  }
  return best;
}

/// Likewise of the last wave. Of tiles that are one wave or less, all would be
/// cut; two CTAs that share copies halve the chunks of a tile.
int64_t WgmmaSchedule::chooseTailTile(const SpmmProblem &problem) {
  int64_t best = tokenTile;
  if (numWaves(problem) == 0)
    return best;
  for (auto [tokens, cost] : kWaveCosts)
    if (tokens < tokenTile && tokenTile % tokens == 0 &&
        (cluster == 1 || tokens > wgmma::kChunkTokens) &&
        getTailCost(problem, tokens) < getTailCost(problem, best))
      best = tokens;
  return best;
}

/// Whether CTAs 2i and 2i + 1 always have tiles of the same tokens and batch
/// entry, and as many chunks to copy.
bool WgmmaSchedule::canShareCopies(const SpmmProblem &problem) const {
  return copies && !splitsDepth && chunks() % 2 == 0 && numSMs % 2 == 0 &&
         llvm::divideCeil(problem.numRows, rowTile()) % 2 == 0;
}

WgmmaSchedule::WgmmaSchedule(const SpmmProblem &problem,
                             const ChipLimits &limits, int64_t tokens,
                             int64_t cluster)
    : cluster(std::max<int64_t>(cluster, 1)) {
  numSMs = limits.numSMs;
  copies = hasActivationMap(problem);
  if (copies) {
    consumerRegisters = 240;
    producerRegisters = 24;
  }
  rings = problem.panelRows < 128 && !copies ? 2 : 1;
  splitsDepth = false;
  tokenTile = tokens != 0 ? tokens : chooseTokenTile(problem);
  splitsDepth = canSplitDepth(problem);
  if (splitsDepth)
    rings = 2;
  tailTile = splitsDepth ? tokenTile : chooseTailTile(problem);
  rollsWeights = problem.fragments;
  // Few sums leave registers to look further ahead.
  weightGroup = rollsWeights || tokenTile <= 128 ? 4 : 2;
  // Of values and of metadata.
  weightRegisters = problem.fragments ? 8 + 1 : 8 + 4;
  unitsAhead = problem.wideIds ? 3 : 6;
  resultBytes = problem.resultElement.getIntOrFloatBitWidth() / 8;
  yTokenMajor = problem.yTokenMajor;
  stagingTokens = kStagedRowBytes / resultBytes;
  int64_t bytesPerStage = rings * (stageBytes() + 3 * 8);
  stages = 0;
  stages = std::min(kMaxStages,
                    (limits.sharedBytes - sharedBytes()) / bytesPerStage);
}

LaunchShape WgmmaSchedule::getLaunchShape(const SpmmProblem &problem) const {
  LaunchShape shape = {rowTile(), tokenTile,       kThreads,
                       numSMs,    tilesPerBlock(), sharedBytes()};
  if (copies)
    shape.xMap = getActivationMap(problem);
  return shape;
}

/// An estimate of what a multiplying thread needs beside sums and weights.
static constexpr int64_t kAddressRegisters = 24;

/// Feature-major arrays are cut into 16-byte pieces of 8 tokens.
static constexpr int64_t kPiece = 8;

std::string vnm::explainWgmmaRefusal(const SpmmProblem &problem,
                                     const ChipInfo &chip, int64_t tokens,
                                     int64_t cluster) {
  if (tokens != 0 && !llvm::is_contained({64, 128, 192, 256}, tokens))
    return llvm::formatv("requires tiles of 64, 128, 192 or 256 tokens, but "
                         "token-tile is {0}",
                         tokens);
  if (!llvm::is_contained(chip.families, KernelFamily::WgmmaSp))
    return llvm::formatv("requires chip sm_90a, but it is {0}", chip.name);
  bool copies = hasActivationMap(problem);
  if (problem.panelRows < 64 && !copies)
    return llvm::formatv("requires V of at least 64, but it is {0}",
                         problem.panelRows);
  if (problem.xTokenMajor)
    return "requires feature-major activations, but they are token-major";
  // Every element would be stored alone, in a sector of its own.
  if (problem.yTokenMajor && problem.permutedRows)
    return "requires rows in order for token-major results, but they are "
           "permuted";
  if (ShapedType::isDynamic(problem.numTokens))
    return "requires a static number of tokens, but it is dynamic";
  if (problem.numTokens % kPiece != 0 || problem.numTokens == 0)
    return llvm::formatv("requires a positive multiple of {0} tokens, but "
                         "there are {1}",
                         kPiece, problem.numTokens);
  if (ShapedType::isDynamic(problem.numBatches))
    return "requires static batch dimensions, but one is dynamic";
  Type result = problem.resultElement;
  if (!result.isF16() && !result.isBF16() && !result.isF32())
    return "requires a result of f16, bf16 or f32, but it is f64";
  if (copies) {
    std::string refusal = explainMapRefusal(getActivationMap(problem));
    if (!refusal.empty())
      return refusal;
  }
  WgmmaSchedule schedule(problem, *chip.limits, tokens, cluster);
  if (cluster > 2)
    return llvm::formatv("requires clusters of 1 or 2 CTAs, but cluster is {0}",
                         cluster);
  if (cluster == 2 && !schedule.canShareCopies(problem))
    return "requires tensor copies, an even number of row tiles and tiles of "
           "128 or 256 tokens for a cluster of 2 CTAs";
  constexpr int64_t kMaxSteps = int64_t(1) << 31;
  int64_t steps = schedule.numTiles(problem) * problem.numBatches *
                  llvm::divideCeil(problem.numGroups, wgmma::kStageGroups);
  if (steps >= kMaxSteps)
    return llvm::formatv("requires fewer than 2^31 steps, but there are {0}",
                         steps);
  return explainScheduleRefusal(schedule, *chip.limits);
}

std::string vnm::explainScheduleRefusal(const WgmmaSchedule &schedule,
                                        const ChipLimits &limits) {
  if (schedule.stages < 2)
    return llvm::formatv("requires at least 2 stages, but there are {0}",
                         schedule.stages);
  if (schedule.sharedBytes() > limits.sharedBytes)
    return llvm::formatv("requires {0} bytes of shared memory, but a CTA has "
                         "{1}",
                         schedule.sharedBytes(), limits.sharedBytes);
  for (int64_t registers :
       {schedule.consumerRegisters, schedule.producerRegisters})
    if (registers < 24 || registers > 256 || registers % 8 != 0)
      return llvm::formatv("requires a multiple of 8 registers from 24 to 256, "
                           "but a role asks for {0}",
                           registers);
  int64_t registers =
      WgmmaSchedule::kConsumerThreads * schedule.consumerRegisters +
      WgmmaSchedule::kWarpgroupSize * schedule.producerRegisters;
  if (registers > limits.registers)
    return llvm::formatv("requires {0} registers, but an SM has {1}", registers,
                         limits.registers);
  // Sums, weights that are multiplied and that are being loaded, and addresses.
  int64_t weightStages =
      schedule.weightGroup + (schedule.rollsWeights ? 2 : schedule.weightGroup);
  int64_t needed = schedule.numSums() +
                   schedule.weightRegisters * weightStages + kAddressRegisters;
  if (needed > schedule.consumerRegisters)
    return llvm::formatv("requires {0} registers to multiply, but a thread has "
                         "{1}",
                         needed, schedule.consumerRegisters);
  return {};
}
