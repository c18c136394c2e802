// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the conversion asks of a kernel family, and the
// families that there are.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_FAMILIES_H
#define VNM_LIB_CONVERSION_VNMTOGPU_FAMILIES_H

#include "Schedule.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "vnm/Conversion/VNMToGPU/ChipTable.h"
#include <string>

namespace vnm {

/// A number of #vnm.schedule that a family lets one choose.
struct ScheduleField {
  llvm::StringLiteral name;
  /// The values worth measuring for a problem, 0 for a schedule without the
  /// field; none if it has no such field.
  llvm::SmallVector<int64_t> (*getValues)(const SpmmProblem &problem);
};

/// A kernel family. Its functions are given schedules of the family that have
/// no other fields than it has; a missing one is the family's to choose.
struct FamilyInfo {
  KernelFamily family;
  llvm::ArrayRef<ScheduleField> fields;
  /// Why the family cannot compute a problem on a chip, as "requires X, but Y";
  /// empty if it can.
  std::string (*explainRefusal)(const SpmmProblem &problem,
                                const ChipInfo &chip, ScheduleAttr schedule);
  /// Why the built-in rule takes another family though this one might compute
  /// the problem, in the same form; empty if it takes this one.
  std::string (*explainReluctance)(const SpmmProblem &problem);
  /// Whether the family is for some problems only, so that its reluctance to
  /// compute others is no news.
  bool isSpecialised;
  /// Whether the family reads weights in fragments as well.
  bool readsFragments;
  /// Whether it multiplies i8 as well as f16 and bf16.
  bool multipliesBytes;
  /// The schedule with all fields. The family can compute the problem.
  ScheduleAttr (*complete)(const SpmmProblem &problem, const ChipInfo &chip,
                           ScheduleAttr schedule);
  /// Builds the kernel of `op` as a function `name` at the builder's insertion
  /// point, inside a gpu.module, and says how it is launched.
  mlir::gpu::GPUFuncOp (*build)(mlir::OpBuilder &builder, SpmmOp op,
                                llvm::StringRef name,
                                const SpmmProblem &problem,
                                const ChipInfo &chip, ScheduleAttr schedule,
                                LaunchShape &shape);
};

/// All families, the general ones first.
llvm::ArrayRef<FamilyInfo> getFamilies();

/// The family of that name, or null.
const FamilyInfo *lookUpFamily(llvm::StringRef name);

/// Why `chip` cannot compute `problem` by `schedule`, whose family and fields
/// may be unknown; empty if it can.
std::string explainRefusal(const SpmmProblem &problem, const ChipInfo &chip,
                           ScheduleAttr schedule);

/// Every schedule that `chip` can compute `problem` by and that is worth
/// measuring, with all fields.
llvm::SmallVector<ScheduleAttr> listSchedules(mlir::MLIRContext *context,
                                              const SpmmProblem &problem,
                                              const ChipInfo &chip);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_FAMILIES_H
