// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choice of schedules where no measurement decides.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULERULE_H
#define VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULERULE_H

#include "Families.h"

namespace vnm {

/// What the user asks for.
struct ScheduleOptions {
  /// A family, or "auto".
  llvm::StringRef family;
  /// Tokens of a tile of wgmma_sp; 0 for any.
  int64_t tokenTile;
  const ChipInfo &chip;

  /// Whether the options leave `schedule`, with all its fields, to choose.
  bool admit(ScheduleAttr schedule) const;
};

/// Checks that `family` is auto or a family; if not, an error at `loc`.
mlir::LogicalResult checkFamilyOption(mlir::Location loc,
                                      llvm::StringRef family);

/// A schedule by the built-in rule.
struct RuleChoice {
  /// With all fields; null if no family that the options admit can compute the
  /// problem.
  ScheduleAttr schedule;
  /// Of the families that the chip has, the first that was not taken, and why,
  /// or null.
  const FamilyInfo *passedOver = nullptr;
  std::string reason;
};

/// The last of all families that the options admit, that can compute the
/// problem and that is not reluctant, with the fields that it chooses itself. A
/// family that the options name is taken even if it is reluctant.
RuleChoice chooseByRule(mlir::MLIRContext *context, const SpmmProblem &problem,
                        const ScheduleOptions &options);

/// A remark that says which family was passed over, if one was.
void remarkOnPassedOver(SpmmOp op, const RuleChoice &choice);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_SCHEDULERULE_H
