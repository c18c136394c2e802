// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements checks and reports.

#include "Report.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace vnm::emulator;

static constexpr StringLiteral kNames[kNumChecks] = {
    "bounds",     "alignment", "uninit", "race",        "proxy",
    "divergence", "barrier",   "async",  "instruction", "deadlock"};

StringRef vnm::emulator::stringify(Check check) {
  return kNames[unsigned(check)];
}

std::string CheckSet::parse(StringRef text) {
  SmallVector<StringRef> items;
  text.split(items, ',');
  uint32_t all = (1u << kNumChecks) - 1;
  // A list that starts with a name is a list of what to check.
  uint32_t result = text.starts_with("-") ? all : 0;
  for (StringRef item : items) {
    StringRef name = item;
    bool remove = name.consume_front("-");
    uint32_t mask = 0;
    if (name == "all" || name == "none")
      mask = all;
    for (unsigned i = 0; i < kNumChecks; ++i)
      if (name == kNames[i])
        mask = 1u << i;
    if (mask == 0)
      return "requires checks to be all, none or of " + join(ArrayRef(kNames), ", ") +
             ", but there is '" + item.str() + "'";
    if (name == "none")
      remove = !remove;
    result = remove ? result & ~mask : result | mask;
  }
  bits = result;
  return "";
}

std::string OpRef::str() const {
  return (getName() + " at " + getLocation()).str();
}

void ReportList::add(Check check, StringRef key, std::string text) {
  std::lock_guard<std::mutex> lock(mutex);
  std::string unique = (stringify(check) + ":" + key).str();
  if (!keys.insert(unique).second || reports.size() >= kMaxReports)
    return;
  reports.push_back(std::move(text) + " [" + stringify(check).str() + "]");
}

bool ReportList::isEmpty() {
  std::lock_guard<std::mutex> lock(mutex);
  return reports.empty();
}
