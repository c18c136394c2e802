// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-list-schedules: what a tuner may measure, as JSON.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "Families.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace vnm {
#define GEN_PASS_DEF_LISTSCHEDULES
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;
namespace json = llvm::json;

static constexpr int64_t kVersion = 1;

static json::Value toJSON(ScheduleAttr schedule) {
  json::Object fields;
  for (NamedAttribute field : schedule.getFields())
    fields[field.getName().str()] =
        cast<IntegerAttr>(field.getValue()).getInt();
  return json::Object{{"family", schedule.getFamily()},
                      {"fields", std::move(fields)}};
}

/// A product and the schedules that it admits.
static json::Value describeProduct(SpmmOp op, const ChipInfo &chip) {
  SpmmProblem problem(op);
  std::string type;
  llvm::raw_string_ostream(type) << problem.element;
  json::Value tokens = nullptr;
  if (!ShapedType::isDynamic(problem.numTokens) &&
      !ShapedType::isDynamic(problem.numBatches))
    tokens = problem.numTokens * problem.numBatches;
  json::Array schedules;
  for (ScheduleAttr schedule : listSchedules(op.getContext(), problem, chip))
    schedules.push_back(toJSON(schedule));
  return json::Object{
      {"dtype", type},
      {"rows", problem.numRows},
      {"cols", problem.numCols},
      {"tokens", std::move(tokens)},
      {"pattern", op.getEncoding().getPattern().getPattern().str()},
      {"x_layout", stringifyActivationLayout(op.getXLayout())},
      {"y_layout", stringifyActivationLayout(op.getYLayout())},
      {"weight_layout", stringifyStorageLayout(op.getEncoding().getLayout())},
      {"schedules", std::move(schedules)}};
}

namespace {
struct ListSchedulesPass final
    : vnm::impl::ListSchedulesBase<ListSchedulesPass> {
  using ListSchedulesBase::ListSchedulesBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    markAllAnalysesPreserved();
    if (checkTarget(module.getLoc(), chip, /*ptx=*/0).empty())
      return signalPassFailure();
    const ChipInfo &info = *lookupChip(chip);
    json::Array products;
    llvm::StringSet<> seen;
    module.walk([&](SpmmOp op) {
      json::Value product = describeProduct(op, info);
      std::string text;
      llvm::raw_string_ostream(text) << product;
      if (seen.insert(text).second)
        products.push_back(std::move(product));
    });
    std::error_code error;
    llvm::raw_fd_ostream stream(file, error, llvm::sys::fs::OF_Text);
    if (!error) {
      stream << llvm::formatv(
          "{0:2}\n",
          json::Value(json::Object{{"version", kVersion},
                                   {"chip", chip.getValue()},
                                   {"products", std::move(products)}}));
      stream.flush();
      error = stream.error();
      stream.clear_error();
    }
    if (!error)
      return;
    emitError(module.getLoc())
        << "vnm-list-schedules: option file: requires a writable file, but '"
        << file << "' cannot be written: " << error.message();
    signalPassFailure();
  }
};
} // namespace
