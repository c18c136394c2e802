// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the tests of safetensors files share.

#ifndef VNM_TEST_UNIT_SPARSITY_SAFETENSORSTESTUTILS_H
#define VNM_TEST_UNIT_SPARSITY_SAFETENSORSTESTUTILS_H

#include "TestUtils.h"
#include "vnm/Sparsity/Safetensors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace vnm::sparsity::test {

/// A folder that lives as long as the test.
class SafetensorsTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(
        llvm::sys::fs::createUniqueDirectory("vnm-safetensors", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) const {
    llvm::SmallString<128> result(folder);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }

  llvm::SmallString<128> folder;
};
/// Bytes of a file with this header and data.
inline std::string fileOf(llvm::StringRef header, llvm::StringRef data) {
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  return std::string(length, 8) + header.str() + data.str();
}

inline llvm::Expected<SafetensorsFile> parseBytes(llvm::StringRef bytes) {
  return SafetensorsFile::parse(llvm::MemoryBuffer::getMemBufferCopy(bytes));
}

/// All bytes of a file; none if it cannot be read.
inline std::string readBytes(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

} // namespace vnm::sparsity::test

#endif // VNM_TEST_UNIT_SPARSITY_SAFETENSORSTESTUTILS_H
