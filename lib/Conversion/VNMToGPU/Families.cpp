// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file lists the kernel families, and the schedules that they admit.

#include "Families.h"

#include "SkinnyKernel.h"
#include "SpmmKernel.h"
#include "WgmmaCopy.h"
#include "WgmmaKernel.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// mma_sp
//===----------------------------------------------------------------------===//

static constexpr llvm::StringLiteral kRowTile = "row_tile";
static constexpr llvm::StringLiteral kTokenTile = "token_tile";

static constexpr llvm::StringLiteral kWindow = "window";

/// None, and those of 128 and 256 rows that copy fewer rows of x than would be
/// gathered of every panel, a 4 / M of them.
static SmallVector<int64_t> getMmaWindows(const SpmmProblem &problem) {
  constexpr int64_t kManyTokens = 64;
  bool few = !ShapedType::isDynamic(problem.numTokens) &&
             problem.numTokens < kManyTokens;
  SmallVector<int64_t> windows;
  if (few || !explainWindowRefusal(problem).empty())
    return windows;
  for (int64_t rows : {128, 256})
    if (rows / problem.panelRows * 4 > problem.blockColumns)
      windows.push_back(rows / problem.panelRows);
  if (!windows.empty())
    windows.insert(windows.begin(), 0);
  return windows;
}

static SmallVector<int64_t> getMmaRowTiles(const SpmmProblem &problem) {
  SmallVector<int64_t> tiles;
  for (int64_t tile : {16, 32, 64, 128})
    if (tile == problem.panelRows || (tile > 16 && tile < problem.panelRows))
      tiles.push_back(tile);
  for (int64_t window : getMmaWindows(problem))
    if (window * problem.panelRows > tiles.back())
      tiles.push_back(window * problem.panelRows);
  return tiles;
}

/// Of `tiles`, which grow, those up to the first that holds all tokens.
static SmallVector<int64_t> dropWasteful(const SpmmProblem &problem,
                                         ArrayRef<int64_t> tiles) {
  SmallVector<int64_t> kept = {tiles.front()};
  for (int64_t tile : tiles.drop_front())
    if (ShapedType::isDynamic(problem.numTokens) ||
        problem.numTokens > kept.back())
      kept.push_back(tile);
  return kept;
}

static SmallVector<int64_t> getMmaTokenTiles(const SpmmProblem &problem) {
  constexpr int64_t kManyTokens = 128;
  if (ShapedType::isDynamic(problem.numTokens) ||
      problem.numTokens >= kManyTokens)
    return dropWasteful(problem, {64, 128, 256});
  return dropWasteful(problem, {16, 32, 64, 128});
}

static constexpr ScheduleField kMmaFields[] = {{kRowTile, getMmaRowTiles},
                                               {kTokenTile, getMmaTokenTiles},
                                               {kWindow, getMmaWindows}};

static MmaFields getMmaFields(ScheduleAttr schedule) {
  return {schedule.getField(kRowTile), schedule.getField(kTokenTile),
          schedule.getField(kWindow)};
}

static std::string explainMma(const SpmmProblem &problem, const ChipInfo &chip,
                              ScheduleAttr schedule) {
  return explainMmaRefusal(problem, *chip.limits, getMmaFields(schedule));
}

static std::string explainNoReluctance(const SpmmProblem &) { return {}; }

static SpmmSchedule getMmaSchedule(const SpmmProblem &problem,
                                   const ChipInfo &chip,
                                   ScheduleAttr schedule) {
  return {problem, *chip.limits, getMmaFields(schedule)};
}

static ScheduleAttr completeMma(const SpmmProblem &problem,
                                const ChipInfo &chip, ScheduleAttr attribute) {
  SpmmSchedule schedule = getMmaSchedule(problem, chip, attribute);
  SmallVector<std::pair<StringRef, int64_t>> fields = {
      {kRowTile, schedule.rowTile}, {kTokenTile, schedule.tokenTile}};
  if (schedule.window)
    fields.emplace_back(kWindow, schedule.window);
  return ScheduleAttr::get(attribute.getContext(), attribute.getFamily(),
                           fields);
}

static gpu::GPUFuncOp buildMma(OpBuilder &builder, SpmmOp op, StringRef name,
                               const SpmmProblem &problem, const ChipInfo &chip,
                               ScheduleAttr attribute, LaunchShape &shape) {
  SpmmSchedule schedule = getMmaSchedule(problem, chip, attribute);
  shape = schedule.getLaunchShape(problem);
  return buildSpmmKernel(builder, op, name, problem, schedule);
}

//===----------------------------------------------------------------------===//
// wgmma_sp
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> getWgmmaTokenTiles(const SpmmProblem &problem) {
  return dropWasteful(problem, {64, 128, 192, 256});
}

static constexpr llvm::StringLiteral kCluster = "cluster";

static SmallVector<int64_t> getWgmmaClusters(const SpmmProblem &problem) {
  if (!hasActivationMap(problem))
    return {};
  return {1, 2};
}

static constexpr ScheduleField kWgmmaFields[] = {
    {kTokenTile, getWgmmaTokenTiles}, {kCluster, getWgmmaClusters}};

static std::string explainWgmma(const SpmmProblem &problem,
                                const ChipInfo &chip, ScheduleAttr schedule) {
  return explainWgmmaRefusal(problem, chip, schedule.getField(kTokenTile),
                             schedule.getField(kCluster));
}

static std::string explainWgmmaReluctance(const SpmmProblem &problem) {
  // The smallest tile: below, part of every multiplication is wasted.
  constexpr int64_t kFewTokens = 64;
  if (ShapedType::isDynamic(problem.numTokens) ||
      problem.numTokens >= kFewTokens)
    return {};
  return llvm::formatv("requires at least {0} tokens to be faster, but there "
                       "are {1}",
                       kFewTokens, problem.numTokens);
}

static WgmmaSchedule getWgmmaSchedule(const SpmmProblem &problem,
                                      const ChipInfo &chip,
                                      ScheduleAttr schedule) {
  return {problem, *chip.limits, schedule.getField(kTokenTile),
          schedule.getField(kCluster)};
}

static ScheduleAttr completeWgmma(const SpmmProblem &problem,
                                  const ChipInfo &chip,
                                  ScheduleAttr attribute) {
  WgmmaSchedule schedule = getWgmmaSchedule(problem, chip, attribute);
  SmallVector<std::pair<StringRef, int64_t>> fields = {
      {kTokenTile, schedule.tokenTile}};
  // A kernel that gathers has nothing to share.
  if (schedule.copies)
    fields.emplace_back(kCluster, schedule.cluster);
  return ScheduleAttr::get(attribute.getContext(), attribute.getFamily(),
                           fields);
}

static gpu::GPUFuncOp buildWgmma(OpBuilder &builder, SpmmOp op, StringRef name,
                                 const SpmmProblem &problem,
                                 const ChipInfo &chip, ScheduleAttr attribute,
                                 LaunchShape &shape) {
  WgmmaSchedule schedule = getWgmmaSchedule(problem, chip, attribute);
  shape = schedule.getLaunchShape(problem);
  return buildWgmmaKernel(builder, op, name, problem, schedule);
}

//===----------------------------------------------------------------------===//
// skinny
//===----------------------------------------------------------------------===//

static constexpr llvm::StringLiteral kWarps = "warps";

static SmallVector<int64_t> getSkinnyRowTiles(const SpmmProblem &) {
  return {16, 32, 64, 128};
}

static SmallVector<int64_t> getSkinnyWarps(const SpmmProblem &) {
  return {4, 8, 16};
}

static constexpr ScheduleField kSkinnyFields[] = {{kRowTile, getSkinnyRowTiles},
                                                  {kWarps, getSkinnyWarps}};

static std::string explainSkinny(const SpmmProblem &problem,
                                 const ChipInfo &chip, ScheduleAttr schedule) {
  return explainSkinnyRefusal(problem, chip, schedule.getField(kRowTile),
                              schedule.getField(kWarps));
}

static std::string explainSkinnyReluctance(const SpmmProblem &problem) {
  constexpr int64_t kMostTokens = 16;
  if (!ShapedType::isDynamic(problem.numTokens) &&
      problem.numTokens <= kMostTokens)
    return {};
  return llvm::formatv("requires at most {0} tokens to be faster", kMostTokens);
}

static SkinnySchedule getSkinnySchedule(const SpmmProblem &problem,
                                        const ChipInfo &chip,
                                        ScheduleAttr schedule) {
  return {problem, chip, schedule.getField(kRowTile),
          schedule.getField(kWarps)};
}

static ScheduleAttr completeSkinny(const SpmmProblem &problem,
                                   const ChipInfo &chip,
                                   ScheduleAttr attribute) {
  SkinnySchedule schedule = getSkinnySchedule(problem, chip, attribute);
  return ScheduleAttr::get(
      attribute.getContext(), attribute.getFamily(),
      {{kRowTile, schedule.rowTile}, {kWarps, schedule.numWarps}});
}

static gpu::GPUFuncOp buildSkinny(OpBuilder &builder, SpmmOp op, StringRef name,
                                  const SpmmProblem &problem,
                                  const ChipInfo &chip, ScheduleAttr attribute,
                                  LaunchShape &shape) {
  SkinnySchedule schedule = getSkinnySchedule(problem, chip, attribute);
  shape = schedule.getLaunchShape();
  return buildSkinnyKernel(builder, op, name, problem, schedule);
}

//===----------------------------------------------------------------------===//
// All families
//===----------------------------------------------------------------------===//

static constexpr FamilyInfo kFamilies[] = {
    {KernelFamily::MmaSp, kMmaFields, explainMma, explainNoReluctance,
     /*isSpecialised=*/false, /*readsFragments=*/false,
     /*multipliesBytes=*/true, completeMma, buildMma},
    {KernelFamily::WgmmaSp, kWgmmaFields, explainWgmma, explainWgmmaReluctance,
     /*isSpecialised=*/false, /*readsFragments=*/true,
     /*multipliesBytes=*/false, completeWgmma, buildWgmma},
    {KernelFamily::Skinny, kSkinnyFields, explainSkinny,
     explainSkinnyReluctance, /*isSpecialised=*/true, /*readsFragments=*/true,
     /*multipliesBytes=*/false, completeSkinny, buildSkinny},
};

ArrayRef<FamilyInfo> vnm::getFamilies() { return kFamilies; }

const FamilyInfo *vnm::lookUpFamily(StringRef name) {
  const FamilyInfo *info =
      llvm::find_if(kFamilies, [&](const FamilyInfo &info) {
        return toString(info.family) == name;
      });
  return info == std::end(kFamilies) ? nullptr : info;
}

/// "a, b or c" of the names of `range`.
template <typename Range, typename GetName>
static std::string listNames(Range &&range, GetName getName) {
  std::string text;
  for (auto [index, item] : llvm::enumerate(range)) {
    if (index)
      text += index + 1 == range.size() ? " or " : ", ";
    text += getName(item);
  }
  return text;
}

std::string vnm::explainRefusal(const SpmmProblem &problem,
                                const ChipInfo &chip, ScheduleAttr schedule) {
  const FamilyInfo *info = lookUpFamily(schedule.getFamily());
  if (!info)
    return llvm::formatv(
        "requires family to be {0}, but it is '{1}'",
        listNames(getFamilies(),
                  [](const FamilyInfo &i) { return toString(i.family); }),
        schedule.getFamily());
  auto getName = [](const ScheduleField &field) {
    return StringRef(field.name);
  };
  for (NamedAttribute field : schedule.getFields()) {
    StringRef name = field.getName();
    if (llvm::is_contained(llvm::map_range(info->fields, getName), name))
      continue;
    return llvm::formatv("requires fields of the schedule to be {0}, but one "
                         "is {1}",
                         listNames(info->fields, getName), name);
  }
  bool isByte = problem.element.isInteger(8);
  if (!problem.element.isF16() && !problem.element.isBF16() &&
      !(isByte && info->multipliesBytes))
    return llvm::formatv("requires a weight of {0}, but it is {1}",
                         info->multipliesBytes ? "f16, bf16 or i8"
                                               : "f16 or bf16",
                         isByte ? "i8" : "f32");
  if (problem.fragments && !info->readsFragments)
    return "requires a weight of layout = canonical, but it is in fragments";
  return info->explainRefusal(problem, chip, schedule);
}

/// All combinations of values worth measuring of the fields from number `first`
/// on, appended to `chosen`.
static void
combine(const SpmmProblem &problem, ArrayRef<ScheduleField> fields,
        SmallVectorImpl<std::pair<StringRef, int64_t>> &chosen,
        llvm::function_ref<void(ArrayRef<std::pair<StringRef, int64_t>>)> add) {
  if (fields.empty())
    return add(chosen);
  SmallVector<int64_t> values = fields.front().getValues(problem);
  if (values.empty())
    return combine(problem, fields.drop_front(), chosen, add);
  for (int64_t value : values) {
    if (value == 0) {
      combine(problem, fields.drop_front(), chosen, add);
      continue;
    }
    chosen.emplace_back(fields.front().name, value);
    combine(problem, fields.drop_front(), chosen, add);
    chosen.pop_back();
  }
}

SmallVector<ScheduleAttr> vnm::listSchedules(MLIRContext *context,
                                             const SpmmProblem &problem,
                                             const ChipInfo &chip) {
  SmallVector<ScheduleAttr> schedules;
  for (const FamilyInfo &info : getFamilies()) {
    SmallVector<std::pair<StringRef, int64_t>> chosen;
    combine(problem, info.fields, chosen,
            [&](ArrayRef<std::pair<StringRef, int64_t>> fields) {
              auto schedule =
                  ScheduleAttr::get(context, toString(info.family), fields);
              if (explainRefusal(problem, chip, schedule).empty())
                schedules.push_back(schedule);
            });
  }
  return schedules;
}
