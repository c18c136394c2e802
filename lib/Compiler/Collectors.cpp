// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file collects diagnostics and remarks.

#include "Collectors.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace vnm::compiler;

char CompileError::ID;

llvm::StringRef vnm::compiler::toString(Severity severity) {
  static constexpr llvm::StringLiteral kNames[] = {"error", "warning", "remark",
                                                   "note"};
  return kNames[unsigned(severity)];
}

void CompileError::log(llvm::raw_ostream &os) const {
  llvm::ListSeparator lines("\n");
  for (const Diagnostic &diagnostic : diagnostics)
    os << lines << diagnostic.location << ": " << toString(diagnostic.severity)
       << ": " << diagnostic.message;
}

/// As MLIR prints it, without the keyword that locations in IR begin with.
static std::string print(Location location) {
  std::string text;
  llvm::raw_string_ostream(text) << LocationAttr(location);
  llvm::StringRef inner = text;
  if (inner.consume_front("loc(") && inner.consume_back(")"))
    return inner.str();
  return text;
}

static Severity convert(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return Severity::Error;
  case DiagnosticSeverity::Warning:
    return Severity::Warning;
  case DiagnosticSeverity::Remark:
    return Severity::Remark;
  case DiagnosticSeverity::Note:
    return Severity::Note;
  }
  llvm_unreachable("an unknown severity");
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context,
              [this](mlir::Diagnostic &diagnostic) { add(diagnostic); }) {}

void DiagnosticCollector::add(mlir::Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> lock(mutex);
  auto append = [&](mlir::Diagnostic &one) {
    diagnostics.push_back(
        {convert(one.getSeverity()), print(one.getLocation()), one.str()});
  };
  append(diagnostic);
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    append(note);
}

namespace {
/// Calls a function with each remark.
class CallingStreamer final : public remark::detail::MLIRRemarkStreamerBase {
public:
  using Function = std::function<void(const remark::detail::Remark &)>;
  explicit CallingStreamer(Function function) : function(std::move(function)) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    function(remark);
  }

private:
  Function function;
};
} // namespace

/// The text of a remark, then its reason, suggestion and metrics by name.
static std::string getMessage(const remark::detail::Remark &remark) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::ListSeparator separator("; ");
  for (const auto &argument : remark.getArgs())
    if (argument.key == "Remark")
      stream << separator << argument.val;
  for (const auto &argument : remark.getArgs())
    if (argument.key != "Remark")
      stream << separator << argument.key << ": " << argument.val;
  return text;
}

static Remark convert(const remark::detail::Remark &remark) {
  // What upstream's engine says of a remark without a function.
  llvm::StringRef function = remark.getFunction();
  if (function == "<unknown function>")
    function = "";
  return {remark.getRemarkTypeString().str(),
          remark.getCombinedCategoryName().str(),
          remark.getRemarkName().str(),
          function.str(),
          print(remark.getLocation()),
          getMessage(remark)};
}

LogicalResult RemarkCollector::attach(MLIRContext &context,
                                      llvm::StringRef categories) {
  std::string text = categories.str();
  remark::RemarkCategories all{text, text, text, text, text};
  return remark::enableOptimizationRemarks(
      context,
      std::make_unique<CallingStreamer>(
          [this](const remark::detail::Remark &remark) {
            std::lock_guard<std::mutex> lock(mutex);
            remarks.push_back(convert(remark));
          }),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
}
