// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the emulator checks, and the reports it makes.

#ifndef VNM_LIB_EMULATOR_REPORT_H
#define VNM_LIB_EMULATOR_REPORT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace vnm::emulator {

/// What is checked. Deadlocks and accesses that would leave memory the process
/// has are reported whatever is switched off.
enum class Check : uint8_t {
  Bounds,      ///< Accesses outside of shared memory or of an allocation.
  Alignment,   ///< Accesses not aligned as the instruction demands.
  Uninit,      ///< Reads of memory that nothing wrote.
  Race,        ///< Unordered conflicting accesses to shared memory.
  Proxy,       ///< Generic writes that the async proxy sees without a fence.
  Divergence,  ///< Collectives that not all their lanes execute.
  Barrier,     ///< Misuse of barriers and mbarriers.
  Async,       ///< Results used, or threads ended, before asynchronous work.
  Instruction, ///< Metadata, descriptors and operands PTX leaves undefined.
  Deadlock     ///< Threads that wait for ever.
};
inline constexpr unsigned kNumChecks = 10;

/// The name of a check on the command line.
llvm::StringRef stringify(Check check);

/// A set of checks.
class CheckSet {
public:
  /// All of them.
  CheckSet() = default;
  /// Parses "all", "none", "name", "-name", separated by commas; returns what
  /// is wrong, or an empty string.
  std::string parse(llvm::StringRef text);
  bool has(Check check) const { return bits >> unsigned(check) & 1; }

private:
  uint32_t bits = (1u << kNumChecks) - 1;
};

/// An operation of a kernel, as the conversion describes it: three strings that
/// follow each other, each ended by a zero byte.
class OpRef {
public:
  OpRef() = default;
  explicit OpRef(const char *record) : record(record) {}

  llvm::StringRef getKernel() const { return record; }
  /// The op's name and which of its name in the kernel it is.
  llvm::StringRef getName() const { return getKernel().end() + 1; }
  /// The MLIR location.
  llvm::StringRef getLocation() const { return getName().end() + 1; }
  /// Name and location in one text.
  std::string str() const;

  explicit operator bool() const { return record; }
  bool operator==(OpRef other) const { return record == other.record; }
  bool operator!=(OpRef other) const { return record != other.record; }
  const char *getRecord() const { return record; }

private:
  const char *record = nullptr;
};

/// The reports of a launch. Reports of one check at one op are reported once.
class ReportList {
public:
  /// Adds `text` unless a report with this check and `key` is there.
  void add(Check check, llvm::StringRef key, std::string text);
  bool isEmpty();
  /// Only after the launch.
  const std::vector<std::string> &get() const { return reports; }

private:
  static constexpr size_t kMaxReports = 10;

  std::mutex mutex;
  llvm::StringSet<> keys;
  std::vector<std::string> reports;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_REPORT_H
