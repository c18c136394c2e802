// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice of schedules where no measurement decides.

#include "ScheduleRule.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace vnm;

static constexpr llvm::StringLiteral kTokenTile = "token_tile";
static constexpr llvm::StringLiteral kWindow = "window";

bool ScheduleOptions::admit(ScheduleAttr schedule) const {
  if (family != "auto" && family != schedule.getFamily())
    return false;
  return tokenTile == 0 ||
         schedule.getFamily() != toString(KernelFamily::WgmmaSp) ||
         schedule.getField(kTokenTile) == tokenTile;
}

LogicalResult vnm::checkFamilyOption(Location loc, StringRef family) {
  if (family == "auto" || lookUpFamily(family))
    return success();
  InFlightDiagnostic diagnostic = emitError(loc)
                                  << "requires family to be auto";
  for (const FamilyInfo &info : getFamilies())
    diagnostic << (&info == &getFamilies().back() ? " or " : ", ")
               << toString(info.family);
  return diagnostic << ", but it is '" << family << "'";
}

/// Panels that share a window of activations in mma_sp, in tiles of 256 rows; 0
/// for none. Measured on an H200 (4096 x 4096 x 4096, docs/performance.md):
/// faster at M = 8 for V of 16 and 32, slower for 64, and faster at M = 4.
/// Shared memory of other chips makes such tiles narrow.
static int64_t chooseWindow(const SpmmProblem &problem, const ChipInfo &chip) {
  constexpr int64_t kRows = 256, kTokens = 128, kSharedBytes = 160 * 1024;
  bool wins = problem.keepsAllColumns
                  ? problem.panelRows <= 64
                  : problem.panelRows <= 32 && problem.blockColumns <= 8;
  if (!wins || chip.limits->sharedBytes < kSharedBytes ||
      ShapedType::isDynamic(problem.numTokens) ||
      ShapedType::isDynamic(problem.numBatches) || problem.numTokens % 8 != 0)
    return 0;
  int64_t tiles = problem.numRows / kRows * (problem.numTokens / kTokens) *
                  problem.numBatches;
  return tiles < chip.limits->numSMs ? 0 : kRows / problem.panelRows;
}

/// The rule; `reluctant`: whether families may be left to others that are
/// faster.
static RuleChoice choose(MLIRContext *context, const SpmmProblem &problem,
                         const ScheduleOptions &options, bool reluctant) {
  RuleChoice choice;
  for (const FamilyInfo &info : llvm::reverse(getFamilies())) {
    StringRef name = toString(info.family);
    if (options.family != "auto" && options.family != name)
      continue;
    SmallVector<std::pair<StringRef, int64_t>> fields;
    if (info.family == KernelFamily::WgmmaSp && options.tokenTile != 0)
      fields.emplace_back(kTokenTile, options.tokenTile);
    auto schedule = ScheduleAttr::get(context, name, fields);
    int64_t window = chooseWindow(problem, options.chip);
    if (info.family == KernelFamily::MmaSp && window != 0) {
      auto shared = ScheduleAttr::get(context, name, {{kWindow, window}});
      if (explainRefusal(problem, options.chip, shared).empty())
        schedule = shared;
    }
    std::string reluctance;
    if (options.family == "auto" && reluctant)
      reluctance = info.explainReluctance(problem);
    if (!reluctance.empty() && info.isSpecialised)
      continue;
    // That a family cannot compute a product says more than that it is slow.
    std::string reason = explainRefusal(problem, options.chip, schedule);
    if (reason.empty())
      reason = std::move(reluctance);
    if (reason.empty()) {
      choice.schedule = info.complete(problem, options.chip, schedule);
      return choice;
    }
    bool hasFamily = llvm::is_contained(options.chip.families, info.family);
    if (!choice.passedOver && (hasFamily || options.family != "auto")) {
      choice.passedOver = &info;
      choice.reason = reason;
    }
  }
  return choice;
}

RuleChoice vnm::chooseByRule(MLIRContext *context, const SpmmProblem &problem,
                             const ScheduleOptions &options) {
  RuleChoice choice = choose(context, problem, options, /*reluctant=*/true);
  // Not every family reads fragments: the faster one may not.
  if (!choice.schedule && problem.fragments)
    return choose(context, problem, options, /*reluctant=*/false);
  return choice;
}

void vnm::remarkOnPassedOver(SpmmOp op, const RuleChoice &choice) {
  if (!choice.passedOver || !choice.schedule)
    return;
  remark::missed(op.getLoc(),
                 remark::RemarkOpts::name("family").category("vnm-gpu"))
      << remark::add("{0} is taken instead of {1}", choice.schedule.getFamily(),
                     toString(choice.passedOver->family))
      << remark::reason("{0}", choice.reason);
}
