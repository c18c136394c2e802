// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares reading and writing of safetensors files.

#ifndef VNM_SPARSITY_SAFETENSORS_H
#define VNM_SPARSITY_SAFETENSORS_H

#include "vnm/Sparsity/Storage.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>
#include <memory>
#include <string>

namespace vnm::sparsity {

/// One tensor of a safetensors file; `data` points into the file's buffer.
struct SafetensorsEntry {
  std::string dtype; ///< as in the file: "F16", "BF16", "F32", "I8", "I16", ...
  std::vector<int64_t> shape;
  llvm::ArrayRef<char> data;
};

/// A safetensors file, memory-mapped. Parsing is strict: header length, JSON,
/// dtypes, shapes, offsets without holes or overlaps, at most 100 MB of header.
class SafetensorsFile {
public:
  /// An error of the system (no such file) carries the system's code.
  static llvm::Expected<SafetensorsFile> open(llvm::StringRef path);
  static llvm::Expected<SafetensorsFile>
  parse(std::unique_ptr<llvm::MemoryBuffer> buffer);

  const std::map<std::string, SafetensorsEntry> &tensors() const {
    return entries;
  }
  const std::map<std::string, std::string> &metadata() const { return info; }

  /// Reads the packed weight stored under `name` (docs/storage-format.md,
  /// "On disk") and verifies every rule.
  llvm::Expected<Storage> readStorage(llvm::StringRef name) const;
  /// Names of the packed weights in the file.
  std::vector<std::string> storageNames() const;

private:
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> info;
};

/// Collects tensors and writes them as one safetensors file, atomically (a
/// temporary file in the same folder, then a rename).
class SafetensorsWriter {
public:
  /// Adds a tensor; bytes are copied. Error: a name used twice, a size that
  /// disagrees with dtype and shape.
  llvm::Error add(llvm::StringRef name, llvm::StringRef dtype,
                  llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<char> data);
  /// Adds the tensors and the description of a packed weight.
  llvm::Error addStorage(llvm::StringRef name, const Storage &storage);
  /// Adds all tensors and metadata of another file. Its data is not kept:
  /// write() reads it again, tensor by tensor, so the file must stay as it is.
  /// Errors: those of SafetensorsFile::open, names used twice. Metadata of a
  /// key that is there is replaced.
  llvm::Error addFile(llvm::StringRef path);
  void setMetadata(llvm::StringRef key, llvm::StringRef value);
  /// An error of the system carries the system's code.
  llvm::Error write(llvm::StringRef path) const;

private:
  struct Pending {
    std::string dtype;
    std::vector<int64_t> shape;
    int64_t numBytes;
    std::vector<char> data; ///< empty if the tensor comes from a file
    std::string path;       ///< of that file, or empty
  };
  /// Writes all data in `order` to `stream`.
  llvm::Error writeData(
      llvm::ArrayRef<std::map<std::string, Pending>::const_iterator> order,
      llvm::raw_ostream &stream) const;

  std::map<std::string, Pending> entries;
  std::map<std::string, std::string> info;
};

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_SAFETENSORS_H
