// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares results of single instructions on a GPU, as
// scripts/check_instructions.py writes them, and their replay.

#ifndef VNM_TEST_UNIT_EMULATOR_DEVICERESULTS_H
#define VNM_TEST_UNIT_EMULATOR_DEVICERESULTS_H

#include "vnm/Emulator/Instructions/Memory.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace vnm::emulator::test {

/// Shared memory that is an array of bytes from address 0 on.
class ByteMemory : public SharedMemory {
public:
  explicit ByteMemory(size_t size) : bytes(size) {}

  llvm::Error read(uint32_t address, llvm::MutableArrayRef<uint8_t> out,
                   unsigned lane) override;
  llvm::Error write(uint32_t address, llvm::ArrayRef<uint8_t> in,
                    unsigned lane) override;

  std::vector<uint8_t> bytes;
};

/// A part of a file: an instruction, operands of `samples` samples, and what
/// the GPU computed of them.
struct DeviceResults {
  /// Fields of the header, e.g. family, type_a, k; see
  /// scripts/instructions/table.py.
  llvm::StringMap<std::string> fields;
  /// Words per sample.
  size_t countA = 0, countB = 0, countC = 0, countE = 0, countMemory = 0,
         countD = 0;
  /// Words of D that the file has: every stride-th.
  size_t keptD = 0;
  /// Samples x words.
  std::vector<uint32_t> a, b, c, e, memory, d;

  std::string getText(llvm::StringRef field) const {
    return fields.lookup(field);
  }
  int64_t getNumber(llvm::StringRef field) const;
  /// The numbers of a field that lists them with commas.
  llvm::SmallVector<int64_t, 3> getList(llvm::StringRef field) const;
  size_t getNumSamples() const { return size_t(getNumber("samples")); }

  /// Reads a file. Errors name it.
  static llvm::Expected<std::vector<DeviceResults>>
  readFile(const std::string &path);

  /// What the emulator computes for sample `sample`, in the order of `d`.
  llvm::Expected<std::vector<uint32_t>> replay(size_t sample) const;

private:
  /// Parses the header and takes words off `data`.
  static llvm::Expected<DeviceResults> read(llvm::StringRef &data);
};

} // namespace vnm::emulator::test

#endif // VNM_TEST_UNIT_EMULATOR_DEVICERESULTS_H
